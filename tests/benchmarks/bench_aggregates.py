"""The aggregates of a big grid: seconds and memory of each program, at a quarter and at the whole.

  python tests/benchmarks/bench_aggregates.py [--runs N] [--predictions N] [--keep FOLDER]

Writes synthetic runs (5 seeds of 10 methods, then of more models and tasks; 100 optimizer steps in
10 epochs; predictions that are right with a probability of their own) as train.py leaves them, and
runs the programs on them as the workflow does on two cores: one after the other, then side by side.
Prints wall time, the largest process's memory, and what four times the runs cost: 4 is linear.
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

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts"))

from tunegrid.memory import KINDS
from tunegrid.memory.fit import load_gpus
from tunegrid.provenance import provenance
from tunegrid.results import RUN_PATH
from tunegrid.training.metrics import classification_metrics

LABELS = ["negative", "neutral", "positive", "mixed"]
METHODS = [f"method-{at}" for at in range(10)]
SEEDS = range(1, 6)
STEPS, EPOCHS = 100, 10
MADE = provenance("train") | {
    "device": "CPU", "threads": 1, "deterministic": True, "seconds": 100.0,
    "splits": {name: {"examples": 1000, "labels": dict.fromkeys(LABELS, 250), "truncated": 0}
               for name in ("train", "dev", "test")},
}  # fmt: skip


def settings(run: dict) -> dict:
    data = {"max_length": 128, "max_train": None, "max_dev": None, "max_test": None}
    train = {
        "epochs": EPOCHS, "batch_size": 32, "learning_rate": 1e-4, "warmup_ratio": 0.1,
        "schedule": "cosine", "weight_decay": 0.0, "precision": "fp32", "protocol": "standard",
        "select": "last", "early_stopping": None, "micro_batch": "auto",
    }  # fmt: skip
    return run | {"data": data, "train": train}


def write_run(run: dict, root: Path, predictions: int) -> dict:
    """A run's files; returns its row of cells.csv."""
    method = METHODS.index(run["method"])
    draw = np.random.default_rng([method, run["seed"], *run["model"].encode()])
    labels = np.random.default_rng([*run["task"].encode()]).integers(len(LABELS), size=predictions)
    right = draw.random(predictions) < 0.9 - 0.02 * method + 0.02 * draw.random()
    logits = draw.normal(size=(predictions, len(LABELS))).astype(np.float32)
    logits[np.arange(predictions), labels] += np.where(right, 6, -3)
    names = np.array(LABELS)
    path = RUN_PATH.format(**run)
    folder = root / path
    folder.mkdir(parents=True)
    pd.DataFrame(
        {
            "id": [f"example-{at}" for at in range(predictions)],
            "label": names[labels],
            "predicted": names[logits.argmax(axis=1)],
            "probabilities": list(logits),
        }
    ).to_parquet(folder / "predictions.parquet", index=False)
    metrics = run | classification_metrics(logits, labels) | {
        "hash": "abc", "split": "test", "examples": predictions, "parts": {},
        "majority_accuracy": 0.25, "majority_macro_f1": 0.1, "degenerate": False,
        "degenerate_reason": None, "total_parameters": 10**8,
        "trainable_parameters": 10**8 // (1 + method), "steps": STEPS, "selected_epoch": EPOCHS,
        "micro_batch": 32, "out_of_memory": [], "peak_memory": 10**9, "peak_memory_of": "process",
        "train_seconds": 100.0 / (1 + method), "train_joules": None,
    }  # fmt: skip
    (folder / "metrics.json").write_text(json.dumps(metrics))
    own = settings(run)
    (folder / "provenance.json").write_text(json.dumps(MADE | {"hash": "abc", "settings": own}))
    step = np.arange(1, STEPS + 1)
    ends = step % (STEPS // EPOCHS) == 0
    curve = {"step": step, "epoch": (step - 1) // (STEPS // EPOCHS) + 1, "loss": 1 / step}
    curve["learning_rate"] = 1e-4 * draw.random(STEPS)
    for name in ("loss", "accuracy", "micro_f1", "macro_f1"):
        curve[f"eval_{name}"] = np.where(ends, metrics[name], np.nan)
    pd.DataFrame(curve).to_csv(folder / "history.csv", index=False)
    return run | {"hash": "abc", "path": path, "settings": json.dumps(own)}


def write_grid(folder: Path, runs: int, predictions: int) -> list[str]:
    """Runs, cells, cards and the table of memory; returns the grid's tasks."""
    # Models and tasks grow together, as grids do.
    groups = sorted(product(range(40), range(10)), key=sum)
    cells = (
        {"model": f"model-{model}", "task": f"task-{task}", "method": method, "seed": seed}
        for model, task in groups for method in METHODS for seed in SEEDS
    )  # fmt: skip
    rows = [write_run(run, folder / "runs", predictions) for run in islice(cells, runs)]
    table = pd.DataFrame(rows)
    table.to_csv(folder / "cells.csv", index=False)
    models = table["model"].unique()
    memory = [
        {"model": model, "method": method, "batch": 32, "tokens": 128, "precision": "fp32",
         "attention": "auto", "closed_form": 10**9, "traced": 10**9, **dict.fromkeys(KINDS, 1)}
        for model in models for method in METHODS
    ]  # fmt: skip
    (folder / "tables").mkdir()
    pd.DataFrame(memory).to_csv(folder / "tables/memory.csv", index=False)
    fits = [{key: row[key] for key in ("model", "method")} | dict.fromkeys(load_gpus(), 64)
            for row in memory]  # fmt: skip
    pd.DataFrame(fits).to_csv(folder / "tables/memory_fits.csv", index=False)
    tasks = list(table["task"].unique())
    (folder / "cards").mkdir()
    held = {"examples": predictions, "labels": dict.fromkeys(LABELS, predictions // 4)}
    splits = ("train", "test")
    leak = {"source": "train", "target": "test", "exact": 0, "near": 0, "pairs": []}
    for task in tasks:
        card = {
            "task": task, "title": task, "threshold": 0.8, "few_shot": [],
            "splits": dict.fromkeys(splits, held),
            "word_baseline": {"accuracy": 0.6, "micro_f1": 0.6, "macro_f1": 0.5},
            "within": {split: {"exact": 0, "near": 0} for split in splits},
            "across": [leak],
            "conflicts": {"texts": 0, "examples": dict.fromkeys(splits, 0), "listed": []},
            "tokenizers": {"model-0": {"max_length": 128, "splits": {split: {
                "examples": predictions, "median": 10, "p95": 20, "longest": 30, "truncated": 0}
                for split in splits}}},
        }  # fmt: skip
        (folder / f"cards/{task}.json").write_text(json.dumps(card))
    return tasks


def programs(tasks: list[str]) -> dict[str, list[str]]:
    """The programs with their arguments, as the rules call them from `results`."""
    cards = [f"cards/{task}.json" for task in tasks]
    runs, summary = ["--runs", "runs.parquet"], ["--summary", "summary.parquet"]
    comparisons = ["--comparisons", "comparisons.parquet"]
    both = ["--parquet", "{}.parquet", "--csv", "{}.csv"]

    def outputs(name: str) -> list[str]:
        return [text.format(name) for text in both]

    memory, cost = ["--memory", "tables/memory.csv"], ["--cost", "cost.csv"]
    return {
        "collect_runs": ["--cells", "cells.csv", "--runs", "runs", *outputs("runs"),
                         "--history", "history.parquet"],
        "compare_methods": [*runs, "--root", "runs", *outputs("comparisons"), "--mcnemar",
                            "mcnemar.csv", "--intervals", "intervals.parquet", "--processes",
                            str(CORES)],
        "summarise": [*runs, "--cards", *cards, "--intervals", "intervals.parquet",
                      *outputs("summary")],
        "count_errors": [*runs, "--root", "runs", "--output", "errors"],
        "count_cost": [*runs, *memory, "--output", "cost.csv"],
        "write_tables": [*runs, *summary, "--cards", *cards, *comparisons, *cost, *memory, "--fits",
                         "tables/memory_fits.csv", "--errors", "errors", "--output", "tables"],
        "write_workbook": [*runs, *summary, *comparisons, "--per-class", "errors/per_class.csv",
                           *cost, *memory, "--cards", *cards, "--output", "results.xlsx"],
    }  # fmt: skip


#: Rules that wait for none of their own wave: Snakemake runs them side by side on these cores.
#: compare_methods takes both.
CORES = 2
WAVES = [
    ["collect_runs"], ["compare_methods"], ["count_errors", "summarise", "count_cost"],
    ["write_tables", "write_workbook"],
]  # fmt: skip
#: What Snakemake tells a program that has one thread.
ENVIRONMENT = dict.fromkeys(["OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"], "1")


def timed(program: str, arguments: list[str], folder: Path) -> tuple[float, float]:
    """Seconds, and the largest process's resident memory in GB."""
    begun = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, ROOT / f"scripts/{program}.py", *arguments],
        cwd=folder, env=os.environ | ENVIRONMENT,
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    complaints = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"{program} failed:\n{complaints}")
    return time.perf_counter() - begun, usage.ru_maxrss / 1e6


def side_by_side(tasks: list[str], folder: Path) -> float:
    """Seconds of all programs, wave after wave."""
    called = programs(tasks)
    begun = time.perf_counter()
    with ThreadPoolExecutor(CORES) as pool:
        for wave in WAVES:
            list(pool.map(lambda name: timed(name, called[name], folder), wave))
    return time.perf_counter() - begun


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=10_000)
    parser.add_argument("--predictions", type=int, default=1000, help="of each run")
    parser.add_argument("--keep", type=Path, help="folder for the runs; default: a temporary one")
    arguments = parser.parse_args()
    found, together = [], []
    with tempfile.TemporaryDirectory() as temporary:
        for runs in (arguments.runs // 4, arguments.runs):
            folder = (arguments.keep or Path(temporary)) / str(runs)
            tasks = write_grid(folder, runs, arguments.predictions)
            found.append(
                {name: timed(name, rest, folder) for name, rest in programs(tasks).items()}
            )
            together.append(side_by_side(tasks, folder))
    quarter, whole = found
    print(f"{'':16} {arguments.runs // 4:>8} runs {arguments.runs:>14} runs   ratio")
    for name in whole:
        (less, _), (more, memory) = quarter[name], whole[name]
        print(f"{name:16} {less:9.1f} s {more:11.1f} s {memory:6.2f} GB {more / less:6.1f}")
    total = [sum(seconds for seconds, _ in part.values()) for part in found]
    most = max(memory for _, memory in whole.values())
    print(
        f"{'all':16} {total[0]:9.1f} s {total[1]:11.1f} s {most:6.2f} GB {total[1] / total[0]:6.1f}"
    )
    print(f"{'side by side':16} {together[0]:9.1f} s {together[1]:11.1f} s")


if __name__ == "__main__":
    main()
