"""The rows of a file, whatever its format."""

import csv
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tunegrid.config.dialects import Dialect
from tunegrid.config.task_columns import Column
from tunegrid.errors import UserError
from tunegrid.tasks.readers.example import (
    OPENERS,
    csv_rows,
    json_lines,
    parse_json,
    read_text,
)


@dataclass(frozen=True)
class Row:
    """A row of a file.

    Attributes:
        line: the line that it ends on, from 1; its position, from 1, where rows have no lines.
        cells: the value in each column that was asked for, as the format has it: text, or a number,
            truth value, list or null. A column that the row lacks is not there.
        names: the names of all columns that the row has, for messages.
    """

    line: int
    cells: Mapping[Column, Any]
    names: Sequence[str]


def read_rows(path: Path, dialect: Dialect, columns: Sequence[Column]) -> Iterator[Row]:
    """The rows of a file, in its order.

    Args:
        path: of the file.
        dialect: how it is parsed.
        columns: those that are wanted: names, positions, or paths.

    Raises:
        UserError: the format is not known, a row does not parse, or the file is not what its
            dialect says; with file, line and the key that would be right.
    """
    del dialect
    for line, cells in _rows(path, columns):
        yield Row(line, {key: cells[key] for key in columns if key in cells}, list(map(str, cells)))


def class_names(path: Path, dialect: Dialect, column: Column) -> list[str] | None:
    """The names that a file itself gives to the whole numbers of a column, in their order.

    Args:
        path: of the file.
        dialect: how it is parsed.
        column: of whole numbers, or of lists of them.

    Returns:
        The names of a ClassLabel of the `datasets` library, which writes them into the metadata of
        Parquet files; None where a file has none.

    Raises:
        UserError: the file is damaged.
    """
    del dialect
    if path.suffix.lower() != ".parquet":
        return None
    import pyarrow
    from pyarrow import parquet

    try:
        metadata = parquet.read_schema(path).metadata or {}
    except (pyarrow.ArrowException, OSError) as error:
        raise UserError(f"{path}: not valid Parquet: {str(error).splitlines()[0]}") from None
    features = json.loads(metadata.get(b"huggingface", b"{}")).get("info", {}).get("features", {})
    feature = features.get(column) or {}
    if isinstance(feature.get("feature"), dict):
        feature = feature["feature"]
    return feature.get("names") if feature.get("_type") == "ClassLabel" else None


def _rows(path: Path, columns: Sequence[Column]) -> Iterator[tuple[int, Mapping[Any, Any]]]:
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


def _separated(
    path: Path, columns: Sequence[Column], **dialect: Any
) -> Iterator[tuple[int, Mapping[Any, Any]]]:
    """The rows of a file of separated columns; `dialect` of `csv.reader`."""
    has_names = not isinstance(columns[0], int)
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


def _listed(path: Path) -> Iterator[tuple[int, Mapping[Any, Any]]]:
    """The rows of a JSON file that holds a list of objects."""
    rows = parse_json(read_text(path), path)
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise UserError(f"{path}:1: holds no list of objects; write [{{…}}, …]")
    return enumerate(rows, start=1)


def _parquet(path: Path, columns: Sequence[Column]) -> Iterator[tuple[int, Mapping[Any, Any]]]:
    """The rows of a Parquet file, of the columns that are needed alone."""
    import pyarrow
    from pyarrow import parquet

    wanted = set(columns)
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
