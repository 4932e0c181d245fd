"""Every birth and death of a storage in a traced step, and what follows for other micro-batches.

Steps of two micro-batches make and free the same storages in the same order, where nothing in the
model's code depends on how many examples there are. A storage then has some bytes that stay, as a
weight has, and so many for each example, as an activation has. What lives at each moment of a step
of any other micro-batch follows, and its peak, to the byte.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import accumulate


@dataclass(frozen=True)
class Timeline:
    """What lives in a step, from moment to moment.

    Attributes:
        at_start: bytes that live when the step begins.
        changes: the bytes that are born (above 0) or die (below 0), one storage after the other.
        storages: which storage that is, for each change. Storages that are made in the step are
            numbered from 1 in their order; those that were there before have numbers below 1.
    """

    at_start: int
    changes: tuple[int, ...]
    storages: tuple[int, ...]

    @property
    def peak(self) -> int:
        """The most bytes that live at once."""
        return max(accumulate(self.changes, initial=self.at_start))


def peak_by_batch(
    few: int, of_few: Timeline, many: int, of_many: Timeline
) -> Callable[[int], int] | None:
    """A function from a micro-batch to the peak of its step, from two that were traced.

    Args:
        few: examples of the smaller micro-batch.
        of_few: its step.
        many: examples of the larger micro-batch.
        of_many: its step.

    Returns:
        None where the two steps are not the same but for the sizes of their storages, or where a
        storage is not some bytes, and a whole number of bytes for each example, as where a mixture
        of experts divides tokens: then nothing follows for others.
    """
    if of_few.storages != of_many.storages:
        return None
    start = _line(few, of_few.at_start, many, of_many.at_start)
    changes = [
        _line(few, size_of_few, many, size_of_many)
        for size_of_few, size_of_many in zip(of_few.changes, of_many.changes, strict=True)
    ]
    if start is None or None in changes:
        return None
    lines = [line for line in (start, *changes) if line is not None]

    def peak(batch: int) -> int:
        return max(accumulate(staying + batch * each for staying, each in lines))

    return peak


def _line(few: int, size_of_few: int, many: int, size_of_many: int) -> tuple[int, int] | None:
    """The bytes that stay and those for each example; below 0 where they die.

    Returns:
        None where they are no whole numbers, or of both signs.
    """
    each, rest = divmod(size_of_many - size_of_few, many - few)
    staying = size_of_few - few * each
    if rest or staying * each < 0 or staying * size_of_few < 0:
        return None
    return staying, each
