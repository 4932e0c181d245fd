"""The aggregates of a big grid: seconds and memory of each program, at several sizes of the grid.

  python tests/benchmarks/bench_aggregates.py [--runs N …] [--predictions N] [--keep FOLDER]

Writes synthetic runs (5 seeds of 10 methods, then of more models and tasks; 100 optimizer steps in
10 epochs; predictions of which each run has its own share right) as the workflow leaves them, and
runs the programs on them as the workflow does on two cores: one after the other, then side by side.
Prints the wall time at the first and the last size, the memory of the largest process, and how much
more the last one takes; with four times as many runs, as by default, 4 is linear.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import islice, product
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.special import log_softmax

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts"))

from tunegrid.config.schema import TrainSettings
from tunegrid.memory import KINDS
from tunegrid.memory.fit import load_gpus
from tunegrid.metrics import METRICS, default_metrics
from tunegrid.provenance import provenance
from tunegrid.results import RUN_PATH

LABELS = ["negative", "neutral", "positive", "mixed"]
METHODS = [f"method-{at}" for at in range(10)]
SEEDS = range(1, 6)
STEPS, EPOCHS = 100, 10
#: The metrics that baselines have.
OF_COUNTS = [name for name in default_metrics("single_label").names if METRICS[name].of_decisions]
#: What provenance.json says of every run.
MADE = provenance("train", code="abc") | {
    "device": "CPU",
    "threads": 1,
    "deterministic": True,
    "seconds": 100.0,
    "splits": {
        name: {"examples": 1000, "labels": dict.fromkeys(LABELS, 250), "truncated": 0}
        for name in ("train", "dev", "test")
    },
}


def settings(run: dict) -> dict:
    data = {"max_length": 128, "max_train": None, "max_dev": None, "max_test": None}
    train = TrainSettings(select_metric="accuracy").model_dump(mode="json") | {
        "epochs": EPOCHS,
        "batch_size": 32,
        "learning_rate": 1e-4,
        "warmup_ratio": 0.1,
        "schedule": "cosine",
        "weight_decay": 0.0,
        "precision": "fp32",
        "protocol": "standard",
        "select": "last",
        "early_stopping": None,
        "micro_batch": "auto",
    }
    return run | {"data": data, "train": train, "model_source": {}}


def write_run(run: dict, root: Path, predictions: int) -> dict:
    """Write a run's files; returns its row of cells.csv."""
    method = METHODS.index(run["method"])
    draw = np.random.default_rng([method, run["seed"], *run["model"].encode()])
    labels = np.random.default_rng([*run["task"].encode()]).integers(len(LABELS), size=predictions)
    path = RUN_PATH.format(**run)
    folder = root / path
    folder.mkdir(parents=True)
    test = draw_predictions(draw, labels, method)
    test.to_parquet(folder / "predictions.parquet", index=False)
    # What a run evaluates after its epochs is smaller than the test split: a tenth here.
    watched = labels[: max(1, predictions // 10)]
    epochs = [
        draw_predictions(draw, watched, method).assign(epoch=epoch, step=epoch * (STEPS // EPOCHS))
        for epoch in range(1, EPOCHS + 1)
    ]
    pd.concat(epochs, ignore_index=True).to_parquet(folder / "evaluations.parquet", index=False)
    step = np.arange(1, STEPS + 1)
    history = {
        "step": step,
        "epoch": (step - 1) // (STEPS // EPOCHS) + 1,
        "loss": 1 / step,
        "learning_rate": 1e-4 * draw.random(STEPS),
    }
    pd.DataFrame(history).to_csv(folder / "history.csv", index=False)
    own = settings(run)
    (folder / "provenance.json").write_text(json.dumps(MADE | {"hash": "abc", "settings": own}))
    training = run | {
        "hash": "abc",
        "labels": LABELS,
        "positive": None,
        "target": "single_label",
        "train_labels": dict.fromkeys(LABELS, 250),
        "train_mean": None,
        "parts": {},
        "watched": "dev",
        "steps": STEPS,
        "steps_per_epoch": STEPS // EPOCHS,
        "selected_epoch": EPOCHS,
        "selected_step": STEPS,
        "skipped_steps": 0,
        "stored_bytes": 4 * 10**8 // (1 + method),
        "inference": None,
        "diverged": False,
        "total_parameters": 10**8,
        "trainable_parameters": 10**8 // (1 + method),
        "micro_batch": 32,
        "out_of_memory": [],
        "peak_memory": 10**9,
        "peak_memory_of": "process",
        "train_seconds": 100.0 / (1 + method),
        "train_joules": None,
    }
    (folder / "training.json").write_text(json.dumps(training))
    return run | {
        "hash": "abc",
        "path": path,
        "test_score": "pooled",
        "target": "single_label",
        "metrics": " ".join(default_metrics("single_label").names),
        "main_metric": "accuracy",
        "positive": "",
        "settings": json.dumps(own),
    }


def draw_predictions(draw: np.random.Generator, labels: np.ndarray, method: int) -> pd.DataFrame:
    """Predictions as a run writes them, of which a method and a run have their own share right."""
    count = len(labels)
    right = draw.random(count) < 0.9 - 0.02 * method + 0.02 * draw.random()
    logits = draw.normal(size=(count, len(LABELS)))
    logits[np.arange(count), labels] += np.where(right, 6, -3)
    names = np.array(LABELS)
    return pd.DataFrame(
        {
            "id": [f"example-{at}" for at in range(count)],
            "label": names[labels],
            "predicted": names[logits.argmax(axis=1)],
            "log_probabilities": list(log_softmax(logits, axis=1)),
        }
    )


def write_grid(folder: Path, runs: int, predictions: int) -> list[str]:
    """Write runs, cells, cards and the tables of memory; returns the grid's tasks."""
    # Models and tasks grow together, as grids do.
    groups = sorted(product(range(40), range(10)), key=sum)
    cells = (
        {"model": f"model-{model}", "task": f"task-{task}", "method": method, "seed": seed}
        for model, task in groups
        for method in METHODS
        for seed in SEEDS
    )
    rows = [write_run(run, folder / "runs", predictions) for run in islice(cells, runs)]
    table = pd.DataFrame(rows)
    table.to_csv(folder / "cells.csv", index=False)
    write_memory(folder / "tables", list(table["model"].unique()))
    tasks = list(table["task"].unique())
    (folder / "cards").mkdir()
    for task in tasks:
        card = make_card(task, predictions)
        (folder / f"cards/{task}.json").write_text(json.dumps(card))
    return tasks


def write_memory(folder: Path, models: list[str]) -> None:
    """Write the tables of predicted memory and of the GPUs that it fits."""
    folder.mkdir()
    predicted = {
        "batch": 32,
        "tokens": 128,
        "precision": "fp32",
        "attention": "auto",
        "closed_form": 10**9,
        "traced": 10**9,
    } | dict.fromkeys(KINDS, 1)
    keys = [{"model": model, "method": method} for model in models for method in METHODS]
    memory = pd.DataFrame([key | predicted for key in keys])
    memory.to_csv(folder / "memory.csv", index=False)
    fits = pd.DataFrame([key | dict.fromkeys(load_gpus(), 64) for key in keys])
    fits.to_csv(folder / "memory_fits.csv", index=False)


def make_card(task: str, examples: int) -> dict:
    """The data card of a task without any fault."""
    splits = ("train", "test")
    held = {"examples": examples, "labels": dict.fromkeys(LABELS, examples // len(LABELS))}
    lengths = {"examples": examples, "median": 10, "p95": 20, "longest": 30, "truncated": 0}
    lengths["control_tokens"] = 0
    return {
        "task": task,
        "title": task,
        "threshold": 0.8,
        "few_shot": [],
        "splits": dict.fromkeys(splits, held),
        "test_splits": {},
        "of_test_splits": {},
        "word_baseline": dict.fromkeys(OF_COUNTS, 0.6),
        "within": {split: {"exact": 0, "near": 0} for split in splits},
        "across": [{"source": "train", "target": "test", "exact": 0, "near": 0, "pairs": []}],
        "conflicts": {"texts": 0, "examples": dict.fromkeys(splits, 0), "listed": []},
        "tokenizers": {"model-0": {"max_length": 128, "splits": dict.fromkeys(splits, lengths)}},
    }


def programs(tasks: list[str]) -> dict[str, list[str]]:
    """The programs with their arguments, as the rules call them from `results`."""
    cards = "--cards " + " ".join(f"cards/{task}.json" for task in tasks)
    commands = {
        "score": "--cells cells.csv --runs runs --scores scores.parquet"
        f" --evaluations evaluations.parquet --processes {CORES}",
        "collect_runs": "--cells cells.csv --scores scores.parquet --runs runs"
        " --parquet runs.parquet --csv runs.csv --history history.parquet",
        "compare_methods": f"--runs runs.parquet --root runs {cards} --parquet comparisons.parquet"
        " --csv comparisons.csv --overall overall.csv --mcnemar mcnemar.csv"
        f" --intervals intervals.parquet --processes {CORES}",
        "summarise": f"--runs runs.parquet {cards} --intervals intervals.parquet"
        " --evaluations evaluations.parquet"
        " --parquet summary.parquet --csv summary.csv",
        "count_errors": "--runs runs.parquet --root runs --output errors",
        "count_cost": "--runs runs.parquet --memory tables/memory.csv --output cost.csv",
        "write_tables": f"--runs runs.parquet --summary summary.parquet {cards}"
        " --comparisons comparisons.parquet --overall overall.csv --cost cost.csv"
        " --memory tables/memory.csv --errors errors --output tables",
        "write_first_page": "--comparisons comparisons.parquet --overall overall.csv"
        " --summary summary.parquet --memory tables/memory.csv --fits tables/memory_fits.csv"
        " --output first_page.html",
        "write_workbook": "--runs runs.parquet --summary summary.parquet"
        " --comparisons comparisons.parquet --overall overall.csv"
        " --per-class errors/per_class.csv --cost cost.csv"
        f" --memory tables/memory.csv {cards} --output results.xlsx",
    }
    return {name: arguments.split() for name, arguments in commands.items()}


#: The cores that Snakemake has; score and compare_methods take them all.
CORES = 2
#: The rules of one wave do not wait for each other, so Snakemake runs them side by side.
WAVES = [
    ["score"],
    ["collect_runs"],
    ["compare_methods"],
    ["count_errors", "summarise", "count_cost"],
    ["write_tables", "write_first_page", "write_workbook"],
]
#: The environment that Snakemake gives to a program of one thread.
ENVIRONMENT = dict.fromkeys(["OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"], "1")


def run_timed(program: str, arguments: list[str], folder: Path) -> tuple[float, float]:
    """Run a program; returns its seconds and the resident memory of its largest process in GB."""
    begun = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, ROOT / f"scripts/{program}.py", *arguments],
        cwd=folder,
        env=os.environ | ENVIRONMENT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    complaints = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"{program} failed:\n{complaints}")
    return time.perf_counter() - begun, usage.ru_maxrss / 1e6


def run_side_by_side(tasks: list[str], folder: Path) -> float:
    """Run all programs wave after wave; returns the seconds."""
    called = programs(tasks)
    begun = time.perf_counter()
    with ThreadPoolExecutor(CORES) as pool:
        for wave in WAVES:
            list(pool.map(lambda name: run_timed(name, called[name], folder), wave))
    return time.perf_counter() - begun


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--runs", type=int, nargs="+", default=[2_500, 10_000], help="sizes of the grid"
    )
    parser.add_argument("--predictions", type=int, default=1000, help="of each run")
    parser.add_argument("--keep", type=Path, help="folder for the runs; default: a temporary one")
    arguments = parser.parse_args()
    # Of each size: seconds and memory of each program alone, and seconds of all side by side.
    alone, together = [], []
    with tempfile.TemporaryDirectory() as temporary:
        for runs in arguments.runs:
            folder = (arguments.keep or Path(temporary)) / str(runs)
            tasks = write_grid(folder, runs, arguments.predictions)
            commands = programs(tasks)
            alone.append({name: run_timed(name, rest, folder) for name, rest in commands.items()})
            together.append(run_side_by_side(tasks, folder))
    first, last = alone[0], alone[-1]
    print(f"{'':16} {arguments.runs[0]:>8} runs {arguments.runs[-1]:>14} runs   ratio")
    for name, (more, memory) in last.items():
        less, _ = first[name]
        print_row(name, less, more, memory)
    less, more = (sum(seconds for seconds, _ in part.values()) for part in (first, last))
    print_row("all", less, more, max(memory for _, memory in last.values()))
    print(f"{'side by side':16} {together[0]:9.1f} s {together[-1]:11.1f} s")


def print_row(name: str, less: float, more: float, memory: float) -> None:
    """A line of the table: seconds of the smaller and the larger grid, GB, and their ratio."""
    print(f"{name:16} {less:9.1f} s {more:11.1f} s {memory:6.2f} GB {more / less:6.1f}")


if __name__ == "__main__":
    main()
