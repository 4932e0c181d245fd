"""Rows of separated cells (csv, tsv, .txt), checked against the dialect that reads them."""

import csv
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import NoReturn

from tunegrid.config.dialects import Dialect
from tunegrid.config.task_columns import Column
from tunegrid.errors import UserError
from tunegrid.tasks.tables.formats import FileFormat
from tunegrid.tasks.tables.quotation_checks import QuotationChecks
from tunegrid.tasks.tables.remedies import (
    Wanted,
    as_key,
    other_separator,
    remedy_for_names,
    remedy_for_row,
)
from tunegrid.tasks.tables.row import Row
from tunegrid.tasks.tables.row_parsing import ParsedRow, Shape, UnparsableRowError, parsed_rows
from tunegrid.tasks.tables.table_header import names_columns, positions_of
from tunegrid.tasks.tables.text_files import text_of

LONE_RETURN = re.compile(r"\r(?!\n)")
#: Characters of no meaning (Unicode's private use area), of which a text uses few.
STAND_INS = [chr(number) for number in range(0xE000, 0xF900)]
#: Words that name a column and are no example.
NAMES_OF_COLUMNS = {
    "body", "category", "class", "content", "hypothesis", "id", "idx", "index", "label", "labels",
    "premise", "question", "review", "sentence", "sentence1", "sentence2", "sentiment", "target",
    "text", "text1", "text2", "title", "tweet",
}  # fmt: skip


def separated_rows(
    path: Path, dialect: Dialect, file_format: FileFormat, columns: Sequence[Column]
) -> Iterator[Row]:
    """The rows of a file of separated cells.

    Args:
        path: of the file.
        dialect: how it is parsed.
        file_format: csv or tsv.
        columns: those that are wanted: names, or positions from 0.

    Raises:
        UserError: a row has another number of columns than the first one, a wanted column is not
            there, or stands twice, or the content looks otherwise than the dialect has it.
    """
    shape = _shape(path, dialect, file_format)
    text, stand_in = _without_lone_returns(text_of(path, dialect))
    wanted = Wanted(columns, names_columns(path, dialect, columns))
    if not wanted.has_names and dialect.separator is None:
        _check_separator(path, text, shape)
    rows = parsed_rows(text, shape)
    try:
        first = next(rows, None)
        if first is None:
            return
        found = _rows(path, text, dialect, shape, wanted, first, rows)
        if stand_in is None:
            yield from found
        else:
            yield from (_with_lone_returns(row, stand_in) for row in found)
    except UnparsableRowError as row:
        _refuse_unparsable(path, text, shape, wanted, row)


def _rows(
    path: Path,
    text: str,
    dialect: Dialect,
    shape: Shape,
    wanted: Wanted,
    first: ParsedRow,
    others: Iterator[ParsedRow],
) -> Iterator[Row]:
    """The rows of a file whose first row is parsed."""
    names = [cell.strip() if shape.strip else cell for cell in first.cells]
    positions = _positions(path, text, shape, wanted, names, first.line)
    if not wanted.has_names:
        _check_first_row(path, dialect, first, positions)
        names = [str(position) for position in range(len(names))]
    checks = QuotationChecks(
        path=path,
        shape=shape,
        columns=sorted(set(positions.values())),
        width=len(names),
        names_line=first.line if wanted.has_names else 0,
    )
    for row in others if wanted.has_names else chain([first], others):
        cells = row.cells
        if len(cells) != len(names):
            _refuse_width(path, text, shape, wanted, row, len(names))
        if dialect.quoting is None:
            checks.see(row)
        found = {column: cells[position] for column, position in positions.items()}
        yield Row(row.line, found, names)
    checks.conclude(text)


def _without_lone_returns(text: str) -> tuple[str, str | None]:
    """A text whose lines LF ends, with another character for each carriage return that ends none.

    The parser would end a row at such a return, which is part of a text.

    Returns:
        The text, and the character that stands in; None if no return had to be replaced.
    """
    if "\n" not in text or not LONE_RETURN.search(text):
        return text, None
    stand_in = next(character for character in STAND_INS if character not in text)
    return LONE_RETURN.sub(stand_in, text), stand_in


def _with_lone_returns(row: Row, stand_in: str) -> Row:
    cells = {column: cell.replace(stand_in, "\r") for column, cell in row.cells.items()}
    return replace(row, cells=cells)


def _shape(path: Path, dialect: Dialect, file_format: FileFormat) -> Shape:
    separator = dialect.separator or ("," if file_format.name == "csv" else "\t")
    is_quoted = dialect.quoting != "none"
    if dialect.quoting is None and file_format.is_plain:
        is_quoted = dialect.quotechar is not None
    shape = Shape(
        separator=separator,
        quotechar=(dialect.quotechar or '"') if is_quoted else None,
        escapechar=dialect.escapechar,
        strip=bool(dialect.strip),
        comment=dialect.comment,
        skip=dialect.skip or 0,
    )
    special = [
        character for character in (separator, shape.quotechar, shape.escapechar) if character
    ]
    if len(set(special)) < len(special):
        raise UserError(f"{path}: `dialect` gives one character two meanings; keep one of them")
    if any(character in "\r\n" for character in special):
        raise UserError(f"{path}: `dialect` gives a line end a meaning; take it out")
    if len(separator) > 1 and shape.escapechar:
        raise UserError(
            f"{path}: `dialect: {{escapechar: …}}` needs a separator of one character; take it out"
        )
    if len(separator) > 1 and shape.quotechar:
        raise UserError(
            f"{path}: the separator {separator!r} has several characters; name `dialect: {{quoting:"
            " none}` beside it"
        )
    return shape


def _positions(
    path: Path, text: str, shape: Shape, wanted: Wanted, names: Sequence[str], line: int
) -> Mapping[Column, int]:
    is_there = all(
        column < len(names) if isinstance(column, int) else column in names
        for column in wanted.columns
    )
    remedy = None if is_there else remedy_for_names(text, shape, wanted)
    if remedy is None and len(names) == 1 and set(wanted.columns) == {"text"}:
        remedy = "name `dialect: {format: lines}` if each line is a text"
    return positions_of(wanted.columns, names, f"{path}:{line}", remedy)


def _check_separator(path: Path, text: str, shape: Shape) -> None:
    """Refuse a separator that nothing confirms, where another one would do as well."""
    other = other_separator(text, shape)
    if other is not None:
        raise UserError(
            f"{path}: each line holds equally many {other!r}, as separators are; name"
            f" `dialect: {{{as_key('separator', other)}}}` if it is one, `dialect:"
            f" {{{as_key('separator', shape.separator)}}}` if not"
        )


def _check_first_row(
    path: Path, dialect: Dialect, first: ParsedRow, positions: Mapping[Column, int]
) -> None:
    """Refuse a first row that looks like names, where the columns are given by positions."""
    cells = [first.cells[position].strip().lower() for position in positions.values()]
    if dialect.header is None and NAMES_OF_COLUMNS.issuperset(cells):
        shown = ", ".join(map(repr, first.cells))
        raise UserError(
            f"{path}:{first.line}: looks like a line of names ({shown}); name `dialect: {{header:"
            " true}` if it is one, `dialect: {header: false}` if not"
        )


def _refuse_width(
    path: Path, text: str, shape: Shape, wanted: Wanted, row: ParsedRow, width: int
) -> NoReturn:
    """Refuse a row of another number of columns, with what would be right."""
    remedy = remedy_for_row(text, shape, wanted, row.first_line, row.line)
    if remedy is None and len(row.cells) < width:
        remedy = "add what is missing, or join what a line end has cut"
    if remedy is None and shape.quotechar is None:
        remedy = "take the separator out of the text, or name another one"
    if remedy is None:
        remedy = "quote a text that holds the separator"
    columns = "column" if len(row.cells) == 1 else "columns"
    lines = "" if len(row.raw) == 1 else f" (its quotation begins on line {row.first_line})"
    raise UserError(
        f"{path}:{row.line}: has {len(row.cells)} {columns}{lines}, the first row {width}; {remedy}"
    )


def _refuse_unparsable(
    path: Path, text: str, shape: Shape, wanted: Wanted, row: UnparsableRowError
) -> NoReturn:
    """Refuse a row that is not written as its dialect says, with what would be right."""
    if row.is_open and shape.quotechar is not None:
        began = _last_quotation(text, shape, row)
        raise UserError(
            f"{path}:{began}: not valid CSV: the quotation that begins here is never closed; close"
            " it, or name `dialect: {quoting: none}` if quotation marks are part of the texts"
        )
    remedy = remedy_for_row(text, shape, wanted, row.first_line, row.line)
    if remedy is None and shape.quotechar is not None:
        remedy = (
            "double a quotation mark inside a quotation, or name `dialect: {quoting: none}` if"
            " quotation marks are part of the texts"
        )
    raise UserError(
        f"{path}:{row.line}: not valid CSV: {row.reason}; {remedy or 'correct the line'}"
    )


def _last_quotation(text: str, shape: Shape, row: UnparsableRowError) -> int:
    """The line on which the quotation begins that the end of a file leaves open."""
    lines = io.StringIO(text, newline="").readlines()[row.first_line - 1 :]
    cells = next(
        csv.reader(
            lines,
            delimiter=shape.separator,
            quotechar=shape.quotechar,
            escapechar=shape.escapechar,
            skipinitialspace=shape.strip and shape.separator != " ",
        )
    )
    within = len(io.StringIO(cells[-1], newline="").readlines())
    return row.first_line + len(lines) - max(within, 1)
