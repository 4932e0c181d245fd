"""Separated text, row by row, by Python's csv in its strict form."""

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from tunegrid.tasks.readers.example import LONGEST_CELL


@dataclass(frozen=True)
class Shape:
    """How separated text is cut into cells.

    Attributes:
        separator: between cells; of several characters only where nothing is quoted.
        quotechar: the quotation mark; None where nothing is quoted.
        escapechar: takes from the character behind it its meaning; None: none does.
        strip: whether blanks before a quotation do not count.
        comment: how lines between rows begin that are skipped; None: none are.
        skip: lines before the first row.
    """

    separator: str
    quotechar: str | None
    escapechar: str | None = None
    strip: bool = False
    comment: str | None = None
    skip: int = 0


class ParsedRow(NamedTuple):
    """A row, and where it stands.

    Attributes:
        first_line: the line that it begins on, from 1.
        line: the line that it ends on.
        cells: what is in its columns.
        raw: its lines as they stand in the file, with their endings.
    """

    first_line: int
    line: int
    cells: list[str]
    raw: list[str]


class UnparsableRowError(Exception):
    """A row that is not written as its shape says.

    Attributes:
        first_line: the line that it begins on, from 1.
        line: the line that the parser has come to.
        reason: the parser's own words.
        is_open: whether the file ended within a quotation.
    """

    def __init__(self, first_line: int, line: int, reason: str, *, is_open: bool) -> None:
        super().__init__(reason)
        self.first_line = first_line
        self.line = line
        self.reason = reason
        self.is_open = is_open


def parsed_rows(text: str, shape: Shape) -> Iterator[ParsedRow]:
    """The rows of a text. Blank lines and comments between rows are skipped.

    Raises:
        UnparsableRowError: a row is not written as the shape says.
    """
    lines = _Lines(text, shape)
    rows = _split_rows(lines, shape) if len(shape.separator) > 1 else _csv_rows(lines, shape)
    while True:
        lines.begin_row()
        try:
            cells = next(rows)
        except StopIteration:
            return
        except csv.Error as error:
            first_line = lines.number - len(lines.of_row) + 1
            raise UnparsableRowError(
                first_line, lines.number, str(error), is_open=lines.are_at_end
            ) from None
        raw = lines.of_row
        yield ParsedRow(lines.number - len(raw) + 1, lines.number, cells, raw)


def _csv_rows(lines: "_Lines", shape: Shape) -> Iterator[list[str]]:
    csv.field_size_limit(LONGEST_CELL)
    return csv.reader(
        lines,
        strict=True,
        delimiter=shape.separator,
        quoting=csv.QUOTE_NONE if shape.quotechar is None else csv.QUOTE_MINIMAL,
        quotechar=shape.quotechar,
        escapechar=shape.escapechar,
        skipinitialspace=shape.strip and shape.separator != " ",
    )


def _split_rows(lines: "_Lines", shape: Shape) -> Iterator[list[str]]:
    return (line.rstrip("\r\n").split(shape.separator) for line in lines)


class _Lines:
    """The lines of a text as `csv.reader` asks for them.

    Attributes:
        number: of the line that was given last, from 1.
        of_row: the lines that were given since the row began.
        are_at_end: whether more were asked for than there are.
    """

    def __init__(self, text: str, shape: Shape) -> None:
        # LF, CR LF and CR end a line, and stay as they are.
        self._lines = io.StringIO(text, newline="")
        self._special = [shape.separator, shape.quotechar or "", shape.escapechar or ""]
        self._special = [character for character in self._special if character]
        self._comment = shape.comment
        self.number = 0
        self.of_row: list[str] = []
        self.are_at_end = False
        for _ in range(shape.skip):
            self._lines.readline()
            self.number += 1

    def begin_row(self) -> None:
        """Forget the lines of the row before."""
        self.of_row = []

    def __iter__(self) -> Iterator[str]:
        for line in self._lines:
            self.number += 1
            if not self.of_row and self._is_skipped(line):
                continue
            self.of_row.append(line)
            yield line
        self.are_at_end = True

    def _is_skipped(self, line: str) -> bool:
        """Whether a line between rows holds no row."""
        if line.isspace():
            return not any(character in line for character in self._special)
        return self._comment is not None and line.startswith(self._comment)
