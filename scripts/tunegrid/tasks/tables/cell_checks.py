"""Cells that no text can be right with: characters that were lost before the file was written."""

from pathlib import Path
from typing import Any

from tunegrid.config.dialects import Dialect
from tunegrid.errors import UserError
from tunegrid.tasks.readers.example import is_whole_text
from tunegrid.tasks.tables.row import Row

#: What stands where a character was lost, and what it is called.
REPLACED = {"\ufffd": "a replacement character (U+FFFD)", "\0": "a NUL character (U+0000)"}


def check_row(row: Row, path: Path, dialect: Dialect) -> None:
    """Refuse a row in whose cells characters were lost.

    Raises:
        UserError: a cell holds half of a surrogate pair, or, unless the dialect says
            `replaced: keep`, a replacement or NUL character.
    """
    for column, value in row.cells.items():
        # Nearly all cells are such text, and files have many.
        if isinstance(value, str) and value.isascii() and "\0" not in value:
            continue
        problem = _problem(value, dialect)
        if problem:
            raise UserError(f"{path}:{row.line}: column {column!r} {problem}")


def stripped(value: Any) -> Any:
    """A cell, or a list of cells, without the blanks around text."""
    if isinstance(value, str):
        return value.strip()
    return [stripped(element) for element in value] if isinstance(value, list) else value


def _problem(value: Any, dialect: Dialect) -> str | None:
    if isinstance(value, str):
        return _problem_of_text(value, dialect)
    if isinstance(value, list | tuple):
        return next(filter(None, (_problem(element, dialect) for element in value)), None)
    if isinstance(value, dict):
        return _problem([*value.keys(), *value.values()], dialect)
    return None


def _problem_of_text(text: str, dialect: Dialect) -> str | None:
    if dialect.replaced is None:
        for character, name in REPLACED.items():
            if character in text:
                return (
                    f"holds {name} in place of what was lost; correct the file or its encoding, or"
                    " take such texts as they are: `dialect: {replaced: keep}`"
                )
    if not is_whole_text(text):
        return "holds half of a character (a lone surrogate, such as \\ud83d); correct the file"
    return None
