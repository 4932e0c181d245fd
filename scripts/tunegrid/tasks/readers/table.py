"""Tables of any task: CSV, TSV, JSON, JSON lines and Parquet, by the columns of their entry.

The name of a file tells its format; .txt is plain lines with tabs between the columns, where
nothing is quoted. Text files may be compressed (.gz, .bz2, .xz).
"""

import csv
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from tunegrid.config.catalogue import Columns, TaskEntry
from tunegrid.errors import UserError
from tunegrid.tasks.readers.example import (
    OPENERS,
    Example,
    csv_rows,
    json_lines,
    parse_json,
    read_text,
)

#: The line of a row (or its position, where rows have no lines), and its cells by column.
Row = tuple[int, Mapping[Any, Any]]


def read(path: Path, entry: TaskEntry) -> Iterator[Example]:
    """The examples of one file, in its order.

    Raises:
        ValueError: the entry names no columns.
        UserError: the format is none of these, a row does not parse, or it lacks a column.
    """
    if entry.columns is None:
        raise ValueError("reader table needs `columns`")
    values = entry.values or {}
    columns = _given(entry.columns)
    for line, row in _rows(path, entry.columns):
        cells = {key: _cell(row, key, column, path, line) for key, column in columns.items()}
        label = cells["label"]
        yield Example(
            id=cells.get("id", str(line)),
            text=cells["text"],
            label=values.get(label, label),
            line=line,
            text_pair=cells.get("text_pair"),
            group=cells.get("group"),
        )


def _given(columns: Columns) -> dict[str, str | int]:
    """The columns that an entry names, by what they hold."""
    return {key: column for key, column in columns if column is not None}


def _cell(row: Mapping[Any, Any], key: str, column: str | int, path: Path, line: int) -> str:
    """The text in a column of a row; `key` is what the column holds."""
    value = row.get(column)
    if value is None:
        there = ", ".join(map(str, row))
        raise UserError(f"{path}:{line}: has no {key} in column {column!r}; has: {there}")
    if key in ("text", "text_pair") and not isinstance(value, str):
        raise UserError(f"{path}:{line}: column {column!r} is {value!r}, not text")
    return str(value)


def _rows(path: Path, columns: Columns) -> Iterator[Row]:
    """The rows of a file, in the format that its name tells."""
    name = path.with_suffix("") if path.suffix in OPENERS else path
    match name.suffix:
        case ".csv":
            return _separated(path, columns, delimiter=",")
        case ".tsv":
            return _separated(path, columns, delimiter="\t")
        case ".txt":
            # In plain lines a quotation mark is part of the text.
            return _separated(path, columns, delimiter="\t", quoting=csv.QUOTE_NONE)
        case ".jsonl" | ".ndjson":
            return json_lines(path)
        case ".json":
            return _listed(path)
        case ".parquet":
            return _parquet(path, columns)
    raise UserError(
        f"{path}: is none of .csv, .tsv, .txt, .jsonl, .ndjson, .json (also .gz, .bz2, .xz)"
        " or .parquet; rename it by its format"
    )


def _separated(path: Path, columns: Columns, **dialect: Any) -> Iterator[Row]:
    """The rows of a file of separated columns; `dialect` of `csv.reader`."""
    has_names = not isinstance(columns.text, int)
    names: list[Any] | None = None
    for line, row in csv_rows(path, **dialect):
        if not row:
            continue
        if names is None:
            names = list(row) if has_names else list(range(len(row)))
            if has_names:
                continue
        if len(row) != len(names):
            raise UserError(
                f"{path}:{line}: has {len(row)} columns, the first row {len(names)};"
                " quote a text that holds the separator"
            )
        yield line, dict(zip(names, row, strict=True))


def _listed(path: Path) -> Iterator[Row]:
    """The rows of a JSON file that holds a list of objects."""
    rows = parse_json(read_text(path), path)
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise UserError(f"{path}:1: holds no list of objects; write [{{…}}, …]")
    return enumerate(rows, start=1)


def _parquet(path: Path, columns: Columns) -> Iterator[Row]:
    """The rows of a Parquet file, of the columns that are needed alone."""
    import pyarrow
    from pyarrow import parquet

    wanted = set(_given(columns).values())
    try:
        file = parquet.ParquetFile(path)
        names = file.schema_arrow.names
        missing = sorted(str(column) for column in wanted if column not in names)
        if missing:
            raise UserError(f"{path}: has no column {', '.join(missing)}; has: {', '.join(names)}")
        rows = file.read(columns=[name for name in names if name in wanted]).to_pylist()
    except (pyarrow.ArrowException, OSError) as error:
        raise UserError(f"{path}: not valid Parquet: {str(error).splitlines()[0]}") from None
    return enumerate(rows, start=1)
