"""The marks † and ‡: degenerate, failed and missing runs, shown the same way everywhere.

A row, here, is a row of any table with the columns of `tunegrid.statistics.run_counts.COUNTS`.
"""

from typing import Any

import pandas as pd

from tunegrid.results import FAILED, MISSING

DEGENERATE_NOTE = (
    "†k: k of the runs are degenerate (they predict one class for every example, or their loss is"
    " not finite); they are part of the mean where their value is finite."
)


def format_marks(row: Any) -> str:
    """The marks of a group's runs; empty if there is nothing to mark.

    `†1 ‡2`: one run is degenerate, and two have no result.
    """
    marks = []
    if row.n_degenerate:
        marks.append(f"†{row.n_degenerate:.0f}")
    if row.n_failed + row.n_missing:
        marks.append(f"‡{row.n_failed + row.n_missing:.0f}")
    return " ".join(marks)


def name_absence(row: Any) -> str:
    """`failed` or `missing` for a group without any finished run; empty for every other group."""
    if row.n_failed + row.n_missing < row.n_runs:
        return ""
    return FAILED if row.n_failed else MISSING


def format_run_count(row: Any) -> str:
    """How many runs of a group are finished, with marks: `3 †1 ‡2`, or `failed ‡5` if none is."""
    finished = f"{row.n_runs - row.n_failed - row.n_missing:.0f}"
    return f"{name_absence(row) or finished} {format_marks(row)}".rstrip()


def explain_marks(groups: pd.DataFrame) -> str:
    """The note that explains the marks of a table; empty if the table has none.

    Args:
        groups: one row for each cell group.
    """
    notes = []
    if groups["n_degenerate"].any():
        notes.append(DEGENERATE_NOTE)
    if groups["n_failed"].any() or groups["n_missing"].any():
        notes.append(
            "‡k: k of the grid's runs have no result; in all"
            f" {groups['n_failed'].sum()} have failed and {groups['n_missing'].sum()} are missing"
            " (which, and why: results/runs.csv, columns state and problem)."
        )
    return " ".join(notes)


def explain_marks_in_legend(groups: pd.DataFrame) -> str:
    """The same for the legend of a figure: a new line, or empty if the figure has no marks.

    Args:
        groups: at least one row for each cell group.
    """
    notes = []
    if groups["n_degenerate"].any():
        notes.append("†k: k degenerate runs")
    if groups["n_failed"].any() or groups["n_missing"].any():
        notes.append("‡k: k runs without a result")
    return "\n" + "; ".join(notes) if notes else ""
