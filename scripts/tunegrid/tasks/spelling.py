"""How a value of a file is held against a word of an entry: by its spelling, else as a number."""

import re
from collections.abc import Collection, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any

#: A number as people and programs write it; no blanks, no underscores, no words for infinity.
_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?", re.ASCII)


def as_number(word: str) -> Decimal | None:
    """The number that a word spells, exactly; None if it spells none."""
    if not _NUMBER.fullmatch(word):
        return None
    try:
        return Decimal(word)
    except InvalidOperation:  # an exponent of more than eighteen digits
        return None


def spellings(value: Any, class_names: Sequence[str] | None = None) -> tuple[str, ...]:
    """How a value of a file may be spelled in an entry, the likeliest first.

    Args:
        value: of a cell: text, a number, a truth value; null is spelled as an empty text.
        class_names: the names that the file itself gives to the whole numbers of the column.

    A truth value (of JSON or Parquet) is spelled as JSON does it, or as Python and YAML may. A
    number that has a name in the file is its name, or, unless another number has that for a name,
    the number.
    """
    if value is None:
        return ("",)
    if isinstance(value, bool):
        word = "true" if value else "false"
        return word, word.title(), word.upper()
    word = str(value)
    if class_names and isinstance(value, int) and 0 <= value < len(class_names):
        name = class_names[value]
        return (name,) if word in class_names else (name, word)
    return (word,)


def find_word(spelled: Sequence[str], words: Collection[str]) -> str | None:
    """The word that a value stands for: one that is spelled so, else the one of the same number.

    Args:
        spelled: the spellings of the value.
        words: those of the entry.

    Returns:
        None where no word is spelled so, and none, or several, are the same number.
    """
    for word in spelled:
        if word in words:
            return word
    for word in spelled:
        number = as_number(word)
        if number is None:
            continue
        equal = [other for other in words if as_number(other) == number]
        if len(equal) == 1:
            return equal[0]
    return None


def in_order(words: Collection[str]) -> list[str]:
    """Words in the order of their numbers if all are numbers, else of their characters."""
    numbers = {word: as_number(word) for word in words}
    if all(number is not None for number in numbers.values()):
        return sorted(words, key=lambda word: (numbers[word], word))
    return sorted(words)
