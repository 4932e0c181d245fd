"""Where the columns of a table stand, by the names in its first row."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from tunegrid.config.dialects import Dialect
from tunegrid.config.task_columns import Column
from tunegrid.errors import UserError


def positions_of(
    columns: Sequence[Column], names: Sequence[str], where: str | Path, remedy: str | None = None
) -> Mapping[Column, int]:
    """The position of each column that is wanted, from 0.

    Args:
        columns: those that are wanted: names, or positions.
        names: of all columns, in the order of their positions.
        where: file and line of the names, for messages.
        remedy: what to do where a column is not there; None: name another.

    Raises:
        UserError: a wanted column is not there, or two have its name.
    """
    positions = {}
    for column in columns:
        found = [column] if isinstance(column, int) else _all_of(column, names)
        if not found or found[0] >= len(names):
            raise UserError(f"{where}: {_not_there(column, names)}; {remedy or _other(column)}")
        if len(found) > 1:
            several = " and ".join(map(str, found))
            raise UserError(
                f"{where}: {len(found)} columns are called {column!r}, at the positions {several}"
                " (from 0); rename all but one, or name columns by their positions, with"
                " `dialect: {header: true}` where the format has it"
            )
        positions[column] = found[0]
    return positions


def _all_of(name: str, names: Sequence[str]) -> list[int]:
    return [position for position, other in enumerate(names) if other == name]


def _not_there(column: Column, names: Sequence[str]) -> str:
    if isinstance(column, int):
        columns = "column" if len(names) == 1 else "columns"
        return f"has {len(names)} {columns}, none at position {column} (from 0)"
    return f"has no column {column!r}; has: {', '.join(map(repr, names))}"


def _other(column: Column) -> str:
    by_position = "" if isinstance(column, int) else ", by positions if no line names them"
    return f"correct `columns`{by_position}"


def names_columns(path: Path, dialect: Dialect, columns: Sequence[Column]) -> bool:
    """Whether the first row names the columns.

    Raises:
        UserError: columns are asked for by name, and the dialect says that no row names them.
    """
    by_name = any(isinstance(column, str) for column in columns)
    if by_name and dialect.header is False:
        raise UserError(
            f"{path}: `columns` gives names, but `dialect: {{header: false}}`; give positions from"
            " 0, or take `header` out"
        )
    return by_name or bool(dialect.header)
