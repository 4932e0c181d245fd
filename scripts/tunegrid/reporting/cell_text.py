"""What the text of a table's cells is, for those who lay the table out."""

import re
from collections.abc import Iterable

import pandas as pd

from tunegrid.results import FAILED, MISSING

#: A cell with more characters than this holds a sentence, which may be broken into lines.
LONGEST_LINE = 40
#: Columns that name what a row is of, where they stand before all others.
ROW_NAMES = [
    "question",
    "source",
    "model",
    "task",
    "tokenizer",
    "method",
    "compared with",
    "seed",
    "part",
    "split",
    "label",
    "metric",
]
#: Words that stand in a column of numbers.
NUMBER_WORDS = re.compile(rf"\b({FAILED}|{MISSING}|not finite|none|of)\b|(?<=\d)e(?=[+-]\d)")
#: All other characters of a cell of a column of numbers.
NUMBER_CHARACTERS = re.compile(r"[\d.,+−±×…/()%<>≥≤†‡—\s-]*")


class Verbatim(str):
    """A cell that shows what the data hold: none of its characters mean anything to a table."""

    __slots__ = ()


def split_bold(cell: object) -> tuple[str, str]:
    """The part of a cell that is bold, which stands between `**` at its beginning, and the rest."""
    text = str(cell)
    if isinstance(cell, Verbatim):
        return "", text
    parts = re.fullmatch(r"\*\*(.*?)\*\*(.*)", text, re.DOTALL)
    return (parts[1], parts[2]) if parts else ("", text)


def is_sentence(cell: object) -> bool:
    """Whether a cell holds more than fits on a line."""
    return len(str(cell)) > LONGEST_LINE


def holds_numbers(cells: Iterable[object]) -> bool:
    """Whether a column holds numbers, with their marks, and what stands for a missing one."""
    texts = ["".join(split_bold(cell)) for cell in cells]
    return any(re.search(r"\d", text) for text in texts) and all(map(_is_number, texts))


def _is_number(text: str) -> bool:
    return NUMBER_CHARACTERS.fullmatch(NUMBER_WORDS.sub("", text)) is not None


def count_row_names(readable: pd.DataFrame) -> int:
    """How many columns at the left of a table name what a row is of; at least one."""
    count = 0
    while count < len(readable.columns) and readable.columns[count] in ROW_NAMES:
        count += 1
    return max(1, count)
