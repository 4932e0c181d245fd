"""Synthetic results of a small grid, as each stage of the workflow writes them."""

from itertools import product

import numpy as np
import pandas as pd
import pyarrow as pa

from tunegrid.config.catalogue import MethodEntry
from tunegrid.config.compare_settings import CompareSettings
from tunegrid.config.update_settings import UpdateSettings
from tunegrid.memory import KINDS
from tunegrid.memory.fit import load_gpus
from tunegrid.memory.records import MeasuredStep, StepMemory, TrainingStep
from tunegrid.metrics import METRICS, TaskMetrics, default_metrics
from tunegrid.reporting.memory_tables import prediction_table
from tunegrid.reporting.result_tables import build_tables
from tunegrid.results import FINISHED
from tunegrid.statistics.costs import INFERENCE, cost
from tunegrid.statistics.error_analysis import count_errors
from tunegrid.statistics.measured_tasks import MeasuredTask, measured_tasks
from tunegrid.statistics.overall import compare_over_tasks
from tunegrid.statistics.summarise import summarise

#: Steps of a run and of an epoch.
STEPS_OF_RUN, STEPS_OF_EPOCH = 20, 10


#: Tasks of every kind: by accuracy, by correlations of labels and of numbers, of several labels.
MIXED = {
    "t1": MeasuredTask("single_label", default_metrics("single_label")),
    "cola": MeasuredTask(
        "single_label",
        TaskMetrics(("loss", "accuracy", "matthews_correlation"), main="matthews_correlation"),
    ),
    "sts": MeasuredTask("regression", default_metrics("regression")),
    "topics": MeasuredTask("multi_label", default_metrics("multi_label")),
}


def make_runs(
    models=("m1", "m2"), methods=("full", "a8"), tasks=("t1", "t2"), seeds=(1, 2), measured=None
):
    """As collect_runs returns them; the second seed of a8 is degenerate.

    `measured` says by what each task is measured; None: all by accuracy.
    """
    draw = np.random.default_rng(0)
    measured = measured or {}
    by_accuracy = MeasuredTask("single_label", default_metrics("single_label"))
    rows = []
    for model, task, method, seed in product(models, tasks, methods, seeds):
        of_task = measured.get(task, by_accuracy)
        row = {"model": model, "task": task, "method": method, "seed": seed, "hash": "=1+1"}
        row |= {
            "target": of_task.target,
            "metrics": " ".join(of_task.metrics.names),
            "main_metric": of_task.metrics.main,
            "positive": of_task.metrics.positive or "",
        }
        row |= measure_metrics(draw, of_task.metrics.names)
        row |= {
            f"majority_{name}": 0.4 if name == "accuracy" else 0.2
            for name in of_task.metrics.names
            if name != "micro_f1" and METRICS[name].of_decisions
        }
        row |= {
            "degenerate": method == "a8" and seed == 2,
            "degenerate_reason": None,
            "state": FINISHED,
            "problem": None,
            "trainable_parameters": 10 if method == "a8" else 1000,
            "total_parameters": 1000,
            "stored_bytes": 40 if method == "a8" else 4000,
            **dict.fromkeys(INFERENCE),
            "steps": STEPS_OF_RUN,
            "train_seconds": 1.25,
            "peak_memory": 2e9,
            "peak_memory_of": "process",
            "live_tensors": 1e9,
            "train_joules": None,
            "examples.train": 10,
            "examples.dev": 3 if task == "t1" else None,
            "examples.test": 5,
            "labels.train": 2,
            **{
                f"settings.{name}": field.default
                for name, field in UpdateSettings.model_fields.items()
            },
            "settings.split_seed": 0,
            "settings.learning_rate": 2e-5,
            "settings.padding_dependent": False,
            "settings.epochs": 2,
            "settings.batch_size": 8,
            "settings.warmup_ratio": 0.1,
            "settings.schedule": "x",
            "settings.weight_decay": 0.0,
            "settings.precision": "fp32",
            "settings.protocol": "standard",
            "settings.select": "last",
            "settings.early_stopping": None,
            "provenance.started": "2026-01-02T03:04:05+00:00",
            "provenance.commit": "f00" * 9,
            "provenance.device": "CPU",
            "provenance.host": "node7",
            "provenance.slurm_job": None,
        }
        rows.append(row)
    return pd.DataFrame(rows)


def add_test_splits(runs, *, first=False):
    """Runs of two tasks, changed: those of t2 have the scores of two test splits."""
    shift = {"near": 0.1, "far": -0.1}
    for name, by in shift.items():
        column = f"test_splits.{name}."
        runs[f"{column}examples"] = [3.0] * len(runs)
        runs[f"{column}accuracy"] = runs["accuracy"] + by
        runs.loc[runs["task"] == "t1", [f"{column}examples", f"{column}accuracy"]] = None
    runs["examples"] = 6
    if first:
        runs["test_score"] = ["first" if task == "t2" else None for task in runs["task"]]
    return runs


def measure_metrics(draw, names):
    """A value of each of these metrics; an added one takes the accuracy's place in its range."""
    accuracy = draw.uniform(0.5, 0.9)
    values = {
        "loss": draw.uniform(0.3, 1),
        "accuracy": accuracy,
        "micro_f1": accuracy,
        "macro_f1": accuracy - 0.1,
    }
    for name in names:
        entry = METRICS[name]
        lower, upper = np.clip(entry.bounds, -1, 1)
        values.setdefault(name, lower + (upper - lower) * accuracy)
    return {name: values[name] for name in names}


def make_intervals(runs):
    """A tenth to either side of each group's mean, as compare_methods would have it."""
    compared = [metric.name for one in measured_tasks(runs).values() for metric in one.compared]
    names = list(dict.fromkeys(compared))
    means = runs.groupby(["model", "task", "method"], sort=False)[names].mean()
    long = means.melt(ignore_index=False, var_name="metric").dropna().reset_index()
    value = long.pop("value").astype(float)
    return long.assign(standard_error=0.05, crossed_low=value - 0.1, crossed_high=value + 0.1)


def make_card(task, title, exact=0, near=0, conflicts=0):
    """As check_task writes it."""
    held = {"examples": 200, "labels": {"x": 150, "y": 50}}
    lengths = {
        "examples": 200, "median": 11.5, "p95": 30.2, "longest": 60, "truncated": 1,
        "control_tokens": 0,
    }  # fmt: skip
    pairs = [{"target": "e1", "source": "e2", "similarity": 1.0}] if exact else []
    group = [{"split": "train", "id": f"e{at}", "label": label} for at, label in enumerate("xy")]
    return {
        "task": task,
        "title": title,
        "threshold": 0.8,
        "splits": {"train": held, "test": held},
        "test_splits": {},
        "of_test_splits": {},
        "word_baseline": {"accuracy": 0.61, "micro_f1": 0.61, "macro_f1": 0.5},
        "few_shot": [{"labels": [0, 1], "examples": 16, "seed": None}] if near else [],
        "tokenizers": {"m1": {"max_length": 32, "splits": {"train": lengths, "test": lengths}}},
        "warnings": ["test: 3 examples have a label that train lacks (z)"] if conflicts else [],
        "shown": [make_shown("train", "e1", "x"), make_shown("train", "e2", "y", "|**a** <b>")],
        "ends": [make_shown("test", "e9", "x", "a"), make_shown("train", "e4", "y", "b\nc\td")],
        "signs": [
            {
                "sign": "line ends",
                "examples": {"train": 1, "test": 0},
                "split": "train",
                "id": "e4",
                "excerpt": "b\nc\td",
            }
        ],
        "dropped": {"train": {"label -": 2}} if conflicts else {},
        "within": {split: {"exact": 3, "near": 0} for split in ("train", "test")},
        "across": [
            {"source": "train", "target": "test", "exact": exact, "near": near, "pairs": pairs}
        ],
        "conflicts": {
            "texts": conflicts,
            "examples": {"train": 2 * conflicts, "test": 0},
            "listed": [group] * conflicts,
        },
    }


def make_shown(split, example, label, text="a text"):
    """An example as a card shows it."""
    return {
        "split": split, "id": example, "label": label, "text": text, "text_pair": None,
        "characters": len(text),
    }  # fmt: skip


def make_comparison(model, difference, low, high, verdict, needed=(None, None), metric="accuracy"):
    """A row as compare_methods returns it: a8 against full on t1, in a family of two."""
    return {
        "question": "against the reference",
        "model": model,
        "task": "t1",
        "method": "a8",
        "reference_model": model,
        "reference": "full",
        "metric": metric,
        "main": metric == "accuracy",
        "verdict": verdict,
        "seeds": 5,
        "reference_seeds": 5,
        "seeds_planned": 5,
        "paired": True,
        "examples": 139,
        "degenerate": 0,
        "reference_degenerate": 0,
        "mean": 0.6,
        "reference_mean": 0.6 - difference,
        "difference": difference,
        "standard_error": (high - low) / 4,
        "df": 6.5,
        "low": low,
        "high": high,
        "p": 0.01 if verdict == "worse" else 0.6,
        "family": 2,
        "p_holm": 0.02 if verdict == "worse" else 1.0,
        "level": 0.025,
        "verdict_low": low - 0.002,
        "verdict_high": high + 0.002,
        "margin": 0.01,
        "p_equivalence": 0.7,
        "effect_size": -1.5,
        "detectable": 0.017,
        "seeds_needed": needed[0],
        "examples_needed": needed[1],
    }


def predictions(model, task, method, seed):
    """Four examples: full gets one of them wrong, a8 two, of which one always."""
    wrong = {"full": [3], "a8": [seed, 3]}[method]
    label = ["x", "y", "x", "y"]
    other = {"x": "y", "y": "x"}
    predicted = [other[name] if at in wrong else name for at, name in enumerate(label)]
    return pa.table({"id": list("abcd"), "label": label, "predicted": predicted})


def built():
    """The tables of the runs below."""
    return build_tables(
        runs=RUNS,
        summary=SUMMARY,
        cards=CARDS,
        comparisons=COMPARISONS,
        overall=OVERALL,
        costs=cost(RUNS, STEPS),
        memory=STEPS,
        errors=ERRORS,
    )


def make_history(runs):
    """The training loss of every step, as history.parquet holds it."""
    rows = [
        {
            "model": run.model,
            "task": run.task,
            "method": run.method,
            "seed": run.seed,
            "step": step,
            "epoch": (step - 1) // STEPS_OF_EPOCH + 1,
            "loss": 1 / step,
            "learning_rate": 2e-5,
        }
        for run in runs.itertuples()
        for step in range(1, STEPS_OF_RUN + 1)
    ]
    return pd.DataFrame(rows)


def make_evaluations(runs, split="dev"):
    """Every metric after each epoch, as evaluations.parquet holds it."""
    draw = np.random.default_rng(1)
    rows = []
    for run in runs.itertuples():
        for epoch in range(1, STEPS_OF_RUN // STEPS_OF_EPOCH + 1):
            row = {"model": run.model, "task": run.task, "method": run.method, "seed": run.seed}
            row |= {"epoch": epoch, "step": epoch * STEPS_OF_EPOCH, "split": split}
            rows.append(row | measure_metrics(draw, run.metrics.split()))
    return pd.DataFrame(rows)


CARDS = [make_card("t1", "A & B <i>", exact=7, near=3, conflicts=1), make_card("t2", "two")]
COMPARISONS = pd.DataFrame(
    [
        make_comparison("m1", difference=-0.012, low=-0.020, high=-0.004, verdict="worse"),
        make_comparison(
            "m2",
            difference=0.003,
            low=-0.009,
            high=0.015,
            verdict="cannot be told",
            needed=(14, 2400),
        ),
    ]
).astype({"seeds_needed": "Int64", "examples_needed": "Int64"})
#: Each method is compared on one task alone, so that there is no mean over tasks.
OVERALL = compare_over_tasks(COMPARISONS, CompareSettings())
#: The memory of a step of each model and method, as the table `memory` holds it.
STEPS = pd.DataFrame(
    [
        ("m1", "full", 8, 32, 100e6),
        ("m1", "a8", 8, 32, 61e6),
        ("m2", "full", 8, 32, 100e6),
        ("m2", "a8", 16, 32, 99e6),
    ],
    columns=["model", "method", "batch", "tokens", "traced"],
)
RUNS = make_runs()
SUMMARY = summarise(RUNS, CARDS, make_intervals(RUNS))
ERRORS = count_errors(RUNS, predictions)


def make_step(method: str, batch: int) -> TrainingStep:
    """A training step of 32 tokens an example."""
    return TrainingStep(
        method=method,
        method_source=MethodEntry(kind="full" if method == "full" else "head"),
        labels=2,
        batch=batch,
        tokens=32,
        attention="auto",
    )


#: What predict_memory and measure_memory find.
PREDICTED = [
    StepMemory(
        model="m1",
        step=make_step(method, batch=8),
        traced=7_000_000_000 - closed_form // 2,
        parts=dict.fromkeys(KINDS, 1_000_000_000),
        total_parameters=10**8,
        trainable_parameters=10**8,
        closed_form=closed_form,
        fits=dict.fromkeys(load_gpus(), 16) | {"H200": 0},
        by_batch={1: 10**9, 256: 9 * 10**10},
        by_tokens={32: 10**9, 512: 2 * 10**9},
    )
    for method, closed_form in (("full", 0), ("a8", 2_000_000_000))
]
MEASURED = [
    MeasuredStep(
        model="m1",
        step=make_step("full", batch=4),
        device="CPU",
        peak=6_000_000_000,
        reserved=None,
        predicted=6_060_000_000,
    ),
]
MEMORY = prediction_table(PREDICTED, MEASURED).data
