"""The rows of a file, whatever its format."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from tunegrid.config.dialects import Dialect
from tunegrid.config.task_columns import Column
from tunegrid.errors import UserError
from tunegrid.tasks.tables.cell_checks import check_row, stripped
from tunegrid.tasks.tables.formats import FileFormat, format_of
from tunegrid.tasks.tables.json_records import json_line_rows, json_rows
from tunegrid.tasks.tables.parquet_rows import parquet_class_names, parquet_rows
from tunegrid.tasks.tables.row import Row
from tunegrid.tasks.tables.separated import separated_rows
from tunegrid.tasks.tables.sheets import sheet_rows
from tunegrid.tasks.tables.text_files import numbered_lines, text_of

__all__ = ["Row", "class_names", "read_rows"]

#: The only column of lines and documents, by its name and its position.
TEXT_COLUMNS: tuple[Column, Column] = ("text", 0)


def read_rows(path: Path, dialect: Dialect, columns: Sequence[Column]) -> Iterator[Row]:
    """The rows of a file, in its order.

    Args:
        path: of the file.
        dialect: how it is parsed; `join` is left to the caller.
        columns: those that are wanted, one at least: names, positions, or paths.

    Raises:
        UserError: the format is not known, a row does not parse, or the file is not what its
            dialect says; with file, line and the key that would be right. What only the whole file
            shows is raised behind its last row.
    """
    for row in _rows(path, dialect, format_of(path, dialect), columns):
        given = row
        if dialect.strip:
            cells = {column: stripped(value) for column, value in row.cells.items()}
            given = replace(row, cells=cells)
        check_row(given, path, dialect)
        yield given


def class_names(path: Path, dialect: Dialect, column: Column) -> list[str] | None:
    """The label names that a file itself gives the numbers in a column; None if it gives none.

    Files that the library `datasets` writes (Parquet, Arrow) hold them: `names[0]` is that of 0.

    Raises:
        UserError: the format is not known, or the file is not valid.
    """
    if format_of(path, dialect).name != "parquet":
        return None
    return parquet_class_names(path, column)


def _rows(
    path: Path, dialect: Dialect, file_format: FileFormat, columns: Sequence[Column]
) -> Iterator[Row]:
    match file_format.name:
        case "csv" | "tsv":
            return separated_rows(path, dialect, file_format, columns)
        case "lines":
            return _lines(path, dialect, columns)
        case "document":
            return _document(path, dialect, columns)
        case "json":
            return json_rows(path, dialect, columns)
        case "jsonl":
            return json_line_rows(path, dialect, columns)
        case "parquet":
            return parquet_rows(path, columns)
        case "xlsx":
            return sheet_rows(path, dialect, columns)
        case "xml":
            # lxml is loaded for XML alone.
            from tunegrid.tasks.tables.xml_records import xml_rows

            return xml_rows(path, dialect, columns)


def _lines(path: Path, dialect: Dialect, columns: Sequence[Column]) -> Iterator[Row]:
    """A row of each line up to the last that is not blank; its only column is `text`, also 0.

    A blank line among them is a row whose text is empty, so that a file of labels stays beside it.
    """
    _check_only_column(path, "lines", columns)
    for number, line in numbered_lines(path, dialect, blank=True):
        yield Row(number, dict.fromkeys(columns, line), ["text"])


def _document(path: Path, dialect: Dialect, columns: Sequence[Column]) -> Iterator[Row]:
    """The whole file as a row; its only column is `text`, also 0."""
    _check_only_column(path, "a document", columns)
    yield Row(1, dict.fromkeys(columns, text_of(path, dialect)), ["text"])


def _check_only_column(path: Path, name: str, columns: Sequence[Column]) -> None:
    for column in columns:
        if column not in TEXT_COLUMNS:
            raise UserError(
                f"{path}: is read as {name}, whose only column is `text`; it has no {column!r}"
            )
