"""One labelled text, and the parsing that readers share."""

import bz2
import csv
import gzip
import io
import json
import lzma
import re
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tunegrid.errors import UserError

#: How compressed files are opened, by the last part of their names.
OPENERS: dict[str, Callable[..., Any]] = {
    ".gz": gzip.open,
    ".bz2": bz2.open,
    ".xz": lzma.open,
}
#: The escape of half of a character in JSON, without its other half beside it.
HALF = re.compile(
    r"\\u[dD][89abAB][0-9a-fA-F]{2}(?!\\u[dD][c-fC-F])"
    r"|(?<!\\u[dD][89abAB][0-9a-fA-F]{2})\\u[dD][c-fC-F][0-9a-fA-F]{2}"
)
#: The longest cell of a CSV file, in characters; the library alone would refuse 128 KB.
LONGEST_CELL = 2**31 - 1


#: What an example is labelled with: a label's name; those of any number of labels, in the order of
#: the file; or a number. Text in the place of a number is refused with the other problems.
Label = str | tuple[str, ...] | float


@dataclass(frozen=True)
class Example:
    """A labelled text as a file states it.

    Attributes:
        id: unique within its file.
        text: the text, or the first of a pair.
        label: the label's name; of target multi_label, a tuple of names; of target regression, a
            finite number.
        line: where it stands in its file, from 1.
        text_pair: the second text of a pair.
        group: what must not be split apart, such as the review that a sentence is from.
        split: what the file says of its split, where the task is split by a column.
        test_split: of a task with several test splits, the one that its file is of; no reader
            sets it.
    """

    id: str
    text: str
    label: Label
    line: int
    text_pair: str | None = None
    group: str | None = None
    split: str | None = None
    test_split: str | None = None

    @property
    def label_names(self) -> list[str]:
        """The names that it is labelled with: one, or any number; a number as text."""
        return list(self.label) if isinstance(self.label, tuple) else [str(self.label)]


@dataclass(frozen=True)
class Dropped:
    """A row that is no example, because its task's entry says so.

    Attributes:
        line: where it stands in its file, from 1.
        reason: why, in a few words that many rows share; rows are counted by it.
    """

    line: int
    reason: str


def read_text(path: Path) -> str:
    """The file's text, its line endings as they are, without a byte-order mark.

    Compressed files (.gz, .bz2, .xz) are read like others.

    Raises:
        UserError: it cannot be read, is cut short, or is not UTF-8.
    """
    try:
        return read_bytes(path).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise UserError(f"{path}:{line}: not UTF-8: {error.reason}; convert it to UTF-8") from None


def read_bytes(path: Path) -> bytes:
    """The file's bytes, unpacked if it is compressed (.gz, .bz2, .xz).

    Raises:
        UserError: it cannot be read, or is cut short.
    """
    open_file = OPENERS.get(path.suffix.lower(), open)
    try:
        with open_file(path, "rb") as file:
            content: bytes = file.read()
    except (EOFError, lzma.LZMAError, zlib.error) as error:
        raise UserError(f"{path}: is damaged or cut short: {error}; fetch it again") from None
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror or error}") from None
    return content


def is_whole_text(text: str) -> bool:
    """Whether a text holds no half of a character, as an escape of JSON may leave one."""
    if text.isascii():
        return True
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def text_lines(path: Path) -> Iterator[tuple[int, str]]:
    """The number (from 1) and the text of every line that is not blank, without its ending.

    Only LF and CR LF end a line; other separators of Unicode may stand in a text.
    """
    for number, line in enumerate(read_text(path).split("\n"), start=1):
        if line.strip():
            yield number, line.removesuffix("\r")


def json_lines(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """The line number (from 1) and the value of every line of a JSON lines file.

    Raises:
        UserError: a line is not a JSON object, or holds half of a character.
    """
    for number, line in text_lines(path):
        try:
            value = json.loads(line)
        except json.JSONDecodeError as error:
            raise UserError(f"{path}:{number}: not valid JSON: {error.msg}") from None
        if not isinstance(value, dict):
            raise UserError(f"{path}:{number}: holds no JSON object; write {{…}} on each line")
        if HALF.search(line):
            _refuse_half_characters(value, path, number)
        yield number, value


def parse_json(text: str, path: Path, **options: Any) -> Any:
    """The value of a JSON file's text.

    Args:
        text: what the file holds.
        path: of the file, for messages.
        **options: of `json.loads`.

    Raises:
        UserError: it is not valid, or holds half of a character.
    """
    try:
        value = json.loads(text, **options)
    except json.JSONDecodeError as error:
        raise UserError(f"{path}:{error.lineno}: not valid JSON: {error.msg}") from None
    if escape := HALF.search(text):
        _refuse_half_characters(value, path, text[: escape.start()].count("\n") + 1)
    return value


def _refuse_half_characters(value: Any, path: Path, line: int) -> None:
    if not is_whole_text(json.dumps(value, ensure_ascii=False)):
        raise UserError(
            f"{path}:{line}: holds half of a character (a lone surrogate, such as \\ud83d); correct"
            " the file"
        )


def csv_rows(path: Path, **dialect: Any) -> Iterator[tuple[int, list[str]]]:
    """The cells of each row of a CSV file, and the line number (from 1) that the row ends on.

    Args:
        path: of the file.
        **dialect: of `csv.reader`.

    Raises:
        UserError: a row is not valid.
    """
    csv.field_size_limit(LONGEST_CELL)
    rows = csv.reader(io.StringIO(read_text(path), newline=""), strict=True, **dialect)
    try:
        for row in rows:
            yield rows.line_num, row
    except csv.Error as error:
        raise UserError(f"{path}:{rows.line_num}: not valid CSV: {error}") from None


def text_field(record: dict[str, Any], key: str, path: Path, line: int) -> str:
    """The text under `key` of a record that stands on this line of this file.

    Raises:
        UserError: the key is missing, or its value is not text.
    """
    value = record.get(key)
    if not isinstance(value, str):
        problem = "is missing" if value is None else f"is {value!r}, not text"
        raise UserError(f"{path}:{line}: key {key!r} {problem}")
    return value
