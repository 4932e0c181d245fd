"""The runs that tried candidates as one table, a row a run, and what follows from it."""

import math
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from tunegrid.config.tuning import Space
from tunegrid.files import read_json
from tunegrid.metrics import METRICS
from tunegrid.results import GROUP
from tunegrid.tuning.choosing import Tuning
from tunegrid.tuning.telling import is_dev_too_small

#: What a choice is made for: a model and method, on a task or on all tasks of the grid together.
CHOICE = ["model", "chosen_on", "method"]
#: Stands before the name of a setting that is tried.
SETTING = "settings."
#: Stands for the task where one choice is made by the mean over tasks, with their number.
ALL_TASKS = "all {} tasks"
#: Joins the names of settings.
JOINED_BY = ", "
#: The columns before the settings, and those after them, of `collect_tuning`.
NAMED = [*GROUP, "chosen_on", "metric", "candidate", "seed"]
MEASURED = [
    "score",
    "degenerate",
    "examples",
    "epochs_trained",
    "train_seconds",
    "train_joules",
    "mean",
    "sd",
    "standard_error",
    "told",
    "stopped",
    "chosen",
    "edge",
]


def collect_tuning(groups: Iterable[tuple[str, str, str]], root: Path) -> pd.DataFrame:
    """Every run of every candidate, with what was tried, what it scored, and whether it was chosen.

    Args:
        groups: model, task and method of each choice.
        root: the folder of choose_settings' scores: `<model>/<task>/<method>.json`.

    Returns:
        A row a run, in the order of the groups, of the candidates (numbered from 1) and of the
        seeds: `GROUP`; chosen_on (the task, or `ALL_TASKS`); metric; candidate; seed; a column for
        each setting that is tried, behind `SETTING`, missing where a method does not try it;
        score, degenerate, examples (of dev), epochs_trained, train_seconds and train_joules of the
        run; mean and sd
        of the candidate, by which it is chosen; standard_error of its difference from the chosen
        one; told (whether dev tells it from the chosen one, which is not told from itself); stopped
        (by successive halving, whose scores are those of fewer epochs); chosen;
        and edge: of the chosen candidate, the settings whose value is the least or the greatest
        that was tried, else empty.
    """
    rows = [
        row
        for model, task, method in groups
        for row in _rows_of(
            {"model": model, "task": task, "method": method},
            read_json(root / model / task / f"{method}.json"),
        )
    ]
    tried = {key for row in rows for key in row if key.startswith(SETTING)}
    settings = [name for key in Space.model_fields if (name := f"{SETTING}{key}") in tried]
    table = pd.DataFrame(rows, columns=[*NAMED, *settings, *MEASURED])
    numbers = ["score", "train_seconds", "train_joules", "mean", "sd", "standard_error"]
    return table.astype(dict.fromkeys(numbers, float))


def _rows_of(group: Mapping[str, str], tuning: Tuning) -> Iterator[dict[str, Any]]:
    """The runs of one file of scores on the group's own task: each task has a file of its own."""
    tasks = {run["task"] for candidate in tuning["candidates"] for run in candidate["runs"]}
    chosen_on = group["task"] if len(tasks) == 1 else ALL_TASKS.format(len(tasks))
    for position, candidate in enumerate(tuning["candidates"]):
        is_chosen = position == tuning["chosen"]
        for run in candidate["runs"]:
            if run["task"] != group["task"]:
                continue
            yield {
                **group,
                "chosen_on": chosen_on,
                "metric": tuning["metric"],
                "candidate": position + 1,
                **{f"{SETTING}{key}": value for key, value in candidate["settings"].items()},
                **{key: value for key, value in run.items() if key not in ("task", "epochs")},
                "epochs_trained": run["epochs"],
                "mean": candidate["mean"],
                "sd": candidate["sd"],
                "standard_error": candidate["standard_error"],
                "told": candidate["told"],
                "stopped": candidate["stopped"],
                "chosen": is_chosen,
                "edge": JOINED_BY.join(tuning["edges"]) if is_chosen else "",
            }


def read_tuning(path: Path | None) -> pd.DataFrame | None:
    """The table of `collect_tuning`, which has no row where nothing is tuned yet; None: no path."""
    return None if path is None else pd.read_parquet(path)


def tried_settings(rows: pd.DataFrame) -> list[str]:
    """The settings that some of these rows try, without `SETTING`, in the order of the columns."""
    return [
        str(name).removeprefix(SETTING)
        for name in rows
        if str(name).startswith(SETTING) and rows[name].notna().any()
    ]


def candidates_of(rows: pd.DataFrame) -> pd.DataFrame:
    """One row for each candidate of each choice, in the order of the sequence."""
    return rows.drop_duplicates([*CHOICE, "candidate"])


def summarise_choices(rows: pd.DataFrame) -> pd.DataFrame:
    """What was chosen for each model and method, and what that is worth.

    Args:
        rows: as `collect_tuning` returns them.

    Returns:
        A row for each of `CHOICE`: metric; the chosen value of each setting, by the setting's name;
        mean and sd of the chosen candidate on dev; next_best (the best mean of the others that
        were trained to their end) and
        next_standard_error (of its difference from the chosen one); lowest_edges and highest_edges
        (the settings whose chosen value is the least, or the greatest, that was tried); not_told
        (of these others, how many dev does not tell from the chosen one) of others; dev_too_small;
        examples (of dev, of all its tasks together); candidates; stopped; seeds; runs and
        degenerate (runs of tuning); train_seconds and train_joules of all of them together
        (missing where some do not tell).
    """
    groups = rows.groupby(CHOICE, sort=False)
    return pd.DataFrame(
        [
            dict(zip(CHOICE, key, strict=True)) | _summarise(of_choice, tried_settings(rows))
            for key, of_choice in groups
        ]
    )


def _summarise(rows: pd.DataFrame, settings: list[str]) -> dict[str, Any]:
    candidates = candidates_of(rows)
    chosen = candidates[candidates["chosen"]].iloc[0]
    # The scores of those that were stopped are of fewer epochs.
    others = candidates[~candidates["chosen"] & ~candidates["stopped"].astype(bool)]
    told = others["told"].astype(bool)
    metric = METRICS[chosen["metric"]]
    ranked = others.dropna(subset=["mean"]).sort_values(
        "mean", ascending=not metric.higher_is_better, kind="stable"
    )
    next_best = ranked.iloc[0] if len(ranked) else None
    edges = [key for key in chosen["edge"].split(JOINED_BY) if key]
    lowest = [
        key for key in edges if chosen[f"{SETTING}{key}"] == candidates[f"{SETTING}{key}"].min()
    ]
    return {
        "metric": chosen["metric"],
        **{key: chosen[f"{SETTING}{key}"] for key in settings},
        "mean": chosen["mean"],
        "sd": chosen["sd"],
        "next_best": math.nan if next_best is None else next_best["mean"],
        "next_standard_error": math.nan if next_best is None else next_best["standard_error"],
        "lowest_edges": JOINED_BY.join(lowest),
        "highest_edges": JOINED_BY.join(key for key in edges if key not in lowest),
        "not_told": int((~told).sum()),
        "others": len(others),
        "dev_too_small": is_dev_too_small(list(told)),
        "examples": int(rows.drop_duplicates("task")["examples"].sum()),
        "candidates": len(candidates),
        "stopped": int(candidates["stopped"].sum()),
        "seeds": rows["seed"].nunique(),
        "runs": len(rows),
        "degenerate": int(rows["degenerate"].sum()),
        "train_seconds": rows["train_seconds"].sum(),
        "train_joules": rows["train_joules"].sum(skipna=False),
    }
