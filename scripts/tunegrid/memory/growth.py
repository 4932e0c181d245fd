"""How a step's peak grows with its micro-batch, from as few traces as decide what fits.

Two traces tell the peaks of all micro-batches where they are of the same births and deaths of
storages (`tunegrid.memory.timeline`); elsewhere three tell bounds. At every moment of a step the
live tensors are weights and what belongs to them, and so many bytes for each example; the peak is
the most of all moments, so it is a convex function of the examples. Between two traced
micro-batches it is at most what the line through them says, and beyond them at least that; and more
examples never take less. Where both bounds fall on one side of a GPU's memory no trace is needed;
elsewhere the step is traced.

One example is never what others are derived from: of a single one some copies are none.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property

from tunegrid.memory.timeline import Timeline, peak_by_batch

#: Micro-batches that are traced before others are derived from them: `BETWEEN` and `MANY`, and
#: `FEW` where these two do not tell all peaks. The one that is asked for takes the place of
#: `BETWEEN` where it is neither fewer than the few nor as many as the many.
FEW, BETWEEN, MANY = 2, 32, 1024
#: The part of a peak by which bounds are wider than the lines: what a trace and a line round.
ROUNDING = 1e-6


class PeakGrowth:
    """The peaks of one step by micro-batch; each is traced at most once.

    Args:
        trace: from a micro-batch to bytes at the peak. It may raise.
        first: the micro-batch whose peak is wanted anyway.
        timeline: what lives in the step of a micro-batch that was traced; None where that is not
            known.
    """

    def __init__(
        self,
        trace: Callable[[int], int],
        first: int,
        timeline: Callable[[int], Timeline | None] = lambda _: None,
    ) -> None:
        self._trace = trace
        self._between = first if FEW <= first < MANY else BETWEEN
        self._timeline = timeline
        self._traced: dict[int, int] = {}

    def peak(self, batch: int) -> int:
        """Bytes at the peak of a micro-batch, traced."""
        if batch not in self._traced:
            self._traced[batch] = self._trace(batch)
        return self._traced[batch]

    def fits(self, batch: int, needed: Callable[[float], float], capacity: float) -> bool:
        """Whether a micro-batch fits, as its trace would say.

        Args:
            batch: examples.
            needed: from bytes at the peak to bytes that a GPU must have, which grow with them.
            capacity: bytes that the GPU has.
        """
        fitting = {size for size, peak in self._traced.items() if needed(peak) <= capacity}
        if any(size >= batch for size in fitting):
            return True
        if any(size <= batch for size in self._traced.keys() - fitting):
            return False
        derived = self._derived_peak(batch)
        if derived is not None:
            return needed(derived) <= capacity
        low, high = self.bounds(batch)
        if needed(high) <= capacity:
            return True
        if needed(low) > capacity:
            return False
        return needed(self.peak(batch)) <= capacity

    def _derived_peak(self, batch: int) -> int | None:
        """The peak of a micro-batch as it follows from two traces; None where they do not tell."""
        if not FEW <= batch <= MANY:
            return None
        peak_of = self._peak_of_others
        return None if peak_of is None else peak_of(batch)

    @cached_property
    def _peak_of_others(self) -> Callable[[int], int] | None:
        for known in (self._between, MANY):
            self.peak(known)
        of_between, of_many = self._timeline(self._between), self._timeline(MANY)
        if of_between is None or of_many is None:
            return None
        return peak_by_batch(self._between, of_between, MANY, of_many)

    def bounds(self, batch: int) -> tuple[float, float]:
        """Bytes between which the peak of a micro-batch lies, from what was traced.

        Returns:
            The least and the most; (0, infinity) where nothing is known, as where three traces are
            not of a convex function.
        """
        if batch < FEW:
            return 0.0, float("inf")
        for known in (self._between, FEW, MANY):
            self.peak(known)
        points = sorted((size, peak) for size, peak in self._traced.items() if size >= FEW)
        if batch > points[-1][0] or not _convex(points):
            return 0.0, float("inf")
        below = [point for point in points if point[0] <= batch]
        above = [point for point in points if point[0] >= batch]
        high = _on_line(below[-1], above[0], batch)
        low = float(below[-1][1])  # more examples take no less
        if len(below) > 1:
            low = max(low, _on_line(below[-2], below[-1], batch))
        if len(above) > 1:
            low = max(low, _on_line(above[0], above[1], batch))
        return min(low, high) * (1 - ROUNDING), high * (1 + ROUNDING)


def _on_line(one: tuple[int, int], other: tuple[int, int], batch: int) -> float:
    """The height at `batch` of the line through two points."""
    if one[0] == other[0]:
        return float(one[1])
    slope = (other[1] - one[1]) / (other[0] - one[0])
    return one[1] + slope * (batch - one[0])


def _convex(points: list[tuple[int, int]]) -> bool:
    """Whether no point lies above the line through its neighbours, but for rounding."""
    return all(
        middle[1] <= _on_line(before, after, middle[0]) * (1 + ROUNDING)
        for before, middle, after in zip(points, points[1:], points[2:], strict=False)
    )
