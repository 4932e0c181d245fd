"""The registry of metrics, and the decorator that enters a metric: `tunegrid.metrics` fills it.

What a metric is computed from (`needs`) says how its function is called. The same function serves
the score of a run, what each of its test examples contributes, and examples that are drawn again:

- `label_counts`: how often each label was predicted rightly, predicted, and true (`LabelCounts`).
  The function maps counts of shape (..., k) to values of shape (...), so that the examples less
  each kind of them are scored by one call.
- `log_probabilities`: of single labels alone. The function maps the log-probabilities (n, k) and
  the true labels (n,) to a value for each example, (n,); the metric is their mean.
- `examples`: the function maps predictions to a value for each example, (n,); the metric is their
  mean.
- `totals`: `contributions` maps predictions to numbers of each example, (n, m), and the function
  maps their sums over examples, (..., m), to values of shape (...).
- `whole`: the function maps predictions to the metric. It is computed again without each example,
  or by `without_each`, which maps predictions to these values, (n,), at less cost.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

import numpy as np

from tunegrid.predictions import (
    Floats,
    Predictions,
    RegressionPredictions,
    SingleLabelPredictions,
    TargetKind,
)

Function = TypeVar("Function", bound=Callable[..., Any])

Needs = Literal["label_counts", "log_probabilities", "examples", "totals", "whole"]


@dataclass(frozen=True)
class Metric:
    """One entry of the registry.

    Attributes:
        name: the key in files, configurations and columns.
        title: how headings of tables and figures call it.
        needs: what `function` is computed from (see the module's text).
        targets: the kinds of target that it can be computed of.
        higher_is_better: the direction in which a model is better.
        bounds: the least and the greatest value that it can have.
        compared: the kinds of target of which methods are compared by it (intervals over test
            examples, tests, tables).
        by_default: whether a task has it that names no metrics.
        of_decisions: whether it is computed from what is predicted alone, and not from how sure the
            model is; so it can be computed of a baseline's predictions.
        source: paper or documentation of the definition.
        function: computes it; its arguments and result depend on `needs`.
        contributions: of `totals`, what each example adds.
        without_each: of `whole`, the metric without each example; None: it is computed again.
        noun: how a sentence calls it.
        unit: the unit of its values; empty for shares and coefficients, which have none.
    """

    name: str
    title: str
    needs: Needs
    targets: tuple[TargetKind, ...]
    higher_is_better: bool
    bounds: tuple[float, float]
    compared: tuple[TargetKind, ...]
    by_default: bool
    of_decisions: bool
    source: str
    function: Callable[..., Any]
    contributions: Callable[[Any], Floats] | None
    without_each: Callable[[Any], Floats] | None
    noun: str
    unit: str

    @property
    def bounded(self) -> bool:
        """Whether it has both a least and a greatest value."""
        return all(np.isfinite(self.bounds))

    @property
    def in_own_unit(self) -> bool:
        """Whether its values are in the unit of a task's numbers, which another task has not."""
        return not self.bounded and self.targets == ("regression",)

    def compared_for(self, target: TargetKind) -> bool:
        """Whether methods are compared by it on tasks of this kind of target."""
        return target in self.compared

    def unit_for(self, target: TargetKind) -> str:
        """The unit of its values; of numbers it is their own, which nothing tells."""
        return "" if target == "regression" else self.unit

    def with_unit(self, text: str, target: TargetKind = "single_label") -> str:
        """The text, followed by the unit in brackets if the metric has one."""
        unit = self.unit_for(target)
        return f"{text} ({unit})" if unit else text

    def compute(self, predictions: Predictions) -> float:
        """The metric of these predictions.

        Raises:
            ValueError: it cannot be computed of their kind of target.
        """
        self.check_target(predictions)
        if self.needs == "label_counts" and not isinstance(predictions, RegressionPredictions):
            return float(self.function(predictions.label_counts()))
        if self.needs == "totals":
            return float(self.function(self.contributions_of(predictions).sum(axis=0)))
        if self.needs == "whole":
            return float(self.function(predictions))
        return float(self.per_example(predictions).mean())

    def per_example(self, predictions: Predictions) -> Floats:
        """The values whose mean the metric is, (n,); of `log_probabilities` and `examples`.

        Raises:
            ValueError: it cannot be computed of their kind of target.
        """
        self.check_target(predictions)
        values: Floats
        if isinstance(predictions, SingleLabelPredictions) and self.needs == "log_probabilities":
            values = self.function(predictions.log_probabilities, predictions.labels)
        else:
            values = self.function(predictions)
        return values

    def contributions_of(self, predictions: Predictions) -> Floats:
        """The numbers of each example whose sums the metric needs, (n, m); of `totals` alone."""
        assert self.contributions is not None
        return self.contributions(predictions)

    def check_target(self, predictions: Predictions) -> None:
        """Refuse predictions of a kind that it cannot be computed of.

        Raises:
            ValueError: they are.
        """
        if predictions.target not in self.targets:
            raise ValueError(f"{self.name} cannot be computed of target {predictions.target}")


#: Every metric by its name.
METRICS: dict[str, Metric] = {}


def metric(
    *,
    title: str,
    needs: Needs,
    higher_is_better: bool,
    bounds: tuple[float, float],
    source: str,
    targets: Sequence[TargetKind] = ("single_label",),
    compared: bool | Sequence[TargetKind] = True,
    by_default: bool = True,
    of_decisions: bool | None = None,
    contributions: Callable[[Any], Floats] | None = None,
    without_each: Callable[[Any], Floats] | None = None,
    noun: str | None = None,
    unit: str = "",
) -> Callable[[Function], Function]:
    """Register the function below it as a metric of the function's name.

    Args:
        title, needs, higher_is_better, bounds, source, targets, by_default, contributions,
        without_each, unit: as of `Metric`.
        compared: as of `Metric`; true for all its targets, false for none.
        of_decisions: as of `Metric`; None: unless it needs log-probabilities.
        noun: as of `Metric`; without it the title, its first letter made small. Name one where that
            is wrong, as of "Matthews correlation".

    Raises:
        ValueError: there is a metric of this name already; `contributions` are missing, or stand
            where nothing needs them.
    """
    if (needs == "totals") != (contributions is not None):
        raise ValueError("a metric of totals, and no other, has contributions")

    def register(function: Function) -> Function:
        name = function.__name__
        if name in METRICS:
            raise ValueError(f"a metric of the name {name!r} is registered already")
        if isinstance(compared, bool):
            compared_targets = tuple(targets) if compared else ()
        else:
            compared_targets = tuple(compared)
        METRICS[name] = Metric(
            name=name,
            title=title,
            needs=needs,
            targets=tuple(targets),
            higher_is_better=higher_is_better,
            bounds=bounds,
            compared=compared_targets,
            by_default=by_default,
            of_decisions=needs != "log_probabilities" if of_decisions is None else of_decisions,
            source=source,
            function=function,
            contributions=contributions,
            without_each=without_each,
            noun=noun or title[0].lower() + title[1:],
            unit=unit,
        )
        return function

    return register
