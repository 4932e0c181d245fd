"""The tables of a grid: those of results are made here, the others beside this."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from tunegrid.reporting.answer import answer_table, comparisons_table
from tunegrid.reporting.cost_table import cost_table
from tunegrid.reporting.data_tables import data_table, leak_note, lengths_table
from tunegrid.reporting.error_tables import agreement_table, classes_table, hard_table
from tunegrid.reporting.marks import runs_text, table_note
from tunegrid.reporting.readable import Table, join_notes, or_dash
from tunegrid.reporting.run_tables import hyperparameters_table, runs_table
from tunegrid.reporting.summary_tables import (
    accuracy_table,
    methods_table,
    steps_note,
    summary_table,
)
from tunegrid.results import FINISHED, GROUP, JOINED
from tunegrid.statistics.run_counts import count_runs
from tunegrid.tasks.cards import Card, leaks

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


def parts_table(runs: pd.DataFrame, summary: pd.DataFrame) -> Table:
    """Aggregated tasks by their parts, beside the same model and method trained on a part alone."""
    rows = [
        _part_row(runs, group, part)
        for group in count_runs(runs).reset_index().to_dict("records")
        if JOINED in group["task"]
        for part in group["task"].split(JOINED)
    ]
    data = pd.DataFrame(rows)
    alone = summary[summary["metric"] == "accuracy"].rename(columns={"task": "part"})
    alone = alone.rename(columns={"mean": "alone"})[["model", "method", "part", "alone"]]
    data = data.merge(alone, on=["model", "method", "part"], how="left")
    data["gain"] = data["accuracy"] - data["alone"]
    shown = data[["model", "method", "task", "part"]].assign(
        runs=[runs_text(row) for row in data.itertuples()],
        examples=data["examples"].map(or_dash("{:.0f}")),
        **{
            "accuracy": [_plus_minus(row.accuracy, row.accuracy_sd) for row in data.itertuples()],
            "macro-F1": [_plus_minus(row.macro_f1, row.macro_f1_sd) for row in data.itertuples()],
            "other parts' labels": data["outside"].map(or_dash("{:.1%}")),
            "accuracy, trained alone": data["alone"].map(or_dash("{:.4f}")),
            "difference": data["gain"].map(or_dash("{:+.4f}")),
        },
    )
    note = (
        "Other parts' labels: examples of the part that are given a label of another one; they"
        " count as errors. Trained alone: mean of the same model and method on that task, where the"
        " grid has it; a few-shot part compares with the few-shot task."
    )
    title = "Aggregated tasks by their parts: test metrics, mean ± standard deviation over seeds"
    notes = join_notes(note, table_note(data.drop_duplicates(GROUP)), leak_note(summary))
    return Table(title, shown, data, notes)


def _part_row(runs: pd.DataFrame, group: dict[str, Any], part: str) -> dict[str, Any]:
    """A part's means over the runs of a group (`GROUP`, `COUNTS`); missing where none tells it."""
    own = runs[(runs[GROUP] == [group[key] for key in GROUP]).all(axis=1)]
    own = own.reindex(columns=[f"parts.{part}.{key}" for key in PART_METRICS]).astype(float)
    own.columns = PART_METRICS
    means, spread = own.mean(), own.std()
    return (
        group
        | {"part": part, "n": int(own["examples"].count())}
        | {key: means[key] for key in PART_METRICS}
        | {f"{key}_sd": spread[key] for key in ("accuracy", "macro_f1")}
    )


def _plus_minus(mean: float, sd: float) -> str:
    return or_dash("{:.4f}")(mean) if pd.isna(sd) else f"{mean:.4f} ± {sd:.4f}"


def build_tables(
    runs: pd.DataFrame,
    summary: pd.DataFrame,
    cards: Sequence[Card],
    comparisons: pd.DataFrame,
    costs: pd.DataFrame,
    memory: pd.DataFrame,
    errors: Mapping[str, pd.DataFrame],
) -> dict[str, Table]:
    """All tables by name (`tunegrid.reporting.listing.TABLES`; `parts` where tasks are aggregated).

    Args:
        runs: as collect_runs returns it.
        summary: as summarise returns it.
        cards: of the tasks (check_task).
        comparisons: as compare_methods returns it.
        costs: as `tunegrid.statistics.costs.cost` returns it.
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
        "summary": summary_table(summary),
        "accuracy": accuracy_table(summary),
        "methods": methods_table(summary),
        "comparisons": comparisons_table(comparisons, summary),
        "classes": classes_table(errors["per_class"], cards),
        "agreement": agreement_table(errors["agreement"]),
        "hard": hard_table(errors["hard"]),
        "cost": cost_table(costs),
    }
    if runs["task"].str.contains(JOINED, regex=False).any():
        tables["parts"] = parts_table(runs, summary)
    return tables
