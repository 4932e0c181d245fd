"""The table of tasks with several test splits: what each test split scores."""

from collections.abc import Sequence
from typing import Any

import pandas as pd

from tunegrid.metrics import METRICS
from tunegrid.reporting.data_tables import data_warnings
from tunegrid.reporting.marks import explain_marks, format_run_count
from tunegrid.reporting.report_table import ReportTable, format_mean, format_numbers, join_notes
from tunegrid.reporting.run_links import link_groups
from tunegrid.results import GROUP
from tunegrid.statistics.run_counts import count_runs
from tunegrid.statistics.test_splits import PREFIX, tasks_scored_by_first
from tunegrid.tasks.cards import Card

#: What stands in the place of a test split in the row of all of them together.
POOLED = "all, pooled"
NOTE = (
    "In all other tables and figures a task's scores are those of its test splits pooled, each"
    " example counting once; where the task's entry says `test_score: first`, those of its first"
    " test split alone, and this table has no row of all."
)


def has_test_splits(cards: Sequence[Card]) -> bool:
    """Whether one of the tasks has several test splits."""
    return any(card["test_splits"] for card in cards)


def table_of_test_splits(
    runs: pd.DataFrame, summary: pd.DataFrame, cards: Sequence[Card]
) -> ReportTable:
    """What each test split scores, below the scores of all test splits of the task together.

    Args:
        runs: as collect_runs returns it.
        summary: as summarise returns it.
        cards: the data cards of the tasks, one of which has several test splits.
    """
    metrics = _stated_metrics(runs)
    rows_of_task = {card["task"]: _rows_of_task(card, runs) for card in cards}
    rows = [
        _average(runs, group, test_split, metrics)
        for group in count_runs(runs).reset_index().to_dict("records")
        for test_split in rows_of_task[group["task"]]
    ]
    data = pd.DataFrame(rows)
    columns = {
        "runs": [format_run_count(row) for row in data.itertuples()],
        "examples": format_numbers(data["examples"], "{:.0f}"),
    }
    scores = {
        METRICS[name].noun: [
            format_mean(mean, deviation)
            for mean, deviation in zip(data[name], data[f"{name}_sd"], strict=True)
        ]
        for name in metrics
    }
    names = data[["model", "method", "task", "test_split"]]
    return ReportTable(
        "Tasks by their test splits: test metrics, mean ± standard deviation over seeds",
        names.rename(columns={"test_split": "test split"}).assign(**columns, **scores),
        data,
        join_notes(NOTE, explain_marks(data.drop_duplicates(GROUP)), data_warnings(summary)),
        dict.fromkeys(scores, link_groups(data)),
    )


def _stated_metrics(runs: pd.DataFrame) -> list[str]:
    """The metrics by which methods are compared, and that some run states of a test split."""
    stated = {column.rpartition(".")[2] for column in runs if column.startswith(PREFIX)}
    targets = set(runs["target"].dropna()) if "target" in runs else {"single_label"}
    return [
        name
        for name, entry in METRICS.items()
        if name in stated and targets.intersection(entry.compared)
    ]


def _rows_of_task(card: Card, runs: pd.DataFrame) -> list[str]:
    """What each group of a task has rows of; none of a task with one test split."""
    names = list(card["test_splits"])
    if not names or card["task"] in tasks_scored_by_first(runs):
        return names
    return [POOLED, *names]


def _average(
    runs: pd.DataFrame, group: dict[str, Any], test_split: str, metrics: list[str]
) -> dict[str, Any]:
    """The means of one test split over the runs of a group; missing if no run states them.

    Args:
        runs: as collect_runs returns it.
        group: the group's `GROUP` and `COUNTS`.
        test_split: its name, or `POOLED`.
        metrics: the metrics to average.

    Returns:
        The group's values and test_split, the mean of `examples`, and of every metric the mean and
        `<metric>_sd` (n−1).
    """
    in_group = (runs[GROUP] == [group[key] for key in GROUP]).all(axis=1)
    before = "" if test_split == POOLED else f"{PREFIX}{test_split}."
    keys = ["examples", *metrics]
    values = runs[in_group].reindex(columns=[f"{before}{key}" for key in keys]).astype(float)
    values.columns = pd.Index(keys)
    means, deviations = values.mean(), values.std()
    row = group | {"test_split": test_split, "examples": means["examples"]}
    for name in metrics:
        row |= {name: means[name], f"{name}_sd": deviations[name]}
    return row
