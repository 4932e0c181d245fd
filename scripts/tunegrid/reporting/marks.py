"""Degenerate, failed and missing runs, marked the same way wherever runs are shown.

A row, here, is one of any table that has `tunegrid.statistics.run_counts.COUNTS`.
"""

from typing import Any

import pandas as pd

from tunegrid.results import FAILED, MISSING

DEGENERATE = (
    "†k: k of the runs are degenerate (they predict one class for every example, or their loss is"
    " not finite); they are part of the mean where their value is finite."
)


def mark(row: Any) -> str:
    """`†1 ‡2`: one run is degenerate, two have no result; empty where there is nothing to mark."""
    without = row.n_failed + row.n_missing
    found = (("†", row.n_degenerate), ("‡", without))
    return " ".join(f"{sign}{count:.0f}" for sign, count in found if count)


def absence(row: Any) -> str:
    """What stands for a group none of whose runs is finished: failed or missing; else empty."""
    if row.n_failed + row.n_missing < row.n_runs:
        return ""
    return FAILED if row.n_failed else MISSING


def runs_text(row: Any) -> str:
    """How many runs are finished, marked: `3 †1 ‡2`; `failed ‡5` where none is."""
    finished = f"{row.n_runs - row.n_failed - row.n_missing:.0f}"
    return f"{absence(row) or finished} {mark(row)}".rstrip()


def table_note(rows: pd.DataFrame) -> str:
    """What the marks in a table mean; empty without any.

    Args:
        rows: one of each cell group.
    """
    notes = [DEGENERATE] if rows["n_degenerate"].any() else []
    if rows["n_failed"].any() or rows["n_missing"].any():
        notes.append(
            "‡k: k of the grid's runs have no result; in all"
            f" {rows['n_failed'].sum()} have failed and {rows['n_missing'].sum()} are missing"
            " (which, and why: results/runs.csv, columns state and problem)."
        )
    return " ".join(notes)


def figure_note(rows: pd.DataFrame) -> str:
    """The same for a legend: a line of its own, or empty."""
    notes = ["†k: k degenerate runs"] if rows["n_degenerate"].any() else []
    if rows["n_failed"].any() or rows["n_missing"].any():
        notes.append("‡k: k runs without a result")
    return "\n" + "; ".join(notes) if notes else ""
