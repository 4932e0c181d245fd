"""How methods and models are compared."""

from typing import Literal

from pydantic import Field

from tunegrid.config.entries import Name
from tunegrid.config.value_types import Closed
from tunegrid.metrics import Metric


class CompareSettings(Closed):
    """What is compared with what, and when a difference counts as none."""

    reference: Name | None = Field(
        None,
        description="The method that each model's others are compared with; null: the one that"
        " trains most parameters, also where a model of the grid lacks the one named here.",
    )
    pairs: Literal["reference", "all"] = Field(
        "reference",
        description="reference: each method with the reference, each model with the grid's first;"
        " all: the other methods, and the other models, with each other, too.",
    )
    margin: float = Field(
        1.0,
        gt=0,
        lt=100,
        description="Points (hundredths of a metric that has a least and a greatest value): a"
        " difference that is shown to be smaller counts as the same.",
    )
    moderate: bool = Field(
        True,
        description="Whether the variance between a comparison's seeds is drawn towards what is"
        " typical of the grid (empirical Bayes), which few seeds need; false: each by its own.",
    )

    def margin_of(self, metric: Metric) -> float | None:
        """The margin in the unit of a metric; None if the metric has no range."""
        return self.margin / 100 if metric.bounded else None
