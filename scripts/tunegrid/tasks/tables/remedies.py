"""What to write in a dialect so that a row that does not parse does: tried on the row itself."""

import io
import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

from tunegrid.config.task_columns import Column
from tunegrid.tasks.tables.row_parsing import ParsedRow, Shape, UnparsableRowError, parsed_rows

#: Separators that public data sets have; those that hold others stand before them.
SEPARATORS = ["\t", ";", ",", "|||", "||", "::", "|", "@", "^", "~", "#", ":", "\x01"]
#: Lines behind a row that are read with it, since a quotation may go on there.
BEHIND = 50
#: Lines in which a line of names is looked for.
FIRST_LINES = 20


class Wanted(NamedTuple):
    """What the first row must hold under a change that is proposed.

    Attributes:
        columns: those that are wanted.
        has_names: whether the first row names the columns.
    """

    columns: Sequence[Column]
    has_names: bool


def as_key(key: str, value: str) -> str:
    """A key of a dialect and its value, as YAML has it."""
    return f"{key}: {json.dumps(value, ensure_ascii=False)}"


def remedy_for_names(text: str, shape: Shape, wanted: Wanted) -> str | None:
    """What to write so that the first row holds the wanted columns; None if nothing is found."""
    for keys, changed in _changes(shape):
        for row in _first_rows(text, changed):
            if _holds(row.cells, changed, wanted):
                return _as_remedy(keys)
            break
    for row in _first_rows(text, shape):
        if wanted.has_names and _holds(row.cells, shape, wanted):
            return f"name `dialect: {{skip: {row.first_line - 1}}}`"
    return None


def remedy_for_row(
    text: str, shape: Shape, wanted: Wanted, first_line: int, line: int
) -> str | None:
    """What to write so that a row has the columns of the first row; None if nothing is found.

    Args:
        text: of the file.
        shape: under which the row does not parse, or has another number of columns.
        wanted: of the file.
        first_line: the line that the row begins on, from 1.
        line: the line that the parser has come to.
    """
    lines = io.StringIO(text, newline="").readlines()
    count = line - first_line + 1
    piece = "".join(lines[first_line - 1 : line + BEHIND])
    for mark in ("#", "%", "//"):
        if shape.comment is None and lines[first_line - 1].startswith(mark):
            return f"name `dialect: {{{as_key('comment', mark)}}}` if it is none"
    for keys, changed in _changes(shape):
        first = next(_first_rows(text, changed), None)
        if first is None or not _holds(first.cells, changed, wanted):
            continue
        if _all_have(len(first.cells), piece, replace(changed, skip=0), count):
            return _as_remedy(keys)
    return None


def other_separator(text: str, shape: Shape) -> str | None:
    """A separator that stands equally often in each line of a text; None if none does."""
    lines = [line for line in text.split("\n", 1000)[shape.skip : 1000] if line.strip()]
    for separator in ("\t", ";", "|"):
        counts = {line.count(separator) for line in lines}
        if separator != shape.separator and len(lines) > 1 and len(counts) == 1 and 0 not in counts:
            return separator
    return None


def _as_remedy(keys: str) -> str:
    remedy = f"name `dialect: {{{keys}}}`"
    if keys.startswith("quoting: none"):
        remedy += " if quotation marks are part of the texts, else double those inside a quotation"
    return remedy


def _changes(shape: Shape) -> Iterator[tuple[str, Shape]]:
    """Keys of a dialect, as YAML has them, and the shape that they make of this one."""
    for keys, changed in _other_quotations(shape):
        yield keys, changed
    for separator in SEPARATORS:
        if separator == shape.separator:
            continue
        key = as_key("separator", separator)
        if len(separator) == 1:
            yield key, replace(shape, separator=separator)
        else:
            unquoted = replace(shape, separator=separator, quotechar=None, escapechar=None)
            yield f"{key}, quoting: none", unquoted
            continue
        for keys, changed in _other_quotations(replace(shape, separator=separator)):
            yield f"{key}, {keys}", changed


def _other_quotations(shape: Shape) -> Iterator[tuple[str, Shape]]:
    if len(shape.separator) > 1:
        return
    if shape.quotechar is None:
        yield "quoting: minimal", replace(shape, quotechar='"')
    else:
        none = "quoting: none" if shape.quotechar == '"' else "quoting: none, quotechar: null"
        yield none, replace(shape, quotechar=None)
        if not shape.strip:
            yield "strip: true", replace(shape, strip=True)
    if shape.quotechar != "'":
        minimal = "quoting: minimal, " if shape.quotechar is None else ""
        yield minimal + as_key("quotechar", "'"), replace(shape, quotechar="'")
    if shape.quotechar is not None and shape.escapechar is None:
        yield as_key("escapechar", "\\"), replace(shape, escapechar="\\")


def _first_rows(text: str, shape: Shape) -> Iterator[ParsedRow]:
    """The first rows of a text, as far as they parse."""
    try:
        for count, row in enumerate(parsed_rows(text, shape)):
            if count == FIRST_LINES:
                return
            yield row
    except UnparsableRowError:
        return


def _holds(cells: Sequence[str], shape: Shape, wanted: Wanted) -> bool:
    """Whether a row, as the first one, has the wanted columns."""
    if not wanted.has_names:
        return all(isinstance(column, int) and column < len(cells) for column in wanted.columns)
    names = [cell.strip() for cell in cells] if shape.strip else list(cells)
    return all(
        column < len(names) if isinstance(column, int) else names.count(column) == 1
        for column in wanted.columns
    )


def _all_have(columns: int, piece: str, shape: Shape, count: int) -> bool:
    """Whether the rows in the first lines of a piece have so many columns each, two at least."""
    try:
        for row in parsed_rows(piece, shape):
            if row.first_line > count:
                break
            if len(row.cells) != columns or columns < 2:
                return False
    except UnparsableRowError:
        return False
    return True
