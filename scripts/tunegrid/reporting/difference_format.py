"""How differences of a metric are written in sentences and on axes: one sign, one unit.

A difference is always the method − what it is compared with, in the metric's own unit. Readers see
points, that is hundredths, of a metric that has a least and a greatest value.
"""

from dataclasses import dataclass

from tunegrid.metrics import Metric

#: U+2212, as on the axes of figures; a hyphen could be taken for a dash between two numbers.
MINUS = "−"


@dataclass(frozen=True)
class DifferenceFormat:
    """How the differences of one metric are written.

    Attributes:
        noun: how a sentence calls the metric.
        factor: what a difference is multiplied by.
        digits: its digits behind the point.
        unit: the word behind a number; empty for a metric without a unit.
    """

    noun: str
    factor: float
    digits: int
    unit: str

    @classmethod
    def of(cls, metric: Metric) -> "DifferenceFormat":
        """Points of a metric that has both bounds; else the metric's own unit."""
        if metric.bounded:
            return cls(noun=metric.noun, factor=100, digits=1, unit="points")
        return cls(noun=metric.noun, factor=1, digits=4, unit=metric.unit)

    @property
    def axis_label(self) -> str:
        """What an axis of differences shows: `points of accuracy`, or `loss (nats)`."""
        if self.unit == "points":
            return f"points of {self.noun}"
        return f"{self.noun} ({self.unit})" if self.unit else self.noun

    def number(self, difference: float) -> str:
        """The number with its sign, rounded; what is rounded to 0 has no sign."""
        text = f"{self.factor * difference:+.{self.digits}f}"
        if float(text) == 0:
            return text[1:]
        return text.replace("-", MINUS)

    def size(self, difference: float) -> str:
        """The number and its unit."""
        return f"{self.number(difference)} {self.unit}".rstrip()

    def interval(self, low: float, high: float) -> str:
        """The text `low … high`."""
        return f"{self.number(low)} … {self.number(high)}"

    def margin(self, margin: float) -> str:
        """A margin without a sign, as short as it can be: `1 point`, `0.5 points`."""
        number = f"{self.factor * margin:g}"
        unit = "point" if number == "1" and self.unit == "points" else self.unit
        return f"{number} {unit}".rstrip()
