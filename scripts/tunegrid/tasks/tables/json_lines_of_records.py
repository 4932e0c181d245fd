"""The lines that the records of a JSON file begin on, which a parser of JSON does not tell."""

import json
import re
from collections.abc import Iterator

BLANKS = re.compile(r"[ \t\n\r]*")
DECODER = json.JSONDecoder()


def record_lines(text: str, where: str | None) -> list[int] | None:
    """The line, from 1, that each record begins on.

    Args:
        text: valid JSON.
        where: dotted path of the list or object that holds the records; None: it is the whole.

    Returns:
        None if two records begin on one line, or the path is not that of a list or object.
    """
    start = _start_of(text, 0, where)
    if start is None:
        return None
    lines = []
    line, counted = 1, 0
    for _, begin in _children(text, start):
        line += text.count("\n", counted, begin)
        counted = begin
        lines.append(line)
    return lines if len(set(lines)) == len(lines) else None


def _start_of(text: str, start: int, where: str | None) -> int | None:
    """Where the value under a path begins; None if there is none."""
    if where is None:
        return start
    for key, begin in _children(text, start):
        if key == where:
            return begin
        if where.startswith(f"{key}."):
            return _start_of(text, begin, where[len(str(key)) + 1 :])
    return None


def _children(text: str, start: int) -> Iterator[tuple[str, int]]:
    """Key (in a list: position) and beginning of each value in the list or object from here."""
    at = _behind_blanks(text, start)
    is_object = text[at] == "{"
    if not is_object and text[at] != "[":
        return
    at = _behind_blanks(text, at + 1)
    position = 0
    while text[at] not in "]}":
        key = str(position)
        if is_object:
            key, at = DECODER.raw_decode(text, at)
            # Behind the colon.
            at = _behind_blanks(text, _behind_blanks(text, at) + 1)
        yield key, at
        at = _behind_blanks(text, DECODER.raw_decode(text, at)[1])
        if text[at] == ",":
            at = _behind_blanks(text, at + 1)
        position += 1


def _behind_blanks(text: str, at: int) -> int:
    found = BLANKS.match(text, at)
    return found.end() if found else at
