"""A table, as people read it and as programs do; reading one, and the words that tables share."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from tunegrid.results import GROUP


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


def or_dash(form: str) -> Callable[[float], str]:
    """A function that writes a number by `form`, and a missing one as a dash."""
    return lambda value: "—" if pd.isna(value) else form.format(value)


def join_notes(*notes: str) -> str:
    """One paragraph of the notes that there are."""
    return " ".join(filter(None, notes))


def interval_texts(table: pd.DataFrame, low: str, high: str, form: str = "{:.4f}") -> list[str]:
    """`low … high` of two columns, a dash where they are missing."""
    ends = zip(table[low], table[high], strict=True)
    return ["—" if pd.isna(a) else f"{form.format(a)} … {form.format(b)}" for a, b in ends]


#: Columns of names, which stay text whatever they look like: NA, true, 0004.
NAMES = [*GROUP, "reference", "source", "part", "split", "id", "label", "predicted_label"]
NAMES += ["most_predicted"]


def read_table(path: Path) -> pd.DataFrame:
    """A table that was written as CSV; names stay text."""
    return pd.read_csv(
        path, keep_default_na=False, na_values="", low_memory=False, dtype=dict.fromkeys(NAMES, str)
    )
