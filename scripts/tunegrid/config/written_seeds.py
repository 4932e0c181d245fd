"""Seeds as they are written: a list, ranges, or how many there are.

`[1, 2, 3]`, `1..3`, `1-3` and `3` are the same seeds; a range may stand in a list, too.
"""

import re
from typing import Any

#: Up to so many seeds may be asked for by their number. A larger one is rather a seed itself
#: (`seeds: 42`), for which as many runs would be trained.
MOST_COUNTED = 20
#: Two whole numbers with what people write between them.
_RANGE = re.compile(r"\s*(\d+)\s*(?:\.{2,3}|-|–|to)\s*(\d+)\s*")


def count_to_seeds(value: Any) -> Any:
    """The seeds 1 to `value`, where it is a whole number; anything else as it is.

    Raises:
        ValueError: it is 0 or less, or so large that a single seed may be meant.
    """
    if not isinstance(value, int) or isinstance(value, bool):
        return value
    if value < 1:
        raise ValueError(f"{value} is no number of seeds; write [{value}] for the one seed")
    if value > MOST_COUNTED:
        raise ValueError(
            f"{value} is taken for a number of seeds only up to {MOST_COUNTED}; write [{value}] for"
            f" the one seed, 1..{value} for so many"
        )
    return list(range(1, value + 1))


def ranges_to_seeds(value: Any) -> Any:
    """The seeds of a range, of several with commas between them, or of a list that holds ranges.

    What is no range stays as it is; the type of a seed tells what is wrong with it.

    Raises:
        ValueError: a range ends before it begins, or a text is no range.
    """
    if isinstance(value, str):
        parts = value.split(",")
        return [seed for part in parts for seed in _seeds_of_text(part, whole=value)]
    if not isinstance(value, list):
        return value
    seeds: list[Any] = []
    for part in value:
        is_range = isinstance(part, str) and _RANGE.fullmatch(part)
        seeds += _seeds_of_text(part, whole=part) if is_range else [part]
    return seeds


def _seeds_of_text(text: str, whole: str) -> list[int]:
    if text.strip().isdigit():
        return [int(text)]
    found = _RANGE.fullmatch(text)
    if found is None:
        raise ValueError(f"{whole!r} are no seeds; write a list, [1, 2, 3], or a range, 1..3")
    first, last = int(found[1]), int(found[2])
    if first > last:
        raise ValueError(f"{text.strip()!r} ends before it begins; write {last}..{first}")
    return list(range(first, last + 1))
