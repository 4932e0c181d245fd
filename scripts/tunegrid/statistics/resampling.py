"""Metrics without single examples, and of examples that are drawn again."""

import numpy as np
from scipy import sparse

from tunegrid.metrics import (
    Floats,
    Integers,
    LabelCounts,
    Metric,
    MultiLabelPredictions,
    Predictions,
    RegressionPredictions,
    SingleLabelPredictions,
    count_labels,
)
from tunegrid.predictions import Truths

#: Digits behind the point of the examples' values.
ROUNDED_TO = 12


def values_of_examples(metric: Metric, predictions: Predictions) -> Floats:
    """A value for each example, (n,), whose mean over examples is the metric.

    Of a metric that is a mean of examples these are its values. Of another one each example gets
    what the jackknife says of its influence: with m, the metric of all n examples, and m(−e), that
    without example e,

        m + (n − 1) · (mean of m(−e) − m(−e))

    (Tukey's pseudo-values, moved so that their mean is m; Efron & Tibshirani 1993, An Introduction
    to the Bootstrap, chapter 11).

    The jackknife fails where one example decides the metric, as the only test example of a label
    decides macro-F1.
    """
    if metric.needs in ("log_probabilities", "examples"):
        return metric.per_example(predictions)
    if metric.needs == "label_counts":
        if isinstance(predictions, SingleLabelPredictions):
            kinds = predictions.log_probabilities.shape[1]
            return values_of_labels(
                metric, predictions.labels, predictions.predicted, kinds, predictions.positive
            )
        assert isinstance(predictions, MultiLabelPredictions)
        return values_of_label_sets(
            metric, predictions.labels, predictions.predicted, predictions.positive
        )
    score = metric.compute(predictions)
    if len(predictions) == 1:
        return np.array([score])
    if metric.needs == "totals":
        terms = metric.contributions_of(predictions)
        without = metric.function(terms.sum(axis=0) - terms)
    elif metric.without_each is not None:
        without = metric.without_each(predictions)
    else:
        positions = np.arange(len(predictions))
        without = np.array(
            [metric.compute(predictions.take(np.delete(positions, at))) for at in positions]
        )
    return _pseudo_values(score, without)


def values_of_labels(
    metric: Metric, labels: Integers, predicted: Integers, kinds: int, positive: int | None = None
) -> Floats:
    """`values_of_examples` of a metric of label counts, where each example has one label.

    Of the accuracy they are 1 where the example is right and 0 where it is wrong. Examples with the
    same true and predicted label have the same value, and are computed once.

    Args:
        metric: of label counts.
        labels: the true label ids, (n,).
        predicted: the predicted label ids, (n,).
        kinds: how many labels there are.
        positive: the id of the label that the task calls positive.
    """
    pairs = labels.astype(np.int64) * kinds + predicted
    distinct, place, counts = np.unique(pairs, return_inverse=True, return_counts=True)
    true_label, given_label = np.divmod(distinct, kinds)
    whole = count_labels(labels, predicted, kinds, positive)
    score = float(metric.function(whole))
    if len(labels) == 1:
        return np.array([score])
    at = np.arange(len(distinct))
    hits, given, support = (
        np.tile(count, (len(distinct), 1)) for count in (whole.hits, whole.predicted, whole.support)
    )
    hits[at, true_label] -= true_label == given_label
    given[at, given_label] -= 1
    support[at, true_label] -= 1
    without = metric.function(
        LabelCounts(hits=hits, predicted=given, support=support, positive=positive)
    )
    return _pseudo_values(score, without, counts)[place]


def values_of_label_sets(
    metric: Metric, labels: Truths, predicted: Truths, positive: int | None = None
) -> Floats:
    """`values_of_examples` of a metric of label counts, where an example has any number of labels.

    Args:
        metric: of label counts.
        labels: which labels are true, (n, k).
        predicted: which labels are predicted, (n, k).
        positive: the id of the label that the task calls positive.
    """
    both = labels & predicted
    whole = LabelCounts(
        hits=both.sum(axis=0).astype(float),
        predicted=predicted.sum(axis=0).astype(float),
        support=labels.sum(axis=0).astype(float),
        positive=positive,
    )
    score = float(metric.function(whole))
    if len(labels) == 1:
        return np.array([score])
    without = metric.function(
        LabelCounts(
            hits=whole.hits - both,
            predicted=whole.predicted - predicted,
            support=whole.support - labels,
            positive=positive,
        )
    )
    return _pseudo_values(score, without)


def _pseudo_values(score: float, without: Floats, counts: Integers | None = None) -> Floats:
    """The jackknife's values of the metric of all examples and that without each.

    Args:
        score: of all examples.
        without: the metric without each example, or without one of each kind.
        counts: how many examples there are of each kind; None: one.
    """
    if counts is None:
        examples, mean_without = len(without), without.mean()
    else:
        examples = int(counts.sum())
        mean_without = (counts * without).sum() / examples
    values = score + (examples - 1) * (mean_without - without)
    # Differences of values that should be equal must be 0 and no rounding error.
    return np.round(values, ROUNDED_TO)


def weighted_metric(predictions: Predictions, weights: Floats, metric: Metric) -> Floats:
    """The metric of examples that count as often as their weights say.

    Args:
        predictions: of n examples.
        weights: whole numbers, (resamples, n), each row with the sum n.
        metric: to compute.

    Returns:
        A value for each row of weights, (resamples,).
    """
    if metric.needs in ("log_probabilities", "examples"):
        values = metric.per_example(predictions)
        return np.asarray(weights @ values / len(predictions), dtype=float)
    if metric.needs == "label_counts":
        return np.asarray(metric.function(_weighted_counts(predictions, weights)), dtype=float)
    if metric.needs == "totals":
        return np.asarray(metric.function(weights @ metric.contributions_of(predictions)))
    positions = np.arange(len(predictions))
    drawn = (np.repeat(positions, row.astype(int)) for row in weights)
    return np.array([metric.compute(predictions.take(rows)) for rows in drawn])


def _weighted_counts(predictions: Predictions, weights: Floats) -> LabelCounts:
    """The label counts of the weighted examples, (resamples, k) each."""
    assert not isinstance(predictions, RegressionPredictions)
    if isinstance(predictions, MultiLabelPredictions):
        return LabelCounts(
            hits=weights @ (predictions.labels & predictions.predicted),
            predicted=weights @ predictions.predicted,
            support=weights @ predictions.labels,
            positive=predictions.positive,
        )
    labels, predicted = predictions.labels, predictions.predicted
    kinds = predictions.log_probabilities.shape[1]
    all_of_them = np.ones(len(labels), dtype=bool)
    return LabelCounts(
        hits=_sum_by_label(weights, labels, labels == predicted, kinds),
        predicted=_sum_by_label(weights, predicted, all_of_them, kinds),
        support=_sum_by_label(weights, labels, all_of_them, kinds),
        positive=predictions.positive,
    )


def _sum_by_label(weights: Floats, labels: Integers, counted: Truths, kinds: int) -> Floats:
    """The weights of the examples that are counted, summed by their label, (resamples, kinds)."""
    places = (labels, np.arange(len(labels)))
    # An example has one label: a dense product would multiply by zero kinds − 1 times.
    by_label = sparse.csr_array((counted.astype(float), places), shape=(kinds, len(labels)))
    return np.asarray((by_label @ weights.T).T)
