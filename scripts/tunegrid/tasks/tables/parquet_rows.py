"""Rows of Parquet, Feather and Arrow files, and the class names that `datasets` puts in them."""

import io
import json
import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from tunegrid.config.task_columns import Column
from tunegrid.errors import UserError
from tunegrid.tasks.readers.example import OPENERS, read_bytes
from tunegrid.tasks.tables.record_paths import cells_of
from tunegrid.tasks.tables.row import Row

#: How Parquet files begin; the others are Arrow's, as files or as streams.
PARQUET = b"PAR1"
ARROW_FILE = b"ARROW1"


def parquet_rows(path: Path, columns: Sequence[Column]) -> Iterator[Row]:
    """The rows of a file, of the columns that are needed alone; `line` is a row's position.

    Raises:
        UserError: it is not valid, lacks a wanted column, or has two of its name.
    """
    import pyarrow

    try:
        names = list(_schema(path).names)
        needed = [_top_column(path, column, names) for column in columns]
        position = 0
        for batch in _batches(path, sorted(set(needed), key=names.index)):
            for record in batch.to_pylist():
                position += 1
                cells = cells_of(record, columns)
                yield Row(position, {key: _value(cell) for key, cell in cells.items()}, names)
    except (pyarrow.ArrowException, OSError) as error:
        reason = (str(error).splitlines() or ["damaged"])[0]
        raise UserError(f"{path}: not valid Parquet: {reason}; fetch it again") from None


def parquet_class_names(path: Path, column: Column) -> list[str] | None:
    """The names of a ClassLabel column, or of a list of ClassLabel; None if it is none.

    Source: `datasets` stores its features as JSON under the key `huggingface` of the schema's
    metadata (`datasets.arrow_writer`).

    Raises:
        UserError: the file is not valid.
    """
    import pyarrow

    try:
        metadata = _schema(path).metadata or {}
    except (pyarrow.ArrowException, OSError) as error:
        reason = (str(error).splitlines() or ["damaged"])[0]
        raise UserError(f"{path}: not valid Parquet: {reason}; fetch it again") from None
    try:
        features = json.loads(metadata.get(b"huggingface", b"{}"))["info"]["features"]
    except (ValueError, KeyError, TypeError):
        return None
    return _names_of(_feature_at(features, str(column)))


def _feature_at(features: Any, path: str) -> Any:
    """The feature of a column: by its name, else by the parts of a dotted path."""
    if not isinstance(features, dict):
        return None
    if path in features:
        return features[path]
    head, _, rest = path.partition(".")
    if not rest or head not in features:
        return None
    inner = features[head]
    # A struct within a list is of its element.
    while isinstance(inner, dict) and rest.split(".")[0].isdecimal() and "feature" in inner:
        inner, rest = inner["feature"], rest.partition(".")[2]
    return _feature_at(inner, rest) if rest else inner


def _names_of(feature: Any) -> list[str] | None:
    """The names of a ClassLabel, which may be the element of a list."""
    while isinstance(feature, list) and len(feature) == 1:
        feature = feature[0]
    if not isinstance(feature, dict):
        return None
    if feature.get("_type") == "ClassLabel":
        names = feature.get("names")
        return list(map(str, names)) if names else None
    return _names_of(feature.get("feature"))


def _schema(path: Path) -> Any:
    from pyarrow import parquet

    if _beginning(path).startswith(PARQUET):
        return parquet.ParquetFile(_source(path)).schema_arrow
    return _arrow_reader(path).schema


def _batches(path: Path, columns: Sequence[str]) -> Iterator[Any]:
    from pyarrow import parquet

    if _beginning(path).startswith(PARQUET):
        yield from parquet.ParquetFile(_source(path)).iter_batches(columns=list(columns))
        return
    reader = _arrow_reader(path)
    if _beginning(path).startswith(ARROW_FILE):
        batches = (reader.get_batch(number) for number in range(reader.num_record_batches))
    else:
        batches = iter(reader)
    for batch in batches:
        yield batch.select(list(columns))


def _arrow_reader(path: Path) -> Any:
    """A reader of Arrow's format: of a file (Feather, too) or of a stream (`datasets`)."""
    from pyarrow import ipc

    content = io.BytesIO(read_bytes(path))
    if _beginning(path).startswith(ARROW_FILE):
        return ipc.open_file(content)
    return ipc.open_stream(content)


def _source(path: Path) -> Path | io.BytesIO:
    """The file itself, or its bytes if its name says that it is compressed."""
    return io.BytesIO(read_bytes(path)) if path.suffix.lower() in OPENERS else path


def _beginning(path: Path) -> bytes:
    source = _source(path)
    if isinstance(source, Path):
        with source.open("rb") as file:
            return file.read(8)
    return source.getvalue()[:8]


def _top_column(path: Path, column: Column, names: Sequence[str]) -> str:
    """The column of the file that a name, or a dotted path, begins with."""
    found = column if column in names else None
    if isinstance(column, str) and found is None:
        parts = column.split(".")
        heads = [".".join(parts[:count]) for count in range(1, len(parts))]
        found = next((head for head in heads if head in names), None)
    if found is None:
        raise UserError(f"{path}: has no column {column}; has: {', '.join(names)}")
    positions = [str(at) for at, name in enumerate(names) if name == found]
    if len(positions) > 1:
        raise UserError(
            f"{path}: {len(positions)} columns are called {found!r}, at the positions"
            f" {' and '.join(positions)} (from 0); rename all but one"
        )
    return str(found)


def _value(value: Any) -> Any:
    """A value as text formats would give it: bytes are text, what is no number is null."""
    if isinstance(value, float) and math.isnan(value):
        return None
    if isinstance(value, bytes):
        try:
            return value.decode("utf-8")
        except UnicodeDecodeError:
            return value
    return [_value(element) for element in value] if isinstance(value, list) else value
