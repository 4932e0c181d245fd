"""Values inside nested records, by dotted paths."""

from collections.abc import Mapping, Sequence
from typing import Any

from tunegrid.config.task_columns import Column
from tunegrid.errors import UserError

#: Says that a path leads nowhere; null is a value.
ABSENT = object()


class RepeatedKeys(dict[str, Any]):
    """An object of JSON that has a key twice; the last value is kept, as JSON's readers do.

    Attributes:
        repeated: the keys that stand in it more than once.
    """

    repeated: frozenset[str]


def value_at(record: Any, path: Column) -> Any:
    """The value under a path; ABSENT if it leads nowhere.

    A name is looked for as it is; then its parts between dots as keys, and as positions (from 0)
    in lists. A position leads into a list.

    Raises:
        UserError: an object on the way has the key twice.
    """
    if isinstance(path, int):
        is_there = isinstance(record, list) and path < len(record)
        return record[path] if is_there else ABSENT
    if isinstance(record, list):
        head, _, rest = path.partition(".")
        if not head.isdecimal() or int(head) >= len(record):
            return ABSENT
        return value_at(record[int(head)], rest) if rest else record[int(head)]
    if not isinstance(record, dict):
        return ABSENT
    if path in record:
        if isinstance(record, RepeatedKeys) and path in record.repeated:
            raise UserError(f"has the key {path!r} twice; keep one")
        return record[path]
    for at, character in enumerate(path):
        if character == "." and path[:at] in record:
            return value_at(value_at(record, path[:at]), path[at + 1 :])
    return ABSENT


def cells_of(record: Any, columns: Sequence[Column]) -> Mapping[Column, Any]:
    """The columns that a record has, out of those that are wanted.

    Raises:
        UserError: as `value_at`.
    """
    found = {column: value_at(record, column) for column in columns}
    return {column: value for column, value in found.items() if value is not ABSENT}
