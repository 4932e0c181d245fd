"""What a file's content tells of its format: encoding, separator, quotation marks, names."""

import csv
import io
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tunegrid.config.task_columns import Column
from tunegrid.errors import UserError
from tunegrid.tasks.readers.example import LONGEST_CELL, OPENERS
from tunegrid.tasks.trying.found_files import SPLIT_WORDS
from tunegrid.tasks.trying.header_guess import first_row_names

#: Characters of a file that dialects are tried on.
TRIED = 500_000
#: What a name's ending means where nothing else is said.
DEFAULT_SEPARATOR = {".csv": ",", ".tsv": "\t", ".txt": "\t", ".tab": "\t"}
SEPARATORS = [",", "\t", ";", "|", "@"]


@dataclass(frozen=True)
class GuessedTable:
    """What a file seems to hold.

    Attributes:
        dialect: keys of `dialect` that read it.
        columns: the names of its columns, or their positions.
        rows: the cells of each row, by column.
        notes: what could be otherwise, a sentence each.
        parts: tables of the splits that one file holds; empty for most files.
        has_label_names: whether the file itself names its labels (ClassLabel).
    """

    dialect: dict[str, Any]
    columns: Sequence[Column]
    rows: Sequence[dict[Column, Any]]
    notes: Sequence[str] = ()
    parts: dict[str, "GuessedTable"] = field(default_factory=dict)
    has_label_names: bool = False


def guess_table(path: Path) -> GuessedTable:
    """What a file seems to hold, by its name and its content.

    Raises:
        UserError: it is of a format that is not guessed.
    """
    plain = path.with_suffix("") if path.suffix in OPENERS else path
    suffix = plain.suffix.lower()
    with OPENERS.get(path.suffix, open)(path, "rb") as file:
        content: bytes = file.read()
    if content[:4] == b"PAR1":
        return _guess_parquet(path)
    if content[:4] == b"PK\x03\x04":
        raise UserError(
            f"{path}: is a workbook or an archive; of a workbook name the columns yourself:"
            " `dialect: {format: xlsx}`, `columns: {text: …, label: …}`"
        )
    encoding, text = decode(content)
    common: dict[str, Any] = {"encoding": encoding} if encoding else {}
    if suffix in (".json", ".jsonl", ".ndjson") or text.lstrip()[:1] in ("{", "["):
        return _guess_json(text, suffix, common, path)
    if text.lstrip().startswith("<?xml"):
        raise UserError(
            f"{path}: is XML; say where its records are: `dialect: {{format: xml, records:"
            " //…}`, `columns: {text: …, label: …}`"
        )
    return _guess_cells(text, suffix, common)


def decode(content: bytes) -> tuple[str | None, str]:
    """The encoding that `dialect` must name, None for UTF-8, and the text."""
    if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return "utf-16", content.decode("utf-16", errors="replace")
    for encoding in ("utf-8-sig", "cp1252"):
        try:
            return (None if encoding == "utf-8-sig" else encoding), content.decode(encoding)
        except UnicodeDecodeError:
            continue
    return "latin-1", content.decode("latin-1")


def _guess_parquet(path: Path) -> GuessedTable:
    from pyarrow import parquet

    table = parquet.read_table(path)
    told = (table.schema.metadata or {}).get(b"huggingface", b"{}")
    return GuessedTable(
        dialect={},
        columns=table.column_names,
        rows=table.to_pylist(),
        has_label_names=b"ClassLabel" in told,
    )


def _guess_json(text: str, suffix: str, common: dict[str, Any], path: Path) -> GuessedTable:
    try:
        value = json.loads(text)
    except json.JSONDecodeError:
        lines = [line for line in text.split("\n") if line.strip()]
        try:
            records = [json.loads(line) for line in lines]
        except json.JSONDecodeError as error:
            raise UserError(f"{path}: is neither JSON nor JSON lines: {error.msg}") from None
        named = suffix in (".jsonl", ".ndjson")
        return _of_records(records, common | ({} if named else {"format": "jsonl"}), path)
    if suffix in (".jsonl", ".ndjson") and isinstance(value, dict):
        return _of_records([value], common, path)
    named_json = common | ({} if suffix == ".json" else {"format": "json"})
    if isinstance(value, list):
        return _of_records(value, named_json, path)
    if not isinstance(value, dict):
        raise UserError(f"{path}: holds neither records nor a list of them")
    lists = {key: rows for key, rows in value.items() if isinstance(rows, list) and rows}
    splits = {key: SPLIT_WORDS.get(key.lower()) for key in lists}
    if "train" in splits.values():
        parts = {
            split: _of_records(lists[key], named_json | {"records": key}, path)
            for key, split in splits.items()
            if split
        }
        return GuessedTable({}, parts["train"].columns, parts["train"].rows, parts=parts)
    if not lists:
        raise UserError(f"{path}: holds no list of records; write a reader of your own for it")
    largest = max(lists, key=lambda key: len(lists[key]))
    return _of_records(lists[largest], named_json | {"records": largest}, path)


def _of_records(records: list[Any], dialect: dict[str, Any], path: Path) -> GuessedTable:
    if all(isinstance(record, list) for record in records):
        width = max(map(len, records))
        rows: list[dict[Column, Any]] = [dict(enumerate(record)) for record in records]
        return GuessedTable(dialect, list(range(width)), rows)
    if not all(isinstance(record, dict) for record in records):
        raise UserError(f"{path}: its records are neither objects nor lists")
    flat = [dict(_flat(record)) for record in records]
    return GuessedTable(dialect, list(dict.fromkeys(key for row in flat for key in row)), flat)


def _flat(record: dict[str, Any], before: str = "") -> Iterator[tuple[Column, Any]]:
    """The fields of a record, those of records in it by their paths."""
    for key, value in record.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{before}{key}.")
        else:
            yield f"{before}{key}", value


@dataclass(frozen=True)
class _Cut:
    """One way to cut a text into cells, and how regular a table it gives."""

    separator: str
    quoting: str
    quotechar: str
    rows: list[list[str]]
    regular: float
    swallowed: int
    left_over: int

    @property
    def worth(self) -> tuple[float, int]:
        """What the best cut has most of; of equal ones the first that was tried is taken."""
        return self.regular - (1 if self.swallowed else 0), -self.left_over


def _guess_cells(text: str, suffix: str, common: dict[str, Any]) -> GuessedTable:
    default = DEFAULT_SEPARATOR.get(suffix, ",")
    tried = text if len(text) <= TRIED else text[: text.rindex("\n", 0, TRIED) + 1]
    order = [default, *[one for one in SEPARATORS if one != default]]
    cuts = [cut for separator in order for cut in _cuts(tried, separator)]
    if not cuts:
        lines: list[dict[Column, Any]] = [{0: line} for line in text.splitlines() if line.strip()]
        return GuessedTable(common | {"format": "lines"}, [0], lines)
    best = max(cuts, key=lambda cut: cut.worth)
    rows = list(_parse(text, best.separator, best.quoting, best.quotechar))
    # Marks around whole cells that a table without quotation marks would have kept.
    whole = best.quoting == "minimal" and any(
        cut.quoting == "none"
        and cut.separator == best.separator
        and cut.regular == best.regular
        and cut.left_over
        for cut in cuts
    )
    dialect, notes = _dialect_of(best, suffix, common, marks='"' in text, whole=whole)
    names = first_row_names(rows)
    has_blanks = any(cell != cell.strip() for cell in (names or rows[0])) or _short_blanks(rows)
    if has_blanks:
        dialect["strip"] = True
        rows = [[cell.strip() for cell in row] for row in rows]
        names = None if names is None else [name.strip() for name in names]
    columns: Sequence[Column] = list(range(max(map(len, rows[:1]))))
    if names is not None:
        rows = rows[1:]
        if len(set(names)) == len(names):
            columns = names
        else:
            dialect["header"] = True
            notes.append(
                f"two columns have one name ({', '.join(names)}), so they are named by position"
            )
    return GuessedTable(
        dialect, columns, [dict(zip(columns, row, strict=False)) for row in rows], notes
    )


def _short_blanks(rows: Sequence[Sequence[str]]) -> bool:
    """Whether short cells, as labels are, come with blanks around them."""
    return any(
        cell != cell.strip() and 0 < len(cell.strip()) < 20 for row in rows[1:50] for cell in row
    )


def _cuts(text: str, separator: str) -> Iterator[_Cut]:
    """The ways to cut a text by a separator that give two columns at least."""
    for quoting, quotechar in (("minimal", '"'), ("none", ""), ("minimal", "'")):
        begins = (f"{separator}{quotechar}", f"\n{quotechar}")
        if quotechar == "'" and not any(begin in text for begin in begins):
            continue
        try:
            rows = list(_parse(text, separator, quoting, quotechar))
        except csv.Error:
            continue
        if not rows:
            continue
        width, count = Counter(map(len, rows)).most_common(1)[0]
        if width < 2:
            continue
        cells = [cell for row in rows for cell in row]
        yield _Cut(
            separator=separator,
            quoting=quoting,
            quotechar=quotechar,
            rows=rows,
            regular=count / len(rows),
            swallowed=sum(_swallows(cell, separator, width) for cell in cells),
            left_over=sum(len(cell) > 1 and cell[0] == cell[-1] == '"' for cell in cells),
        )


def _parse(text: str, separator: str, quoting: str, quotechar: str) -> Iterator[list[str]]:
    """The rows that are not blank."""
    if quoting == "none":
        rows: Any = (line.removesuffix("\r").split(separator) for line in text.split("\n"))
    else:
        csv.field_size_limit(LONGEST_CELL)
        rows = csv.reader(
            io.StringIO(text, newline=""), delimiter=separator, quotechar=quotechar, strict=True
        )
    for row in rows:
        if any(cell.strip() for cell in row):
            yield row


def _swallows(cell: str, separator: str, width: int) -> bool:
    """Whether a line inside a cell has the shape of a row, or of the end of one."""
    return any(line.count(separator) == width - 1 for line in cell.split("\n")[1:-1]) or (
        "\n" in cell and cell.split("\n", maxsplit=1)[0].count(separator) == width - 1
    )


def _dialect_of(
    cut: _Cut, suffix: str, common: dict[str, Any], *, marks: bool, whole: bool
) -> tuple[dict[str, Any], list[str]]:
    """The keys that say how it is cut, and what could be otherwise."""
    dialect, notes = dict(common), []
    tabs = cut.separator == "\t"
    if suffix not in (".csv", ".tsv"):
        dialect["format"] = "tsv" if tabs else "csv"
    if cut.separator != ("\t" if suffix == ".tsv" or dialect.get("format") == "tsv" else ","):
        dialect["separator"] = cut.separator
    if cut.quotechar == "'":
        dialect["quotechar"] = "'"
    if cut.quoting == "none":
        dialect["quoting"] = "none"
    elif whole or marks or cut.quotechar == "'" or suffix not in (".csv", ".tsv"):
        dialect["quoting"] = "minimal"
    if whole:
        notes.append(
            "cells stand in quotation marks, which are taken off; if they are part of the texts,"
            " write `quoting: none`"
        )
    return dialect, notes
