"""The tables of a grid: those of results are made here, the others beside this."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pandas as pd

from tunegrid.reporting.answer import answer_table, comparisons_table
from tunegrid.reporting.cost import cost_table
from tunegrid.reporting.data import data_table, leak_note, lengths_table
from tunegrid.reporting.errors import agreement_table, classes_table, hard_table
from tunegrid.reporting.runs import hyperparameters_table, runs_table
from tunegrid.reporting.table import Table, or_dash
from tunegrid.results import GROUP, METRICS
from tunegrid.states import FINISHED
from tunegrid.statistics.cost import cost
from tunegrid.statistics.summary import unequal_steps
from tunegrid.tasks.cards import Card, leaks

#: The summary's baselines, in words.
BASELINES = {"majority_baseline": "majority class", "tfidf_baseline": "TF-IDF, logistic regression"}
#: What metrics.json says of each part of an aggregated task.
PART_METRICS = ("examples", "loss", "accuracy", "macro_f1", "outside")


def tasks_table(runs: pd.DataFrame, cards: Sequence[Card]) -> Table:
    """The tasks: what is classified, labels, examples of each split as used."""
    titles = {card["task"]: card["title"] for card in cards}
    finished = runs[runs["state"] == FINISHED].drop_duplicates("task").set_index("task")
    first = finished.reindex(runs["task"].unique())
    data = pd.DataFrame({"task": first.index, "classified": first.index.map(titles)})
    data["labels"] = first["labels.train"].astype("Int64").array
    for split in ("train", "dev", "test"):
        if f"examples.{split}" in first:
            data[split] = first[f"examples.{split}"].astype("Int64").array
    data["majority_accuracy"] = first["majority_accuracy"].array
    words = {"majority_accuracy": "majority class, test accuracy"}
    accuracy = data["majority_accuracy"].map(or_dash("{:.4f}"))
    readable = data.assign(majority_accuracy=accuracy).astype(object)
    readable = readable.where(readable.notna(), "—").rename(columns=words)
    title = "Tasks, and the examples of each split that were used"
    return Table(title, readable, data, leak_note(leaks(cards)))


def accuracy_table(summary: pd.DataFrame) -> Table:
    """Mean test accuracy of every model and method on every task; the best of a task in bold."""
    table = summary[summary["metric"] == "accuracy"]
    best = table.groupby("task")["mean"].transform("max")
    cells = [
        _bold(_mean(row), row.mean == top) + _mark(row)
        for row, top in zip(table.itertuples(index=False, name="Row"), best, strict=True)
    ]
    readable = _wide(table.assign(cell=cells), ["model", "method"])
    for column, name in BASELINES.items():
        scores = table.drop_duplicates("task").set_index("task")[column]
        cells = scores.map(or_dash("{:.4f}")).to_dict()
        readable.loc[len(readable)] = {"model": name, "method": "—"} | cells
    return Table(
        "Test accuracy, mean ± standard deviation over seeds (number of runs)",
        readable,
        table[[*GROUP, "n", "mean", "variance", "sd", "n_degenerate", *BASELINES]],
        _notes(table, summary),
    )


def methods_table(summary: pd.DataFrame) -> Table:
    """Every metric of every method on every task, under the share that the method trains."""
    metrics = summary.assign(
        cell=[_mean(row) + _mark(row) for row in summary.itertuples(index=False, name="Row")],
        metric=summary["metric"].map(METRICS),
    )
    # A row of its own: a task's number of labels is in its head's size, so the share varies.
    share = summary.drop_duplicates(GROUP)
    trained = share["trainable_percent"].map(or_dash("{:.3f} %"))
    share = share.assign(metric="Trainable", cell=trained)
    rows = pd.concat([share, metrics]).sort_index(kind="stable")
    return Table(
        "Methods: test metrics, mean ± standard deviation over seeds (number of runs)",
        _wide(rows, ["model", "method", "metric"]),
        summary,
        "Trainable: share of the parameters that receive a gradient, the classification head"
        f" included. {_notes(summary, summary)}".strip(),
    )


def parts_table(runs: pd.DataFrame, summary: pd.DataFrame) -> Table:
    """Aggregated tasks by their parts, beside the same model and method trained on a part alone."""
    names = [
        name.removeprefix("parts.").removesuffix(".accuracy")
        for name in runs
        if re.fullmatch(r"parts\..*\.accuracy", name)
    ]
    rows = [row for name in names for row in _part_rows(runs, name)]
    data = pd.DataFrame(rows)
    alone = summary.pivot_table(index=GROUP, columns="metric", values="mean", sort=False)
    alone = alone.rename_axis(columns=None).reset_index()
    alone = alone.rename(columns={"task": "part", "accuracy": "alone"})
    data = data.merge(alone[["model", "method", "part", "alone"]], how="left")
    data["gain"] = data["accuracy"] - data["alone"]
    shown = data[["model", "method", "task", "part", "n", "examples"]].assign(
        **{
            "accuracy": [_plus_minus(row.accuracy, row.accuracy_sd) for row in data.itertuples()],
            "macro-F1": [_plus_minus(row.macro_f1, row.macro_f1_sd) for row in data.itertuples()],
            "other parts' labels": data["outside"].map("{:.1%}".format),
            "accuracy, trained alone": data["alone"].map(or_dash("{:.4f}")),
            "difference": data["gain"].map(or_dash("{:+.4f}")),
        }
    )
    note = (
        "Other parts' labels: examples of the part that are given a label of another one; they"
        " count as errors. Trained alone: mean of the same model and method on that task, where the"
        " grid has it; a few-shot part compares with the few-shot task."
    )
    title = "Aggregated tasks by their parts: test metrics, mean ± standard deviation over seeds"
    return Table(title, shown, data, f"{note} {leak_note(summary)}".strip())


def _part_rows(runs: pd.DataFrame, part: str) -> Iterator[dict[str, Any]]:
    own = runs[GROUP].assign(**{key: runs[f"parts.{part}.{key}"] for key in PART_METRICS})
    for group, found in own.dropna().groupby(GROUP, sort=False):
        yield (
            dict(zip(GROUP, group, strict=True))
            | {"part": part, "n": len(found), "examples": int(found["examples"].iloc[0])}
            | {key: found[key].mean() for key in PART_METRICS[1:]}
            | {f"{key}_sd": found[key].std() for key in ("accuracy", "macro_f1")}
        )


def _plus_minus(mean: float, sd: float) -> str:
    return f"{mean:.4f}" if pd.isna(sd) else f"{mean:.4f} ± {sd:.4f}"


def build_tables(
    runs: pd.DataFrame,
    summary: pd.DataFrame,
    cards: Sequence[Card],
    comparisons: pd.DataFrame,
    memory: pd.DataFrame,
    errors: Mapping[str, pd.DataFrame],
) -> dict[str, Table]:
    """All tables by name (`tunegrid.reporting.TABLES`; `parts` where the grid has such tasks).

    Args:
        runs: as collect_runs returns it.
        summary: as summarise returns it.
        cards: of the tasks (check_task).
        comparisons: as compare_methods returns it.
        memory: the table `memory`, unrounded.
        errors: as count_errors returns them.
    """
    tables = {
        "answer": answer_table(comparisons, summary, memory, steps_note(summary)),
        "tasks": tasks_table(runs, cards),
        "data": data_table(cards),
        "lengths": lengths_table(cards),
        "runs": runs_table(runs),
        "hyperparameters": hyperparameters_table(runs),
        "accuracy": accuracy_table(summary),
        "methods": methods_table(summary),
        "comparisons": comparisons_table(comparisons, summary),
        "classes": classes_table(errors["per_class"], cards),
        "agreement": agreement_table(errors["agreement"]),
        "hard": hard_table(errors["hard"], (runs["state"] == FINISHED).sum()),
        "cost": cost_table(cost(runs, memory)),
    }
    if any(name.startswith("parts.") for name in runs):
        tables["parts"] = parts_table(runs, summary)
    return tables


def _wide(table: pd.DataFrame, rows: list[str]) -> pd.DataFrame:
    """One row for each of `rows`, one column a task, cells from `cell`; order as it stands."""
    tasks = list(table["task"].unique())
    wide = table.pivot_table(index=rows, columns="task", values="cell", aggfunc="first", sort=False)
    return wide.reindex(columns=tasks).fillna("—").rename_axis(columns=None).reset_index()


def _mean(row: tuple) -> str:
    if row.n_failed + row.n_missing == row.n_runs:
        return "failed" if row.n_failed else "missing"
    if pd.isna(row.mean):
        return "not finite"
    spread = f" ± {row.sd:.4f}" if row.n > 1 else ""
    return f"{row.mean:.4f}{spread} ({row.n})"


def _bold(text: str, bold: bool) -> str:
    return f"**{text}**" if bold else text


def _mark(row: tuple) -> str:
    unfinished = row.n_failed + row.n_missing
    degenerate = f" †{row.n_degenerate}" if row.n_degenerate else ""
    return degenerate + (f" ‡{unfinished}" if unfinished else "")


def steps_note(summary: pd.DataFrame) -> str:
    """A warning where the methods compared took unequal numbers of optimizer steps; else empty."""
    found = unequal_steps(summary)
    if not found:
        return ""
    return (
        "Warning: the methods took unequal numbers of optimizer steps, so they differ in their"
        f" schedules, too ({'; '.join(found)})."
    )


def _notes(table: pd.DataFrame, summary: pd.DataFrame) -> str:
    """What a reader of these test results is to know, in one paragraph."""
    return " ".join(filter(None, [_note(table), steps_note(summary), leak_note(summary)]))


def _note(table: pd.DataFrame) -> str:
    notes = []
    if table["n_degenerate"].any():
        notes.append(
            "†k: k of the runs are degenerate (they predict one class for every example, or their"
            " loss is not finite); they are part of the mean where their value is finite."
        )
    if table["n_failed"].any() or table["n_missing"].any():
        groups = table.drop_duplicates(GROUP)
        notes.append(
            f"‡k: k of the grid's runs have no result; in all {groups['n_failed'].sum()} have"
            f" failed and {groups['n_missing'].sum()} are missing (which, and why:"
            " results/runs.csv, columns state and problem)."
        )
    return " ".join(notes)
