"""The metrics: everything that is measured of a run's predictions.

A metric is one function under the decorator `metric` (`tunegrid.metric_registry` says what it may
be computed from). Scoring, the selection of an epoch, summaries, intervals, comparisons, tables,
figures and the workbook find it by its name in `METRICS`, in the order in which it is registered
here. `docs/add-a-metric.md` shows how to add one.

Nothing here imports more than NumPy before a metric is computed: the Snakefile reads names and
titles.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from tunegrid.calibration import gaps_by_bin
from tunegrid.correlations import (
    correlation_of_sums,
    correlation_terms,
    spearman_without_each,
)
from tunegrid.metric_registry import METRICS, Metric, metric
from tunegrid.predictions import (
    Floats,
    Integers,
    LabelCounts,
    MultiLabelPredictions,
    Predictions,
    RegressionPredictions,
    SingleLabelPredictions,
    TargetKind,
    count_labels,
)

__all__ = [
    "MAIN_METRICS",
    "METRICS",
    "Floats",
    "Integers",
    "LabelCounts",
    "Metric",
    "MultiLabelPredictions",
    "Predictions",
    "RegressionPredictions",
    "SingleLabelPredictions",
    "TargetKind",
    "TaskMetrics",
    "count_labels",
    "default_metrics",
    "find_metric",
    "metric",
    "only",
    "titles",
]

#: The metric that stands for quality where one number must, by kind of target: the task's own, if
#: it names one. It is one of those compared.
MAIN_OF_TARGET: dict[TargetKind, str] = {
    "single_label": "accuracy",
    "multi_label": "micro_f1",
    "regression": "pearson",
}


def _computed_by_nothing(predictions: Predictions) -> float:
    raise NotImplementedError(f"no metric of {len(predictions)} predictions: a mean over tasks")


#: What stands in tables over several tasks for the main metric of each, where these differ. All of
#: them are shares or coefficients, of which more is better.
MAIN_METRICS = Metric(
    name="main",
    title="Main metrics",
    needs="whole",
    targets=(),
    higher_is_better=True,
    bounds=(-1.0, 1.0),
    compared=(),
    by_default=False,
    of_decisions=False,
    source="https://aclanthology.org/W18-5446 (the GLUE score)",
    function=_computed_by_nothing,
    contributions=None,
    without_each=None,
    noun="the tasks' main metrics",
    unit="",
)


@dataclass(frozen=True)
class TaskMetrics:
    """By what a task is measured.

    Attributes:
        names: of the metrics, in the registry's order.
        main: the one that stands for quality where one number must; one of `names`.
        positive: the name of the label that F1 of one label is of; None: the task names none.
    """

    names: tuple[str, ...]
    main: str
    positive: str | None = None

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> TaskMetrics:
        """As `dataclasses.asdict` and JSON have written it."""
        return cls(names=tuple(value["names"]), main=value["main"], positive=value["positive"])

    def compared(self, target: TargetKind) -> list[Metric]:
        """Those by which methods are compared, of a task of this target."""
        metrics = [METRICS[name] for name in self.names]
        return [metric for metric in metrics if metric.compared_for(target)]


def default_metrics(target: TargetKind) -> TaskMetrics:
    """The metrics of a task that names none."""
    names = [
        name for name, entry in METRICS.items() if entry.by_default and target in entry.targets
    ]
    return TaskMetrics(names=tuple(names), main=MAIN_OF_TARGET[target])


def only(metric: Metric) -> TaskMetrics:
    """The one metric that is asked for, whatever else the task has."""
    return TaskMetrics(names=(metric.name,), main=metric.name)


def find_metric(name: str) -> Metric:
    """The metric of a name in tables: one of the registry, or `MAIN_METRICS`."""
    return MAIN_METRICS if name == MAIN_METRICS.name else METRICS[name]


def titles() -> dict[str, str]:
    """The title of every metric, by its name."""
    return {name: entry.title for name, entry in METRICS.items()}


@metric(
    title="Loss",
    needs="examples",
    targets=("single_label", "multi_label", "regression"),
    higher_is_better=False,
    bounds=(0.0, float("inf")),
    compared=False,
    of_decisions=False,
    unit="nats",
    source="mean cross-entropy in nats, binary of several labels, and of numbers the mean squared"
    " error; Goodfellow et al. 2016, Deep Learning, sections 6.2.1 and 5.1.4",
)
def loss(predictions: Predictions) -> Floats:
    """The negative log-probability of each example's true label, as training minimises it.

    Of several labels the mean over the labels of each one's binary cross-entropy; of a number the
    squared error.
    """
    if isinstance(predictions, RegressionPredictions):
        return (predictions.predicted - predictions.labels) ** 2
    if isinstance(predictions, MultiLabelPredictions):
        # −log σ(x) where the label is true, −log σ(−x) where it is not.
        signs = np.where(predictions.labels, -1.0, 1.0)
        with np.errstate(invalid="ignore"):  # of a run that diverged
            each: Floats = np.logaddexp(0.0, signs * predictions.log_odds)
        return np.asarray(each.mean(axis=1))
    rows = np.arange(len(predictions))
    return np.asarray(-predictions.log_probabilities[rows, predictions.labels])


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
    targets=("single_label", "multi_label"),
    higher_is_better=True,
    bounds=(0.0, 1.0),
    compared=("multi_label",),  # where each example has one label it is the accuracy
    source="https://scikit-learn.org/stable/modules/model_evaluation.html#precision-recall-f-measure-metrics",
)
def micro_f1(counts: LabelCounts) -> Floats:
    """F1 of all labels' decisions together; 0 where no label is true or predicted."""
    both = counts.predicted.sum(axis=-1) + counts.support.sum(axis=-1)
    return np.divide(2 * counts.hits.sum(axis=-1), np.maximum(both, 1), dtype=np.float64)


@metric(
    title="Macro-F1",
    needs="label_counts",
    targets=("single_label", "multi_label"),
    higher_is_better=True,
    bounds=(0.0, 1.0),
    source="https://scikit-learn.org/stable/modules/generated/sklearn.metrics.f1_score.html",
)
def macro_f1(counts: LabelCounts) -> Floats:
    """The mean F1 of the labels that occur among true or predicted labels."""
    both = counts.predicted + counts.support
    # A label that does not occur has no hits: its F1 is 0, whatever it is divided by.
    each = np.divide(2 * counts.hits, np.maximum(both, 1), dtype=np.float64)
    return np.divide(each.sum(axis=-1), np.maximum((both > 0).sum(axis=-1), 1))


@metric(
    title="Matthews correlation",
    noun="Matthews correlation",
    needs="label_counts",
    higher_is_better=True,
    bounds=(-1.0, 1.0),
    by_default=False,
    source="Gorodkin 2004, https://doi.org/10.1016/j.compbiolchem.2004.09.006",
)
def matthews_correlation(counts: LabelCounts) -> Floats:
    """The correlation R_K of true and predicted labels; 0 where one of both does not vary."""
    total = counts.support.sum(axis=-1)
    expected = (counts.predicted * counts.support).sum(axis=-1)
    covariance = counts.hits.sum(axis=-1) * total - expected
    predicted = total**2 - (counts.predicted**2).sum(axis=-1)
    true = total**2 - (counts.support**2).sum(axis=-1)
    scale = np.sqrt(predicted, dtype=np.float64) * np.sqrt(true, dtype=np.float64)
    correlation = np.divide(covariance, scale, out=np.zeros_like(scale), where=scale > 0)
    return np.clip(correlation, -1.0, 1.0)


@metric(
    title="F1 of the positive label",
    noun="F1 of the positive label",
    needs="label_counts",
    targets=("single_label", "multi_label"),
    higher_is_better=True,
    bounds=(0.0, 1.0),
    by_default=False,
    source="https://scikit-learn.org/stable/modules/generated/sklearn.metrics.f1_score.html",
)
def f1(counts: LabelCounts) -> Floats:
    """F1 of the label that the task calls positive; 0 where it is neither true nor predicted.

    Raises:
        ValueError: the task names none.
    """
    if counts.positive is None:
        raise ValueError("F1 of one label needs the task's `positive`")
    both = counts.predicted[..., counts.positive] + counts.support[..., counts.positive]
    hits = counts.hits[..., counts.positive]
    return np.divide(2 * hits, np.maximum(both, 1), dtype=np.float64)


@metric(
    title="Calibration error",
    needs="totals",
    contributions=gaps_by_bin,
    higher_is_better=False,
    bounds=(0.0, 1.0),
    by_default=False,
    of_decisions=False,
    source="expected calibration error of the top label, Guo et al. 2017,"
    " https://proceedings.mlr.press/v70/guo17a.html",
)
def calibration_error(totals: Floats) -> Floats:
    """The mean gap of confidence and accuracy within 15 bins (m − 1, m] / 15 of confidence."""
    return np.asarray(np.abs(totals[..., 1:]).sum(axis=-1) / totals[..., 0])


@metric(
    title="Example-F1",
    noun="example-F1",
    needs="examples",
    targets=("multi_label",),
    higher_is_better=True,
    bounds=(0.0, 1.0),
    source="https://scikit-learn.org/stable/modules/generated/sklearn.metrics.f1_score.html"
    " (average samples, zero_division 1)",
)
def example_f1(predictions: MultiLabelPredictions) -> Floats:
    """F1 of each example's set of labels; 1 where it has none and is given none."""
    hits = (predictions.labels & predictions.predicted).sum(axis=1)
    both = predictions.labels.sum(axis=1) + predictions.predicted.sum(axis=1)
    return np.divide(2 * hits, both, out=np.ones(len(both)), where=both > 0)


@metric(
    title="Exact match",
    needs="examples",
    targets=("multi_label",),
    higher_is_better=True,
    bounds=(0.0, 1.0),
    source="subset accuracy, https://scikit-learn.org/stable/modules/generated/sklearn.metrics.accuracy_score.html",
)
def exact_match(predictions: MultiLabelPredictions) -> Floats:
    """1 for each example that is given exactly its labels, and 0 for the others."""
    return (predictions.labels == predictions.predicted).all(axis=1).astype(np.float64)


@metric(
    title="Average precision",
    needs="whole",
    targets=("multi_label",),
    higher_is_better=True,
    bounds=(0.0, 1.0),
    compared=False,  # the jackknife fails where few examples have a label
    of_decisions=False,
    source="https://scikit-learn.org/stable/modules/generated/sklearn.metrics.average_precision_score.html",
)
def average_precision(predictions: MultiLabelPredictions) -> float:
    """The mean over labels of the mean precision at each recall; of labels that an example has.

    Not a number where a log-odds is none, or no example has a label.
    """
    from sklearn.metrics import average_precision_score

    there = predictions.labels.any(axis=0)
    if not there.any() or not np.isfinite(predictions.log_odds).all():
        return float("nan")
    return float(
        average_precision_score(
            predictions.labels[:, there], predictions.log_odds[:, there], average="macro"
        )
    )


@metric(
    title="Pearson correlation",
    noun="Pearson correlation",
    needs="totals",
    contributions=correlation_terms,
    targets=("regression",),
    higher_is_better=True,
    bounds=(-1.0, 1.0),
    source="https://docs.scipy.org/doc/scipy/reference/generated/scipy.stats.pearsonr.html",
)
def pearson(sums: Floats) -> Floats:
    """The linear correlation of true and predicted numbers; 0 where one of both does not vary."""
    return correlation_of_sums(sums)


@metric(
    title="Spearman correlation",
    noun="Spearman correlation",
    needs="whole",
    without_each=spearman_without_each,
    targets=("regression",),
    higher_is_better=True,
    bounds=(-1.0, 1.0),
    source="https://docs.scipy.org/doc/scipy/reference/generated/scipy.stats.spearmanr.html",
)
def spearman(predictions: RegressionPredictions) -> float:
    """The correlation of the ranks; 0 where true or predicted numbers are all equal."""
    from scipy.stats import spearmanr

    if not np.isfinite(predictions.predicted).all():
        return float("nan")
    if np.ptp(predictions.labels) == 0 or np.ptp(predictions.predicted) == 0:
        return 0.0
    return float(spearmanr(predictions.labels, predictions.predicted).statistic)


@metric(
    title="Mean absolute error",
    needs="examples",
    targets=("regression",),
    higher_is_better=False,
    bounds=(0.0, float("inf")),
    source="https://scikit-learn.org/stable/modules/generated/sklearn.metrics.mean_absolute_error.html",
)
def mae(predictions: RegressionPredictions) -> Floats:
    """How far each predicted number is from the true one."""
    return np.abs(predictions.predicted - predictions.labels)


def _squared_errors(predictions: RegressionPredictions) -> Floats:
    """1, and the squared error of each example, (n, 2)."""
    return np.stack([np.ones(len(predictions)), loss(predictions)], axis=1)


@metric(
    title="Root mean squared error",
    needs="totals",
    contributions=_squared_errors,
    targets=("regression",),
    higher_is_better=False,
    bounds=(0.0, float("inf")),
    source="https://scikit-learn.org/stable/modules/generated/sklearn.metrics.root_mean_squared_error.html",
)
def rmse(sums: Floats) -> Floats:
    """The root of the mean squared error."""
    return np.sqrt(np.maximum(sums[..., 1], 0.0) / sums[..., 0], dtype=np.float64)
