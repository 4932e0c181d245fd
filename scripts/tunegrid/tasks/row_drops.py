"""Which rows of a file are no examples, as the entry's `drop` says."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from tunegrid.config.task_columns import Column, Condition, Drop
from tunegrid.errors import UserError
from tunegrid.tasks.spelling import as_number, find_word, spellings


def reason_of_label(drop: Drop, words: Sequence[tuple[str, ...]] | None) -> str | None:
    """Why a row is dropped for its label; None if it is not.

    Args:
        drop: of the entry.
        words: the spellings of each of its labels; None where the label is missing.
    """
    if words is None:
        return "label is missing" if "label" in (drop.missing or []) else None
    for spelled in words:
        word = find_word(spelled, drop.labels or [])
        if word is not None:
            return f"label {word!r}"
    return None


def reason_of_text(drop: Drop, key: str, text: str | None) -> str | None:
    """Why a row is dropped for one of its texts; None if it is not.

    Args:
        drop: of the entry.
        key: text or text_pair.
        text: it; None where it is missing.
    """
    if text is None:
        return f"{key} is missing" if key in (drop.missing or []) else None
    return f"{key} is empty" if key in (drop.empty or []) and not text.strip() else None


def reason_of_condition(
    conditions: Sequence[Condition],
    cells: Mapping[Column, Any],
    class_names: Mapping[Column, Sequence[str]],
    where: str,
) -> str | None:
    """Which condition a row meets, the first of them; None if it meets none.

    Args:
        conditions: of the entry.
        cells: of the row. Null, or no cell, is spelled as an empty text.
        class_names: the names that the file itself gives to the numbers of a column.
        where: file and line, for messages.

    Raises:
        UserError: a condition compares what is no number.
    """
    for one in conditions:
        spelled = spellings(cells.get(one.column), class_names.get(one.column))
        if one.equals is not None:
            word = find_word(spelled, one.equals)
            if word is not None:
                return f"{one.column} is {word!r}"
        elif one.differs_from is not None:
            if find_word(spelled, one.differs_from) is None:
                return f"{one.column} differs from {', '.join(map(repr, one.differs_from))}"
        elif one.below is not None:
            if _number(one, spelled, where) < Decimal(str(one.below)):
                return f"{one.column} is below {one.below:g}"
        elif one.above is not None and _number(one, spelled, where) > Decimal(str(one.above)):
            return f"{one.column} is above {one.above:g}"
    return None


def _number(condition: Condition, spelled: Sequence[str], where: str) -> Decimal:
    """The number in a condition's column."""
    for word in spelled:
        number = as_number(word)
        if number is not None:
            return number
    raise UserError(
        f"{where}: column {condition.column!r} is {spelled[0]!r}, which is no number to compare;"
        f" put before this condition of `drop` one that drops such rows:"
        f' {{column: {condition.column}, equals: ["{spelled[0]}"]}}'
    )
