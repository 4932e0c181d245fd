"""Synthetic results of a small grid, as each stage writes them."""

from itertools import product

import numpy as np
import pandas as pd
import pyarrow as pa

from tunegrid.memory import KINDS
from tunegrid.memory.fitting import gpus
from tunegrid.metrics import METRICS
from tunegrid.reporting.grid_tables import build_tables
from tunegrid.reporting.memory_tables import prediction_table
from tunegrid.results import FINISHED
from tunegrid.statistics.costs import cost
from tunegrid.statistics.error_analysis import count_errors
from tunegrid.statistics.summarise import summarise


def make_runs(models=("m1", "m2"), methods=("full", "a8"), tasks=("t1", "t2"), seeds=(1, 2)):
    draw = np.random.default_rng(0)
    rows = []
    for model, task, method, seed in product(models, tasks, methods, seeds):
        accuracy = draw.uniform(0.5, 0.9)
        rows.append(
            {
                "model": model, "task": task, "method": method, "seed": seed, "hash": "=1+1",
                "loss": draw.uniform(0.3, 1), "accuracy": accuracy, "micro_f1": accuracy,
                "macro_f1": accuracy - 0.1, "majority_accuracy": 0.4, "majority_macro_f1": 0.2,
                "degenerate": method == "a8" and seed == 2, "degenerate_reason": None,
                "state": FINISHED, "problem": None,
                "trainable_parameters": 10 if method == "a8" else 1000, "total_parameters": 1000,
                "steps": 20, "train_seconds": 1.25, "examples.train": 10, "examples.test": 5,
                "labels.train": 2, "settings.split_seed": 0,
                "examples.dev": 3 if task == "t1" else None,
                "settings.learning_rate": 2e-5, "settings.epochs": 2,
                "settings.batch_size": 8, "settings.warmup_ratio": 0.1, "settings.schedule": "x",
                "settings.weight_decay": 0.0, "settings.precision": "fp32",
                "settings.protocol": "standard", "settings.select": "last",
                "settings.early_stopping": None, "provenance.started": "2026-01-02T03:04:05+00:00",
                "provenance.commit": "f00" * 9, "provenance.device": "CPU",
                "provenance.host": "node7", "provenance.slurm_job": None,
                "peak_memory": 2e9, "peak_memory_of": "process", "train_joules": None,
            }
        )  # fmt: skip
    return pd.DataFrame(rows)


def make_intervals(runs):
    """A tenth to either side of each group's mean, as compare_methods would have it."""
    means = runs.groupby(["model", "task", "method"], sort=False)[["accuracy", "macro_f1"]].mean()
    long = means.melt(ignore_index=False, var_name="metric").dropna().reset_index()
    value = long.pop("value").astype(float)
    return long.assign(crossed_low=value - 0.1, crossed_high=value + 0.1)


def make_card(task, title, exact=0, near=0, conflicts=0):
    held = {"examples": 200, "labels": {"x": 150, "y": 50}}
    lengths = {"examples": 200, "median": 11.5, "p95": 30.2, "longest": 60, "truncated": 1}
    leak = {"source": "train", "target": "test", "exact": exact, "near": near}
    pairs = [{"target": "e1", "source": "e2", "similarity": 1.0}] * bool(exact)
    group = [{"split": "train", "id": f"e{at}", "label": label} for at, label in enumerate("xy")]
    return {
        "task": task, "title": title, "threshold": 0.8,
        "splits": {"train": held, "test": held},
        "word_baseline": {"accuracy": 0.61, "micro_f1": 0.61, "macro_f1": 0.5},
        "few_shot": [{"labels": [0, 1], "examples": 16, "seed": None}] if near else [],
        "tokenizers": {"m1": {"max_length": 32, "splits": {"train": lengths, "test": lengths}}},
        "within": {split: {"exact": 3, "near": 0} for split in ("train", "test")},
        "across": [leak | {"pairs": pairs}],
        "conflicts": {"texts": conflicts, "examples": {"train": 2 * conflicts, "test": 0},
                      "listed": [group] * conflicts},
    }  # fmt: skip


CARDS = [make_card("t1", "A & B <i>", exact=7, near=3, conflicts=1), make_card("t2", "two")]


COMPARISONS = pd.DataFrame(
    [
        {"model": model, "task": "t1", "method": "a8", "reference": "full", "metric": "accuracy",
         "seeds": 5, "examples": 139, "mean": 0.6, "reference_mean": 0.6 - difference,
         "difference": difference, "low": low, "high": high, "p": p, "p_holm": p,
         "effect_size": effect, "seeds_needed": needed, "seeds_planned": 5, "detectable": 0.017,
         "degenerate": 0, "reference_degenerate": 0,
         "aso": 0.31, "aso_false_positives": 0.115}
        for model, difference, low, high, p, effect, needed in (
            ("m1", -0.012, -0.020, -0.004, 0.01, -1.5, 7),
            ("m2", 0.003, -0.009, 0.015, 0.6, None, None),
        )
    ]
)  # fmt: skip
STEPS = pd.DataFrame(
    [
        {"model": model, "method": method, "batch": batch, "tokens": 32, "traced": traced}
        for model, method, batch, traced in (
            ("m1", "full", 8, 100e6), ("m1", "a8", 8, 61e6), ("m2", "full", 8, 100e6),
            ("m2", "a8", 16, 99e6),
        )
    ]
)  # fmt: skip


def predictions(model, task, method, seed):
    """Four examples; full gets one wrong, a8 two, of which one always."""
    wrong = {"full": [3], "a8": [seed, 3]}[method]
    label = ["x", "y", "x", "y"]
    predicted = ["yx"[name == "y"] if at in wrong else name for at, name in enumerate(label)]
    return pa.table({"id": list("abcd"), "label": label, "predicted": predicted})


def built():
    """The tables of the runs above."""
    return build_tables(RUNS, SUMMARY, CARDS, COMPARISONS, cost(RUNS, STEPS), STEPS, ERRORS)


def make_history(runs):
    rows = []
    for run in runs.itertuples():
        for step in range(1, 21):
            row = {"model": run.model, "task": run.task, "method": run.method, "seed": run.seed}
            row |= {"step": step, "epoch": (step - 1) // 10 + 1, "loss": 1 / step}
            ends = {f"eval_{metric}": 0.5 for metric in METRICS} if step % 10 == 0 else {}
            rows.append(row | ends)
    return pd.DataFrame(rows)


RUNS = make_runs()
SUMMARY = summarise(RUNS, CARDS, make_intervals(RUNS))
ERRORS = count_errors(RUNS, predictions)


PARTS = dict.fromkeys(KINDS, 1_000_000_000)
PREDICTED = [
    {
        "model": "m1", "method": method, "batch": 8, "tokens": 32, "precision": "fp32",
        "attention": "auto", "closed_form": form, "traced": 7_000_000_000 - form // 2,
        "parts": PARTS, "fits": dict.fromkeys(gpus(), 16) | {"H200": 0},
        "by_batch": {"1": 1e9, "256": 9e10}, "by_tokens": {"32": 1e9, "512": 2e9},
    }
    for method, form in (("full", 0), ("a8", 2_000_000_000))
]  # fmt: skip
MEASURED = [
    {
        "model": "m1", "method": "full", "device": "CPU", "batch": 4, "tokens": 32,
        "peak": 6_000_000_000, "reserved": None, "predicted": 6_060_000_000,
    },
]  # fmt: skip
MEMORY = prediction_table(PREDICTED, MEASURED).data
