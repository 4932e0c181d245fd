"""A table of the report: what it holds, how its numbers are written, and how it is read back."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from tunegrid.results import GROUP

#: Stands in a cell for a value that is missing.
DASH = "—"
#: Columns of names. They stay text whatever they look like: NA, true, 0004.
NAME_COLUMNS = [
    *GROUP,
    "reference",
    "source",
    "part",
    "split",
    "id",
    "label",
    "predicted_label",
    "most_predicted",
]


@dataclass(frozen=True)
class ReportTable:
    """A table in two forms: for people and for programs.

    Attributes:
        title: one line that says what the table shows.
        readable: the text of its cells, for Markdown and HTML.
        data: the same numbers unrounded, for CSV and the workbook.
        note: what a reader must know of its columns and marks; empty if there is nothing to say.
    """

    title: str
    readable: pd.DataFrame
    data: pd.DataFrame
    note: str = ""


def format_number(value: Any, form: str) -> str:
    """The value written by a format string such as `{:.4f}`; a dash if it is missing."""
    return DASH if pd.isna(value) else form.format(value)


def format_numbers(values: pd.Series, form: str) -> pd.Series:
    """Every value of a column, written as `format_number` writes it."""
    # As objects: a column of nullable whole numbers would hold no text.
    return values.astype(object).map(lambda value: format_number(value, form))


def format_intervals(table: pd.DataFrame, low: str, high: str, form: str = "{:.4f}") -> list[str]:
    """The text `low … high` for each row; a dash where the row has no interval.

    Args:
        table: holds the ends of the intervals.
        low: the column of the lower ends.
        high: the column of the upper ends.
        form: the format string of an end.
    """
    return [
        DASH if pd.isna(lower) else f"{form.format(lower)} … {form.format(upper)}"
        for lower, upper in zip(table[low], table[high], strict=True)
    ]


def format_mean(mean: float, deviation: float) -> str:
    """The text `mean ± deviation`; the mean alone if one run allows no standard deviation."""
    if pd.isna(deviation):
        return format_number(mean, "{:.4f}")
    return f"{mean:.4f} ± {deviation:.4f}"


def join_notes(*notes: str) -> str:
    """One paragraph of those notes that are not empty."""
    return " ".join(note for note in notes if note)


def read_table(path: Path) -> pd.DataFrame:
    """Read the unrounded form of a table from its CSV file; names stay text."""
    return pd.read_csv(
        path,
        keep_default_na=False,
        na_values="",
        low_memory=False,
        dtype=dict.fromkeys(NAME_COLUMNS, str),
    )
