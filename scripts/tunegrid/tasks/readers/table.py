"""Tables of any task: CSV, TSV, JSON, JSON lines and Parquet, by the columns of their entry.

The format is told by the file's name; .txt is plain lines with tabs between the columns, nothing
quoted. Text files may be compressed (.gz, .bz2, .xz).
"""

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tunegrid.errors import UserError
from tunegrid.tasks.readers.example import (
    OPENERS,
    Entry,
    Example,
    csv_rows,
    json_lines,
    parsed_json,
    read_text,
)

#: A row's line (or position, where rows have no lines) and its cells by column.
Row = tuple[int, dict[str | int, Any]]


def read(path: Path, entry: Entry) -> Iterator[Example]:
    """The examples of one file, in its order.

    Raises:
        UserError: the format is none of these, a row does not parse, or it lacks a column.
    """
    columns, values = entry["columns"], entry.get("values") or {}
    for line, row in _rows(path, columns):
        cells = {}
        for key, column in columns.items():
            value = row.get(column)
            if value is None:
                there = ", ".join(map(str, row))
                raise UserError(f"{path}:{line}: has no {key} in column {column!r}; has: {there}")
            if key in ("text", "text_pair") and not isinstance(value, str):
                raise UserError(f"{path}:{line}: column {column!r} is {value!r}, not text")
            cells[key] = str(value)
        label = cells["label"]
        yield Example(**cells | {"id": cells.get("id", str(line)), "line": line}
                      | {"label": values.get(label, label)})  # fmt: skip


def _rows(path: Path, columns: dict[str, Any]) -> Iterator[Row]:
    name = path.with_suffix("") if path.suffix in OPENERS else path
    match name.suffix:
        case ".csv":
            return _separated(path, columns, delimiter=",")
        case ".tsv":
            return _separated(path, columns, delimiter="\t")
        case ".txt":
            # Plain lines: a quotation mark is one of the text's.
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


def _separated(path: Path, columns: dict[str, Any], **dialect: Any) -> Iterator[Row]:
    names: list[str | int] | None = None
    for line, row in csv_rows(path, **dialect):
        if not row:
            continue
        if names is None:
            positions = isinstance(columns["text"], int)
            names = list(range(len(row))) if positions else list(row)
            if not positions:
                continue
        if len(row) != len(names):
            raise UserError(
                f"{path}:{line}: has {len(row)} columns, the first row {len(names)};"
                " quote a text that holds the separator"
            )
        yield line, dict(zip(names, row, strict=True))


def _listed(path: Path) -> Iterator[Row]:
    rows = parsed_json(read_text(path), path)
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise UserError(f"{path}:1: holds no list of objects; write [{{…}}, …]")
    return enumerate(rows, start=1)


def _parquet(path: Path, columns: dict[str, Any]) -> Iterator[Row]:
    import pyarrow
    from pyarrow import parquet

    try:
        file = parquet.ParquetFile(path)
        wanted = [name for name in file.schema_arrow.names if name in columns.values()]
        if missing := sorted(set(map(str, columns.values())) - set(wanted)):
            raise UserError(
                f"{path}: has no column {', '.join(missing)};"
                f" has: {', '.join(file.schema_arrow.names)}"
            )
        rows = file.read(columns=wanted).to_pylist()
    except (pyarrow.ArrowException, OSError) as error:
        raise UserError(f"{path}: not valid Parquet: {str(error).splitlines()[0]}") from None
    return enumerate(rows, start=1)
