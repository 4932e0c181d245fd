"""Tables of any task, by the columns of their entry: `tunegrid.tasks.tables` has the formats."""

from collections.abc import Iterator
from typing import Any

from tunegrid.config.dialects import Dialect
from tunegrid.config.task_columns import Column, Columns
from tunegrid.errors import UserError
from tunegrid.tasks.readers.example import Example
from tunegrid.tasks.tables.rows import Row, read_rows
from tunegrid.tasks.task_file import TaskFile


def read(file: TaskFile) -> Iterator[Example]:
    """The examples of one file, in its order.

    Raises:
        UserError: the format is not known, a row does not parse, or it lacks a column.
    """
    values = file.entry.values or {}
    columns = _given(file.entry.columns or Columns(text="text", label="label"))
    wanted = list(dict.fromkeys(columns.values()))
    for row in read_rows(file.path, file.entry.dialect or Dialect(), wanted):
        cells = {key: _cell(row, key, column, file) for key, column in columns.items()}
        label = cells["label"]
        yield Example(
            id=cells.get("id", str(row.line)),
            text=cells["text"],
            label=values.get(label, label),
            line=row.line,
            text_pair=cells.get("text_pair"),
            group=cells.get("group"),
        )


def _given(columns: Columns) -> dict[str, Any]:
    """The columns that an entry names, by what they hold."""
    return {key: column for key, column in columns if column is not None}


def _cell(row: Row, key: str, column: Column, file: TaskFile) -> str:
    """The text in a column of a row; `key` is what the column holds."""
    value = row.cells.get(column)
    if value is None:
        there = ", ".join(row.names)
        raise UserError(f"{file.path}:{row.line}: has no {key} in column {column!r}; has: {there}")
    if key in ("text", "text_pair") and not isinstance(value, str):
        raise UserError(f"{file.path}:{row.line}: column {column!r} is {value!r}, not text")
    return str(value)
