"""The tables of quality: the main metric, all metrics side by side, and every distribution."""

from typing import Any

import pandas as pd

from tunegrid.metrics import METRICS, titles
from tunegrid.reporting.baseline_names import OF_LABELS, name_baselines
from tunegrid.reporting.data_tables import data_warnings
from tunegrid.reporting.marks import explain_marks, format_marks, name_absence
from tunegrid.reporting.number_formats import SCORE, TRAINABLE_PERCENT
from tunegrid.reporting.report_table import (
    DASH,
    ReportTable,
    format_intervals,
    format_mean,
    format_numbers,
    join_notes,
)
from tunegrid.reporting.run_links import link_groups
from tunegrid.results import GROUP
from tunegrid.statistics.summarise import unequal_steps

BEST_NOTE = (
    "Bold: the best mean of a task. Whether it can be told from the others is said in the table"
    " comparisons."
)
TRAINABLE_NOTE = (
    "Trainable: the parameters that receive a gradient, the classification head included, as a"
    " share of all parameters of the trained model."
)
INTERVALS_NOTE = (
    "The intervals are 95 % intervals of the mean. Over seeds: by Student's t; how much the mean"
    " depends on the seeds, on this test split. It needs two seeds. Over seeds and examples: by"
    " variance components (with one seed, of the examples alone); how much the mean depends on the"
    " seeds and on the test examples. It is a dash where methods are not compared by the metric."
    " Each interval is that of its own mean: how far methods differ is said in the"
    " table comparisons."
)


def main_metric_table(summary: pd.DataFrame) -> ReportTable:
    """The mean of each task's main metric for every model and method; a task's best is bold.

    Where the tasks have different main metrics, the head of each task's column names its own.
    """
    table = summary[summary["main"].astype(bool)]
    metric_of_task = {
        task: METRICS[name]
        for task, name in table.drop_duplicates("task").set_index("task")["metric"].items()
    }
    by_task = table.groupby("task")["mean"]
    more_is_better = [metric_of_task[task].higher_is_better for task in table["task"]]
    best = by_task.transform("max").where(more_is_better, by_task.transform("min"))
    cells = []
    for row, best_mean in zip(table.itertuples(), best, strict=True):
        text = _format_distribution(row)
        bold = f"**{text}**" if row.mean == best_mean else text
        cells.append(f"{bold} {format_marks(row)}".rstrip())
    table = table.assign(cell=cells, runs=link_groups(table))
    readable = _spread_over_tasks(table, names=["model", "method"])
    links = _links_over_tasks(table, names=["model", "method"])
    tasks = table.drop_duplicates("task").set_index("task")
    differ = table["metric"].nunique() > 1
    heads = {
        task: f"{task} ({metric.noun})" if differ else task
        for task, metric in metric_of_task.items()
    }
    for column, name in name_baselines(metric_of_task.values()).items():
        scores = format_numbers(tasks[column], SCORE).to_dict()
        readable.loc[len(readable)] = {"model": name, "method": DASH} | scores
        links = {task: [*of_task, ""] for task, of_task in links.items()}
    return ReportTable(
        f"Test {_name_metrics(table)}, mean ± standard deviation over seeds (number of runs)",
        readable.rename(columns=heads),
        table[[*GROUP, "metric", "n", "mean", "variance", "sd", "n_degenerate", *OF_LABELS]],
        join_notes(BEST_NOTE, _notes(summary)),
        {heads[task]: of_task for task, of_task in links.items()},
    )


def _name_metrics(table: pd.DataFrame) -> str:
    """What the rows are of: their one metric, or the main metric of each task."""
    names = table["metric"].unique()
    return METRICS[names[0]].noun if len(names) == 1 else "scores by the main metric of each task"


def methods_table(summary: pd.DataFrame) -> ReportTable:
    """Every metric of every method on every task, below the share that the method trains."""
    metrics = summary.assign(
        runs=link_groups(summary),
        cell=[
            f"{_format_distribution(row)} {format_marks(row)}".rstrip()
            for row in summary.itertuples()
        ],
        metric=summary["metric"].map(titles()),
    )
    # The share has a row of its own: the head is as large as a task has labels, so it varies.
    groups = summary.drop_duplicates(GROUP)
    shares = groups.assign(
        metric="Trainable",
        cell=format_numbers(groups["trainable_percent"], TRAINABLE_PERCENT),
        runs="",
    )
    rows = pd.concat([shares, metrics]).sort_index(kind="stable")
    names = ["model", "method", "metric"]
    return ReportTable(
        "Methods: test metrics, mean ± standard deviation over seeds (number of runs)",
        _spread_over_tasks(rows, names),
        summary,
        join_notes(TRAINABLE_NOTE, _notes(summary)),
        _links_over_tasks(rows, names),
    )


def summary_table(summary: pd.DataFrame) -> ReportTable:
    """Every metric of every cell group: its distribution over seeds, beside the baselines."""

    def scores(column: str) -> pd.Series:
        return format_numbers(summary[column], SCORE)

    columns = {
        "metric": summary["metric"].map(titles()),
        "n": [_format_finite_runs(row) for row in summary.itertuples()],
        "mean": scores("mean"),
        "sd": scores("sd"),
        "variance": format_numbers(summary["variance"], "{:.2e}"),
        "over seeds": format_intervals(summary, "low", "high"),
        "over seeds and examples": format_intervals(summary, "crossed_low", "crossed_high"),
        "median": scores("median"),
        "min": scores("min"),
        "max": scores("max"),
    }
    names = name_baselines(METRICS[name] for name in summary.loc[summary["main"], "metric"])
    columns |= {name: scores(column) for column, name in names.items()}
    columns |= {
        "degenerate": summary["n_degenerate"],
        "failed": summary["n_failed"],
        "missing": summary["n_missing"],
    }
    return ReportTable(
        "Summary: every metric on the test split, over seeds",
        summary[GROUP].assign(**columns),
        summary,
        join_notes(INTERVALS_NOTE, _notes(summary)),
        dict.fromkeys(["mean", "sd", "median", "min", "max"], link_groups(summary)),
    )


def _spread_over_tasks(table: pd.DataFrame, names: list[str]) -> pd.DataFrame:
    """One column for each task and one row for each value of `names`, filled from `cell`.

    Rows and columns keep the order of the table; a cell that it does not have is a dash.
    """
    wide = _pivot_over_tasks(table, names, values="cell")
    return wide.fillna(DASH).rename_axis(columns=None).reset_index()


def _links_over_tasks(table: pd.DataFrame, names: list[str]) -> dict[str, list[str]]:
    """The links of such a table by task, filled from `runs`; empty for a cell that it lacks."""
    wide = _pivot_over_tasks(table, names, values="runs").fillna("")
    return {str(task): list(wide[task]) for task in wide}


def _pivot_over_tasks(table: pd.DataFrame, names: list[str], values: str) -> pd.DataFrame:
    """The column `values` with one row for each value of `names`, and one column for each task."""
    tasks = list(table["task"].unique())
    wide = table.pivot_table(
        index=names, columns="task", values=values, aggfunc="first", sort=False
    )
    return wide.reindex(columns=tasks)


def _format_distribution(row: Any) -> str:
    """`mean ± sd (n)` of a row of the summary, or why there is none."""
    if pd.isna(row.mean):
        return name_absence(row) or "not finite"
    return f"{format_mean(row.mean, row.sd)} ({row.n})"


def _format_finite_runs(row: Any) -> str:
    """How many runs have a finite value, and of how many if some have none."""
    return f"{row.n}" if row.n == row.n_runs else f"{row.n} of {row.n_runs}"


def steps_note(summary: pd.DataFrame) -> str:
    """A warning if the methods compared took unequal numbers of optimizer steps; else empty."""
    unequal = unequal_steps(summary)
    if not unequal:
        return ""
    return (
        "Warning: the methods took unequal numbers of optimizer steps, so they differ in their"
        f" schedules, too ({'; '.join(unequal)})."
    )


def _notes(summary: pd.DataFrame) -> str:
    """What a reader of any table of test results must know, as one paragraph."""
    groups = summary.drop_duplicates(GROUP)
    return join_notes(explain_marks(groups), steps_note(summary), data_warnings(summary))
