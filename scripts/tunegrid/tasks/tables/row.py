"""A row of a file, as every format gives it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tunegrid.config.task_columns import Column


@dataclass(frozen=True)
class Row:
    """A row of a file.

    Attributes:
        line: the line that it ends on, from 1. Of a record of JSON or XML the line that it begins
            on, where no two records begin on one line. Otherwise, and in Parquet, where rows have
            no lines: its position, from 1. Each row of a file has another one.
        cells: the value in each column that was asked for, as the format has it: text, or a number,
            truth value, date, list or null. A column that the row lacks is not there.
        names: the names of all columns that the row has, for messages.
    """

    line: int
    cells: Mapping[Column, Any]
    names: Sequence[str]
