"""The registry of metrics: everything that is measured of a run's predictions.

A metric is one function under the decorator `metric`. Scoring, the selection of an epoch,
summaries, intervals, comparisons, tables, figures and the workbook find it by its name in
`METRICS`, in the order in which it is registered here. `docs/add-a-metric.md` shows how to add one.

A metric is computed from one of two things, and the same function serves the score of a run and
what each of its test examples contributes:

- `label_counts`: how often each label was predicted rightly, predicted, and true (`LabelCounts`).
  The function maps counts of shape (..., k) to values of shape (...), so that the
  examples less each kind of them are scored by one call.
- `log_probabilities`: the function maps the log-probabilities (n, k) and the true labels (n,) to a
  value for each example, (n,); the metric is their mean.

Nothing here imports more than NumPy: the Snakefile reads the names and titles.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.floating[Any]]
Integers = npt.NDArray[np.integer[Any]]

Needs = Literal["label_counts", "log_probabilities"]


@dataclass(frozen=True)
class LabelCounts:
    """How the k labels were predicted, for one or for many weightings of the examples.

    Attributes:
        hits: how often each label was predicted where it is true, (..., k).
        predicted: how often each label was predicted, (..., k).
        support: how often each label is true, (..., k).
    """

    hits: Floats
    predicted: Floats
    support: Floats


def count_labels(labels: Integers, predicted: Integers, kinds: int) -> LabelCounts:
    """The counts of all `kinds` labels, each (kinds,), of true and predicted label ids (n,)."""
    return LabelCounts(
        hits=np.bincount(labels[predicted == labels], minlength=kinds).astype(float),
        predicted=np.bincount(predicted, minlength=kinds).astype(float),
        support=np.bincount(labels, minlength=kinds).astype(float),
    )


@dataclass(frozen=True)
class Predictions:
    """What a model predicted for n examples of k labels.

    Attributes:
        labels: the true label ids, (n,).
        predicted: the predicted label ids, (n,).
        log_probabilities: natural logarithms of the predicted probabilities, (n, k).
    """

    labels: Integers
    predicted: Integers
    log_probabilities: Floats

    def __len__(self) -> int:
        return len(self.labels)

    def label_counts(self) -> LabelCounts:
        """The counts of all k labels, each (k,)."""
        return count_labels(self.labels, self.predicted, kinds=self.log_probabilities.shape[1])


@dataclass(frozen=True)
class Metric:
    """One entry of the registry.

    Attributes:
        name: the key in files, configurations and columns.
        title: how headings of tables and figures call it.
        needs: what `function` is computed from.
        higher_is_better: the direction in which a model is better.
        bounds: the least and the greatest value that it can have.
        compared: whether methods are compared by it (intervals over test examples, tests, tables).
        source: paper or documentation of the definition.
        function: computes it; its arguments and result depend on `needs` (see the module's text).
        noun: how a sentence calls it.
        unit: the unit of its values; empty for shares and coefficients, which have none.
    """

    name: str
    title: str
    needs: Needs
    higher_is_better: bool
    bounds: tuple[float, float]
    compared: bool
    source: str
    function: Callable[..., Floats]
    noun: str
    unit: str

    @property
    def bounded(self) -> bool:
        """Whether it has both a least and a greatest value."""
        return all(np.isfinite(self.bounds))

    def with_unit(self, text: str) -> str:
        """The text, followed by the unit in brackets if the metric has one."""
        return f"{text} ({self.unit})" if self.unit else text

    def compute(self, predictions: Predictions) -> float:
        """The metric of these predictions."""
        if self.needs == "label_counts":
            return float(self.function(predictions.label_counts()))
        return float(self.per_example(predictions).mean())

    def per_example(self, predictions: Predictions) -> Floats:
        """The values whose mean the metric is, (n,); only of metrics of log-probabilities."""
        return self.function(predictions.log_probabilities, predictions.labels)


#: Every metric by its name.
METRICS: dict[str, Metric] = {}
#: The name of the metric that stands for quality where one number must: in the sentences of the
#: answer, in the table that is named after it, and beside the costs. It is one of those compared.
MAIN_METRIC = "accuracy"


def metric(
    *,
    title: str,
    needs: Needs,
    higher_is_better: bool,
    bounds: tuple[float, float],
    source: str,
    compared: bool = True,
    noun: str | None = None,
    unit: str = "",
) -> Callable[[Callable[..., Floats]], Callable[..., Floats]]:
    """Register the function below it as a metric of the function's name.

    Args:
        title, needs, higher_is_better, bounds, source, compared, unit: as of `Metric`.
        noun: as of `Metric`; without it the title, its first letter made small. Name one where that
            is wrong, as of "Matthews correlation".

    Raises:
        ValueError: there is a metric of this name already.
    """

    def register(function: Callable[..., Floats]) -> Callable[..., Floats]:
        name = function.__name__
        if name in METRICS:
            raise ValueError(f"a metric of the name {name!r} is registered already")
        METRICS[name] = Metric(
            name=name,
            title=title,
            needs=needs,
            higher_is_better=higher_is_better,
            bounds=bounds,
            compared=compared,
            source=source,
            function=function,
            noun=noun or title[0].lower() + title[1:],
            unit=unit,
        )
        return function

    return register


def titles() -> dict[str, str]:
    """The title of every metric, by its name."""
    return {name: entry.title for name, entry in METRICS.items()}


def main_metric() -> Metric:
    """The registry's entry of `MAIN_METRIC`."""
    return METRICS[MAIN_METRIC]


def compared_metrics() -> list[str]:
    """The names of the metrics by which methods are compared."""
    return [name for name, entry in METRICS.items() if entry.compared]


@metric(
    title="Loss",
    needs="log_probabilities",
    higher_is_better=False,
    bounds=(0.0, float("inf")),
    compared=False,
    unit="nats",
    source="mean cross-entropy in nats; Goodfellow et al. 2016, Deep Learning, section 6.2.1",
)
def loss(log_probabilities: Floats, labels: Integers) -> Floats:
    """The negative log-probability of each example's true label."""
    return -log_probabilities[np.arange(len(labels)), labels]


@metric(
    title="Accuracy",
    needs="label_counts",
    higher_is_better=True,
    bounds=(0.0, 1.0),
    source="https://scikit-learn.org/stable/modules/model_evaluation.html#accuracy-score",
)
def accuracy(counts: LabelCounts) -> Floats:
    """The share of the examples whose label was predicted."""
    return np.divide(counts.hits.sum(axis=-1), counts.support.sum(axis=-1))


@metric(
    title="Micro-F1",
    needs="label_counts",
    higher_is_better=True,
    bounds=(0.0, 1.0),
    compared=False,  # where each example has one label it is the accuracy
    source="https://scikit-learn.org/stable/modules/model_evaluation.html#precision-recall-f-measure-metrics",
)
def micro_f1(counts: LabelCounts) -> Floats:
    """F1 of all labels' decisions together."""
    both = counts.predicted.sum(axis=-1) + counts.support.sum(axis=-1)
    return np.divide(2 * counts.hits.sum(axis=-1), both)


@metric(
    title="Macro-F1",
    needs="label_counts",
    higher_is_better=True,
    bounds=(0.0, 1.0),
    source="https://scikit-learn.org/stable/modules/generated/sklearn.metrics.f1_score.html",
)
def macro_f1(counts: LabelCounts) -> Floats:
    """The mean F1 of the labels that occur among true or predicted labels."""
    both = counts.predicted + counts.support
    # A label that does not occur has no hits: its F1 is 0, whatever it is divided by.
    each = np.divide(2 * counts.hits, np.maximum(both, 1), dtype=np.float64)
    return np.divide(each.sum(axis=-1), (both > 0).sum(axis=-1))
