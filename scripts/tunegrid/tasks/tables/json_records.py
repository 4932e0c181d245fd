"""Records of JSON: a value that holds them all, or a record on each line."""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

from tunegrid.config.dialects import Dialect
from tunegrid.config.task_columns import Column
from tunegrid.errors import UserError
from tunegrid.tasks.tables.json_lines_of_records import record_lines
from tunegrid.tasks.tables.record_paths import ABSENT, RepeatedKeys, cells_of, value_at
from tunegrid.tasks.tables.row import Row
from tunegrid.tasks.tables.text_files import numbered_lines, text_of

#: The column of a record's own key, where records stand in an object by their keys.
KEY_COLUMN = "@key"
#: The column of a record that is a text and nothing else; also position 0.
TEXT_COLUMN = "text"


def json_line_rows(path: Path, dialect: Dialect, columns: Sequence[Column]) -> Iterator[Row]:
    """The rows of a file with a record of JSON on each line that is not blank.

    Raises:
        UserError: a line is no JSON, or no record.
    """
    for number, line in numbered_lines(path, dialect):
        try:
            record = _parsed(line, f"{path}:{number}")
        except json.JSONDecodeError as error:
            _refuse_line(path, dialect, number, error)
        yield _row(path, number, record, columns)


def json_rows(path: Path, dialect: Dialect, columns: Sequence[Column]) -> Iterator[Row]:
    """The rows of a file with one value of JSON; also of JSON lines, if `format` is not said.

    The records are a list of objects (columns are keys, or dotted paths), a list of lists (columns
    are positions), an object of records (`@key` is a record's key), or an object of columns: lists
    of one length, or as pandas writes it objects with the same keys.

    Raises:
        UserError: it is no JSON, or holds no records where the dialect says.
    """
    text = text_of(path, dialect)
    try:
        value = _parsed(text, str(path))
    except json.JSONDecodeError as error:
        if _begins_with_a_record(text):
            if dialect.format is None and dialect.records is None:
                yield from json_line_rows(path, dialect, columns)
                return
            raise UserError(
                f"{path}:{error.lineno}: is JSON lines, not one value of JSON; name `dialect:"
                " {format: jsonl}`, without `records`"
            ) from None
        raise UserError(f"{path}:{error.lineno}: not valid JSON: {error.msg}") from None
    records = _records(path, value, dialect.records)
    if isinstance(records, dict):
        by_column = _columns_as_records(path, records, columns)
        if by_column is not None:
            for position, record in enumerate(by_column, start=1):
                yield _row(path, position, record, columns)
            return
        if isinstance(records, RepeatedKeys):
            raise UserError(f"{path}: holds two records with the key {min(records.repeated)!r}")
        records = _keyed_records(path, records)
    lines = record_lines(text, dialect.records) or range(1, len(records) + 1)
    for line, record in zip(lines, records, strict=True):
        yield _row(path, line, record, columns)


def _parsed(text: str, where: str) -> Any:
    """A value of JSON in which NaN is null and objects know the keys that they repeat.

    Raises:
        json.JSONDecodeError: it is not valid.
        UserError: it is valid, but more than Python takes; `where` is file and line.
    """
    try:
        return json.loads(text, object_pairs_hook=_object, parse_constant=_constant)
    except json.JSONDecodeError:
        raise
    except RecursionError:
        raise UserError(f"{where}: nests its values too deeply; write flatter records") from None
    except ValueError:
        raise UserError(f"{where}: holds a number of thousands of digits; quote it") from None


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) == len(pairs):
        return found
    names = [name for name, _ in pairs]
    repeated = RepeatedKeys(found)
    repeated.repeated = frozenset(name for name in found if names.count(name) > 1)
    return repeated


def _constant(name: str) -> float | None:
    return None if name == "NaN" else float(name)


def _begins_with_a_record(text: str) -> bool:
    """Whether the first line that is not blank is a value of its own."""
    first = next((line for line in text.split("\n") if line.strip()), "")
    try:
        return isinstance(json.loads(first), dict | list)
    except json.JSONDecodeError:
        return False


def _refuse_line(
    path: Path, dialect: Dialect, number: int, error: json.JSONDecodeError
) -> NoReturn:
    remedy = ""
    try:
        json.loads(text_of(path, dialect))
        remedy = "; the file is one value of JSON: name `dialect: {format: json}`"
    except json.JSONDecodeError:
        pass
    raise UserError(f"{path}:{number}: not valid JSON: {error.msg}{remedy}") from None


def _records(path: Path, value: Any, where: str | None) -> Any:
    """The list or object that holds the records."""
    found = value if where is None else value_at(value, where)
    if isinstance(found, list):
        return found
    if isinstance(found, dict) and found:
        return found
    if where is None:
        raise UserError(f"{path}:1: holds no list of objects; write [{{…}}, …]")
    problem = "is not there" if found is ABSENT else "holds no records"
    raise UserError(
        f"{path}: `dialect: {{records: {where}}}` {problem}; {_places(value) or 'correct it'}"
    )


def _places(value: Any) -> str | None:
    """The paths to the lists in a value, as a remedy; None if there are none."""
    if not isinstance(value, dict):
        return None
    paths = [key for key, inner in value.items() if isinstance(inner, list)]
    paths += [
        f"{key}.{deeper}"
        for key, inner in value.items()
        if isinstance(inner, dict)
        for deeper, found in inner.items()
        if isinstance(found, list)
    ]
    return f"name one of its lists as `records`: {', '.join(paths[:10])}" if paths else None


def _columns_as_records(
    path: Path, table: Mapping[str, Any], columns: Sequence[Column]
) -> list[dict[str, Any]] | None:
    """The records of an object of columns; None if it is none."""
    if not all(isinstance(column, str) and column in table for column in columns):
        return None
    wanted = {str(column): value_at(table, column) for column in columns}
    if all(isinstance(values, list) for values in wanted.values()):
        lengths = {name: len(values) for name, values in wanted.items()}
        if len(set(lengths.values())) > 1:
            raise UserError(f"{path}: has columns of several lengths: {lengths}; give all one")
        rows = zip(*wanted.values(), strict=True)
    elif all(isinstance(values, dict) for values in wanted.values()):
        keys = list(next(iter(wanted.values())))
        if any(set(values) != set(keys) for values in wanted.values()):
            raise UserError(f"{path}: has columns of several rows; give all the same keys")
        rows = zip(*([values[key] for key in keys] for values in wanted.values()), strict=True)
    else:
        return None
    return [dict(zip(wanted, row, strict=True)) for row in rows]


def _keyed_records(path: Path, table: Mapping[str, Any]) -> list[Any]:
    if not all(isinstance(record, dict) for record in table.values()):
        remedy = _places(table) or "write [{…}, …]"
        raise UserError(f"{path}:1: holds no list of objects; {remedy}")
    return [{KEY_COLUMN: key, **record} for key, record in table.items()]


def _row(path: Path, line: int, record: Any, columns: Sequence[Column]) -> Row:
    """The wanted columns of a record."""
    if isinstance(record, str):
        record = {TEXT_COLUMN: record} if isinstance(columns[0], str) else [record]
    if not isinstance(record, dict | list):
        raise UserError(f"{path}:{line}: holds no JSON object; write {{…}} for each record")
    by_position = any(isinstance(column, int) for column in columns)
    if by_position and isinstance(record, dict):
        raise UserError(
            f"{path}:{line}: the record is an object, and `columns` gives positions; give its keys:"
            f" {', '.join(record)}"
        )
    if not by_position and isinstance(record, list):
        raise UserError(
            f"{path}:{line}: the record is a list; give `columns` as positions in it, from 0"
        )
    names = list(record) if isinstance(record, dict) else list(map(str, range(len(record))))
    try:
        return Row(line, cells_of(record, columns), names)
    except UserError as error:
        raise UserError(f"{path}:{line}: {error}") from None
