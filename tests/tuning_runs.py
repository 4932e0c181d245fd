"""Synthetic runs of candidates, as collect_tuning writes them."""

import numpy as np
import pandas as pd

from tunegrid.files import write_json
from tunegrid.metrics import METRICS
from tunegrid.tuning.choosing import best_of, edges, mean_and_sd
from tunegrid.tuning.tuning_rows import collect_tuning

#: The rate at which a method is at its best, and how steeply it falls beside it.
BEST_RATES = {"full": 5e-5, "adapter-64": 8e-4, "adapter-8": 1.5e-3, "lora": 2e-3, "head": 6e-3}
SHIFT = {"full": 0.0, "adapter-64": -0.01, "adapter-8": -0.02, "lora": -0.005, "head": -0.12}


def make_scores(
    method: str,
    tasks=("t1",),
    *,
    level=0.86,
    candidates=8,
    seeds=(101, 102),
    settings=("learning_rate", "epochs"),
    metric="accuracy",
    error=0.01,
    draw=None,
):
    """What choose_settings writes of a method: its best rate is in the middle of what is tried."""
    draw = draw or np.random.default_rng(0)
    best = BEST_RATES.get(method, 1e-3)
    tried = []
    for number in range(candidates):
        rate = float(f"{best * 10 ** draw.uniform(-1, 1):.2e}")
        every = {
            "learning_rate": rate,
            "epochs": [3, 10][number % 2],
            "batch_size": int(draw.choice([8, 16, 32])),
            "schedule": ["linear", "cosine"][number % 2],
        }
        off = np.log10(rate / best)
        mean = level + SHIFT.get(method, 0.0) - 0.12 * off**2 - (0.02 if number % 2 else 0)
        collapsed = off > 0.85
        runs = [
            {
                "task": task,
                "seed": seed,
                "score": float(np.clip(0.5 if collapsed else draw.normal(mean, 0.012), 0, 1)),
                "degenerate": bool(collapsed),
                "examples": 200,
                "epochs": every["epochs"],
                "train_seconds": 12.0,
                "train_joules": None,
            }
            for task in tasks
            for seed in seeds
        ]
        mean, sd = mean_and_sd(runs)
        tried.append(
            {
                "settings": {key: every[key] for key in settings},
                "runs": runs,
                "mean": mean,
                "sd": sd,
                "told": False,
                "standard_error": error,
                "stopped": False,
            }
        )
    chosen = best_of([one["mean"] for one in tried], METRICS[metric])
    for one in tried:
        one["told"] = bool(abs(one["mean"] - tried[chosen]["mean"]) > 1.96 * error)
    found = edges([one["settings"] for one in tried], chosen)
    return {"metric": metric, "chosen": chosen, "edges": found, "candidates": tried}


def make_tuning(folder, models=("m1",), tasks=("t1", "t2"), methods=("full", "a8"), **made):
    """The table of the candidates' runs of a grid."""
    draw = np.random.default_rng(3)
    groups = [(model, task, method) for model in models for task in tasks for method in methods]
    for model, task, method in groups:
        level = 0.86 - 0.08 * tasks.index(task)
        scores = make_scores(method, (task,), level=level, draw=draw, **made)
        write_json(folder / model / task / f"{method}.json", scores)
    return collect_tuning(groups, folder)


def as_rows(scores, folder, method="full", model="m1") -> pd.DataFrame:
    """The table of one file of scores, which stands for each of its tasks."""
    tasks = list(dict.fromkeys(run["task"] for run in scores["candidates"][0]["runs"]))
    for task in tasks:
        write_json(folder / model / task / f"{method}.json", scores)
    return collect_tuning([(model, task, method) for task in tasks], folder)
