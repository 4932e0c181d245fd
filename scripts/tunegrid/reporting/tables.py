"""The report's tables, for any grid: tasks, hyper-parameters, accuracy, methods."""

import html
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from tunegrid.files import atomic_path, write_text
from tunegrid.results import GROUP, METRICS
from tunegrid.statistics.summary import unequal_steps

#: Settings that the table of hyper-parameters shows, in order.
SHOWN_SETTINGS = (
    *("epochs", "batch_size", "learning_rate", "warmup_ratio", "schedule", "weight_decay"),
    *("precision", "protocol", "select", "early_stopping"),
)


@dataclass(frozen=True)
class Table:
    """A table as people read it and as programs do.

    Attributes:
        title: one line that says what it shows.
        readable: text cells, for Markdown and HTML.
        data: the same numbers unrounded, one a row where that is natural, for CSV.
        note: what its marks mean.
    """

    title: str
    readable: pd.DataFrame
    data: pd.DataFrame
    note: str = ""


def tasks_table(runs: pd.DataFrame, titles: Mapping[str, str]) -> Table:
    """The tasks: what is classified, labels, examples of each split as used."""
    first = runs.drop_duplicates("task").set_index("task")
    data = pd.DataFrame({"task": first.index, "classified": first.index.map(titles)})
    data["labels"] = first["labels.train"].to_numpy()
    for split in ("train", "dev", "test"):
        if f"examples.{split}" in first:
            data[split] = first[f"examples.{split}"].astype("Int64").array
    data["test_in_train"] = first["shared_with_train.test"].astype("Int64").array
    data["majority_accuracy"] = first["majority_accuracy"].array
    words = {
        "test_in_train": "test texts in train",
        "majority_accuracy": "majority class, test accuracy",
    }
    accuracy = data["majority_accuracy"].map("{:.4f}".format)
    readable = data.assign(majority_accuracy=accuracy).astype(object)
    readable = readable.where(readable.notna(), "—").rename(columns=words)
    note = "Test texts in train: examples of test whose text (or pair) stands in train, too."
    return Table("Tasks, and the examples of each split that were used", readable, data, note)


def hyperparameters_table(runs: pd.DataFrame) -> Table:
    """How each model was trained on each task by each method."""
    columns = [f"settings.{key}" for key in SHOWN_SETTINGS]
    data = runs[[*GROUP, "steps", *columns]].drop_duplicates().reset_index(drop=True)
    data.columns = [name.removeprefix("settings.") for name in data.columns]
    readable = data.assign(learning_rate=data["learning_rate"].map("{:.1e}".format))
    return Table("Hyper-parameters", readable, data)


def accuracy_table(summary: pd.DataFrame) -> Table:
    """Mean test accuracy of every model and method on every task; the best of a task in bold."""
    table = summary[summary["metric"] == "accuracy"]
    best = table.groupby("task")["mean"].transform("max")
    cells = [
        _bold(_mean(row), row.mean == top) + _mark(row)
        for row, top in zip(table.itertuples(index=False, name="Row"), best, strict=True)
    ]
    readable = _wide(table.assign(cell=cells), ["model", "method"])
    return Table(
        "Test accuracy, mean ± standard deviation over seeds (number of runs)",
        readable,
        table[[*GROUP, "n", "mean", "variance", "sd", "n_degenerate", "majority_baseline"]],
        f"{_note(table)} {steps_note(summary)}".strip(),
    )


def methods_table(summary: pd.DataFrame) -> Table:
    """Every metric of every method on every task, under the share that the method trains."""
    metrics = summary.assign(
        cell=[_mean(row) + _mark(row) for row in summary.itertuples(index=False, name="Row")],
        metric=summary["metric"].map(METRICS),
    )
    # A row of its own: a task's number of labels is in its head's size, so the share varies.
    share = summary.drop_duplicates(GROUP)
    share = share.assign(metric="Trainable", cell=share["trainable_percent"].map("{:.3f} %".format))
    rows = pd.concat([share, metrics]).sort_index(kind="stable")
    return Table(
        "Methods: test metrics, mean ± standard deviation over seeds (number of runs)",
        _wide(rows, ["model", "method", "metric"]),
        summary,
        "Trainable: share of the parameters that receive a gradient, the classification head"
        f" included. {_note(summary)} {steps_note(summary)}".strip(),
    )


def build_tables(
    runs: pd.DataFrame, summary: pd.DataFrame, titles: Mapping[str, str]
) -> dict[str, Table]:
    """All tables by name (`tunegrid.reporting.TABLES`).

    Args:
        runs: as collect_runs returns it.
        summary: as summarise returns it.
        titles: what each task classifies.
    """
    return {
        "tasks": tasks_table(runs, titles),
        "hyperparameters": hyperparameters_table(runs),
        "accuracy": accuracy_table(summary),
        "methods": methods_table(summary),
    }


def write_tables(tables: Mapping[str, Table], folder: Path) -> None:
    """Write each table as <name>.md, <name>.html and <name>.csv."""
    for name, table in tables.items():
        write_text(folder / f"{name}.md", to_markdown(table))
        write_text(folder / f"{name}.html", to_html(table))
        with atomic_path(folder / f"{name}.csv") as temporary:
            table.data.to_csv(temporary, index=False)


def to_markdown(table: Table) -> str:
    """The readable table as Markdown, under its title and over its note."""
    body = table.readable.to_markdown(index=False, disable_numparse=True)
    return f"### {table.title}\n\n{body}\n" + (f"\n{table.note}\n" if table.note else "")


def to_html(table: Table) -> str:
    """The readable table as a page of its own, for the report."""
    bold = table.readable.map(
        lambda cell: re.sub(r"^\*\*(.*?)\*\*", r"<b>\1</b>", html.escape(str(cell)))
    )
    body = bold.to_html(index=False, border=0, escape=False, na_rep="")
    return (
        f'<!DOCTYPE html><html lang="en"><meta charset="utf-8"><title>{table.title}</title>'
        "<style>body{font:14px sans-serif;margin:1.5em}table{border-collapse:collapse}"
        "th,td{padding:.3em .8em;text-align:left;border-bottom:1px solid #ddd;white-space:nowrap}"
        "thead th{border-bottom:2px solid #333}</style>"
        f"<h3>{table.title}</h3>{body}<p>{table.note}</p></html>\n"
    )


def _wide(table: pd.DataFrame, rows: list[str]) -> pd.DataFrame:
    """One row for each of `rows`, one column a task, cells from `cell`; order as it stands."""
    tasks = list(table["task"].unique())
    wide = table.pivot_table(index=rows, columns="task", values="cell", aggfunc="first", sort=False)
    return wide.reindex(columns=tasks).fillna("—").rename_axis(columns=None).reset_index()


def _mean(row: tuple) -> str:
    if pd.isna(row.mean):
        return "not finite"
    spread = f" ± {row.sd:.4f}" if row.n > 1 else ""
    return f"{row.mean:.4f}{spread} ({row.n})"


def _bold(text: str, bold: bool) -> str:
    return f"**{text}**" if bold else text


def _mark(row: tuple) -> str:
    return f" †{row.n_degenerate}" if row.n_degenerate else ""


def steps_note(summary: pd.DataFrame) -> str:
    """A warning where the methods compared took unequal numbers of optimizer steps; else empty."""
    found = unequal_steps(summary)
    if not found:
        return ""
    return (
        "Warning: the methods took unequal numbers of optimizer steps, so they differ in their"
        f" schedules, too ({'; '.join(found)})."
    )


def _note(table: pd.DataFrame) -> str:
    if not table["n_degenerate"].any():
        return ""
    return (
        "†k: k of the runs are degenerate (they predict one class for every example, or their"
        " loss is not finite); they are part of the mean where their value is finite."
    )
