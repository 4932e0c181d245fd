"""What a paper may conclude: the kinds of finding and their parameters, as `paper.yaml` names them.

Each kind is a closed, typed model here and one function in `tunegrid.published.findings`, which
holds it against the grid's own numbers.
"""

from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from tunegrid.config.entries import Name
from tunegrid.config.messages import nearest
from tunegrid.config.value_types import Closed
from tunegrid.metrics import METRICS


def _has_intervals(name: str) -> str:
    known = [name for name, entry in METRICS.items() if entry.compared]
    if name not in known:
        raise ValueError(
            f"{name!r} is no metric by which methods are compared; {nearest(name, known)}"
        )
    return name


def _is_metric(name: str) -> str:
    if name not in METRICS:
        raise ValueError(f"{name!r} is no metric; {nearest(name, METRICS)}")
    return name


ComparedMetric = Annotated[str, AfterValidator(_has_intervals)]
AnyMetric = Annotated[str, AfterValidator(_is_metric)]


class Claim(Closed):
    """One kind of finding, with its parameters."""


class ComparedClaim(Claim):
    """A claim about means that are compared by their intervals."""

    metric: ComparedMetric = Field(
        default="accuracy", description="Metric whose means are compared."
    )

    @property
    def methods(self) -> list[str]:
        """The methods whose runs decide it."""
        raise NotImplementedError


class ExtremeTask(ComparedClaim):
    """A claim that one task is the hardest, or the easiest, of all tasks in the grid."""

    task: Name = Field(description="The task.")
    method: Name = Field(description="The method by which all tasks were trained.")

    @property
    def methods(self) -> list[str]:
        return [self.method]


class BetterModels(ComparedClaim):
    """A claim that some models are each better than another, in the mean over tasks."""

    models: list[Name] = Field(min_length=1, description="The better models.")
    than: Name = Field(description="The model that each of them beats.")
    method: Name = Field(description="The method by which all of them were trained.")

    @property
    def methods(self) -> list[str]:
        return [self.method]


class MostlyBetterMethod(ComparedClaim):
    """A claim that a method is better than others on most models and tasks."""

    method: Name = Field(description="The better method.")
    than: list[Name] = Field(min_length=1, description="The methods that it mostly beats.")

    @property
    def methods(self) -> list[str]:
        return [self.method, *self.than]


class GainsMostOnHardestTask(ComparedClaim):
    """A claim that a method gains most over another on the task that is hardest for it."""

    method: Name = Field(description="The method that gains.")
    over: Name = Field(description="The method over which it gains.")

    @property
    def methods(self) -> list[str]:
        return [self.method, self.over]


class EqualMetrics(Claim):
    """A claim that two metrics have the same value in every cell group."""

    metrics: list[AnyMetric] = Field(description="The two metrics that are equal.")
    why: str = Field(min_length=1, description="Why they are, in words.")

    @model_validator(mode="after")
    def _names_two(self) -> Self:
        if len(self.metrics) != 2:
            raise ValueError(f"names {len(self.metrics)} metrics; name the two that are equal")
        return self


class Finding(Closed):
    """One conclusion of a paper: how it is put, and exactly one kind with its parameters."""

    finding: str = Field(min_length=1, description="The conclusion in words.")
    hardest_task: ExtremeTask | None = Field(
        default=None, description="One task is the hardest of all."
    )
    easiest_task: ExtremeTask | None = Field(
        default=None, description="One task is the easiest of all."
    )
    better_models: BetterModels | None = Field(
        default=None, description="Some models are each better than another."
    )
    mostly_better_method: MostlyBetterMethod | None = Field(
        default=None, description="A method is mostly better than others."
    )
    gains_most_on_hardest_task: GainsMostOnHardestTask | None = Field(
        default=None, description="A method gains most over another on the hardest task."
    )
    equal_metrics: EqualMetrics | None = Field(
        default=None, description="Two metrics have the same value in every cell group."
    )

    @model_validator(mode="after")
    def _is_of_one_kind(self) -> Self:
        given = [kind for kind in KINDS if getattr(self, kind) is not None]
        if len(given) != 1:
            named = f"names {' and '.join(given)}" if given else "names no kind of finding"
            raise ValueError(f"{named}; give exactly one of {', '.join(KINDS)}")
        return self

    @property
    def kind(self) -> str:
        """The name of its kind."""
        return next(kind for kind in KINDS if getattr(self, kind) is not None)

    @property
    def claim(self) -> Claim:
        """The parameters of its kind."""
        claim: Claim = getattr(self, self.kind)
        return claim


#: The kinds of finding by name.
KINDS = [name for name in Finding.model_fields if name != "finding"]
