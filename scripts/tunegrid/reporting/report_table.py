"""A table of the report: what it holds, how its numbers are written, and how it is read back."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from numbers import Number
from pathlib import Path
from typing import Any

import pandas as pd

from tunegrid.metrics import find_metric
from tunegrid.reporting.difference_format import MINUS, DifferenceFormat
from tunegrid.reporting.number_formats import SCORE
from tunegrid.results import GROUP

#: What a reader of differences must know of their unit.
POINTS_NOTE = (
    "Differences are in points (hundredths) where the metric has a least and a greatest value, else"
    " in the metric's own unit."
)
#: Stands in a cell for a value that is missing.
DASH = "—"
#: Columns of names. They stay text whatever they look like: NA, true, 0004.
NAME_COLUMNS = [
    *GROUP,
    "reference",
    "reference_model",
    "source",
    "part",
    "split",
    "test_split",
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
        readable: the text of its cells, for Markdown, HTML and LaTeX.
        data: the same numbers unrounded, for CSV and the workbook.
        note: what a reader must know of its columns and marks; empty if there is nothing to say.
        links: column of `readable` → for each row the folder or file, below `results/`, of the runs
            that the cell is made of (`tunegrid.reporting.run_links`); empty for a cell of none.
    """

    title: str
    readable: pd.DataFrame
    data: pd.DataFrame
    note: str = ""
    links: Mapping[str, Sequence[str]] = field(default_factory=dict)


def format_number(value: Any, form: str) -> str:
    """The value written by a format string such as `{:.4f}`; a dash if it is missing."""
    if pd.isna(value):
        return DASH
    text = form.format(value)
    is_negative = isinstance(value, Number) and text.startswith("-")
    return f"{MINUS}{text[1:]}" if is_negative else text


def format_numbers(values: pd.Series, form: str) -> pd.Series:
    """Every value of a column, written as `format_number` writes it."""
    # As objects: a column of nullable whole numbers would hold no text.
    return values.astype(object).map(lambda value: format_number(value, form))


def format_intervals(table: pd.DataFrame, low: str, high: str, form: str = SCORE) -> list[str]:
    """The text `low … high` for each row; a dash where the row has no interval.

    Args:
        table: holds the ends of the intervals.
        low: the column of the lower ends.
        high: the column of the upper ends.
        form: the format string of an end.
    """
    return [
        DASH if pd.isna(lower) else f"{format_number(lower, form)} … {format_number(upper, form)}"
        for lower, upper in zip(table[low], table[high], strict=True)
    ]


def format_differences(
    values: Iterable[float], metrics: Iterable[str], *, signed: bool = True
) -> list[str]:
    """Every difference in the unit of its metric (`DifferenceFormat`); a dash if it is missing.

    Args:
        values: the differences, each in its metric's own unit.
        metrics: the name of each one's metric.
        signed: whether the sign is written; without it the values are sizes, which have none.
    """
    texts = []
    for value, metric in zip(values, metrics, strict=True):
        if pd.isna(value):
            texts.append(DASH)
            continue
        form = DifferenceFormat.of(find_metric(metric))
        texts.append(form.number(value) if signed else form.number(value).lstrip("+"))
    return texts


def format_difference_intervals(
    lows: Iterable[float], highs: Iterable[float], metrics: Iterable[str]
) -> list[str]:
    """The text `low … high` of each interval of a difference; a dash where there is none.

    Args:
        lows, highs: the ends of the intervals, each in its metric's own unit.
        metrics: the name of each one's metric.
    """
    return [
        DASH if pd.isna(low) else DifferenceFormat.of(find_metric(metric)).interval(low, high)
        for low, high, metric in zip(lows, highs, metrics, strict=True)
    ]


def format_mean(mean: float, deviation: float) -> str:
    """The text `mean ± deviation`; the mean alone if one run allows no standard deviation."""
    text = format_number(mean, SCORE)
    return text if pd.isna(deviation) else f"{text} ± {SCORE.format(deviation)}"


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
