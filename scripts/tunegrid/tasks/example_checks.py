"""What must hold of the examples of every file, whatever its reader: one line for each problem."""

import json
import math
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from tunegrid.config.task_entry import TaskEntry
from tunegrid.tasks.readers.example import Example

#: How many labels a message names before the rest are only counted.
NAMED = 20


def problems_of_examples(
    examples: Sequence[Example], entry: TaskEntry, path: Path
) -> Iterator[str]:
    """What is wrong with the examples of a file, one line each, in the order of the file.

    An unknown label, and an empty text, are told once, with how many examples have them.

    Args:
        examples: of the file.
        entry: of its task, as it holds for its split.
        path: of the file.
    """
    labels = _Labels(examples, entry)
    empty = {
        "text": _positions(not example.text.strip() for example in examples),
        "text_pair": _positions(
            example.text_pair is not None and not example.text_pair.strip() for example in examples
        ),
    }
    first: dict[str, int] = {}
    for position, example in enumerate(examples):
        where = f"{path}:{example.line}: example {example.id!r}"
        if example.id in first:
            yield f"{where}: the id stands already on line {first[example.id]}; ids must be unique"
        first.setdefault(example.id, example.line)
        for problem in labels.problems(example):
            yield f"{where}: {problem}"
        for key, positions in empty.items():
            if positions[:1] == [position]:
                name = "the text" if key == "text" else "the second text"
                others = f" (and {len(positions) - 1} more)" if len(positions) > 1 else ""
                remedy = f"to leave such rows out: `drop: {{empty: [{key}]}}`"
                yield f"{where}: {name} is empty{others}{_of_tables(entry, remedy)}"


def _positions(truths: Iterable[bool]) -> list[int]:
    return [position for position, is_true in enumerate(truths) if is_true]


class _Labels:
    """What is wrong with the labels of a file's examples."""

    def __init__(self, examples: Sequence[Example], entry: TaskEntry) -> None:
        self._entry = entry
        self._known = dict.fromkeys(entry.label_names or [])
        self._told: set[str] = set()
        self._seen = Counter(name for example in examples for name in example.label_names)

    def problems(self, example: Example) -> Iterator[str]:
        """What is wrong with an example's label or labels, or with its number."""
        target = self._entry.target
        if target and target.kind == "regression":
            yield from self._problems_of_number(example)
            return
        names = example.label_names
        for name in dict.fromkeys(names):
            if names.count(name) > 1:
                yield f"names the label {name!r} twice"
            if name in self._told:
                continue
            if not name.strip() and self._entry.labels == "auto":
                self._told.add(name)
                yield f"a label is blank{self._others(name)}"
            elif self._entry.labels != "auto" and name not in self._known:
                self._told.add(name)
                known = list(self._known)
                rest = f" and {len(known) - NAMED} more" if len(known) > NAMED else ""
                yield (
                    f"unknown label {name!r}{self._others(name)};"
                    f" known: {', '.join(known[:NAMED])}{rest}{self._remedy(name)}"
                )

    def _problems_of_number(self, example: Example) -> Iterator[str]:
        value = example.label
        target = self._entry.target
        if not isinstance(value, float) or not math.isfinite(value):
            remedy = f"to leave such rows out: `drop: {{labels: [{_quoted(value)}]}}`"
            yield f"the target {value!r} is no finite number{_of_tables(self._entry, remedy)}"
        elif target and target.range and not target.range[0] <= value <= target.range[1]:
            least, greatest = target.range
            yield f"the target {value:g} is outside the range [{least:g}, {greatest:g}] of `target`"

    def _others(self, name: str) -> str:
        others = self._seen[name] - 1
        return f" (and {others} more of it)" if others else ""

    def _remedy(self, name: str) -> str:
        """What would take in an unknown label, where its spelling or its number of rows tells."""
        like = [known for known in self._known if known.strip() == name.strip()]
        if like:
            return _of_tables(self._entry, "to cut blanks off: `dialect: {strip: true}`")
        like = [
            known for known in self._known if known.strip().casefold() == name.strip().casefold()
        ]
        if like:
            remedy = f"spelled otherwise: `values: {{{_quoted(name)}: {_quoted(like[0])}}}`"
            return _of_tables(self._entry, remedy)
        if self._seen[name] > 1:
            remedy = f"to leave such rows out: `drop: {{labels: [{_quoted(name)}]}}`"
            return _of_tables(self._entry, remedy)
        return ""


def _of_tables(entry: TaskEntry, remedy: str) -> str:
    """A remedy that reader `table` knows; nothing for another reader."""
    return f"; {remedy}" if entry.reader == "table" else ""


def _quoted(word: object) -> str:
    """A word as YAML reads it, in quotes."""
    return json.dumps(str(word), ensure_ascii=False)
