"""Correlations of true and predicted numbers, and the rank correlation without each example."""

import numpy as np

from tunegrid.predictions import Floats, Integers, RegressionPredictions

#: So many numbers of a comparison of all examples with all others are in memory at once.
MOST_NUMBERS = 4_000_000


def correlation_of_sums(sums: Floats) -> Floats:
    """Pearson's r of the sums of 1, y, p, y², p² and yp; 0 where y or p does not vary.

    Not a number where a sum is none.

    Args:
        sums: (..., 6).
    """
    n, true, predicted, true_square, predicted_square, product = np.moveaxis(sums, -1, 0)
    spread = _not_below_rounding(n * true_square, true**2)
    spread = spread * _not_below_rounding(n * predicted_square, predicted**2)
    covariance = n * product - true * predicted
    scale = np.sqrt(spread, dtype=np.float64)
    correlation = np.divide(covariance, scale, out=np.zeros_like(scale), where=scale != 0)
    return np.clip(correlation, -1.0, 1.0)


def _not_below_rounding(whole: Floats, part: Floats) -> Floats:
    """whole − part, and 0 where that is no more than rounding leaves of equal numbers."""
    difference = np.asarray(whole - part)
    return np.where(difference <= 1e-13 * np.abs(whole), 0.0, difference)


def correlation_terms(predictions: RegressionPredictions) -> Floats:
    """1, y, p, y², p² and yp of each example, (n, 6): y its true and p its predicted number.

    Both are taken from their median and divided by their largest distance from it, which changes no
    correlation and keeps the sums of squares exact where the numbers are large.
    """
    true, predicted = _centred(predictions.labels), _centred(predictions.predicted)
    columns = [
        np.ones_like(true),
        true,
        predicted,
        true**2,
        predicted**2,
        true * predicted,
    ]
    return np.stack(columns, axis=1)


def _centred(numbers: Floats) -> Floats:
    distances = numbers - np.median(numbers)
    largest = np.abs(distances).max(initial=0.0)
    return np.asarray(distances / largest if largest > 0 else distances, dtype=np.float64)


def spearman_without_each(predictions: RegressionPredictions) -> Floats:
    """Spearman's rank correlation of all examples but one, for each of them, (n,).

    Without an example the rank of every greater number is one less, and that of every equal number
    a half less, since equal numbers share the mean of their ranks. So the ranks need no second
    sorting: n² comparisons in all, of which `MOST_NUMBERS` are in memory.
    """
    from scipy.stats import rankdata

    true = rankdata(predictions.labels)
    predicted = rankdata(predictions.predicted)
    if not np.isfinite(predictions.predicted).all():
        return np.full(len(true), np.nan)
    values = np.empty(len(true))
    rows = max(1, MOST_NUMBERS // len(true))
    for start in range(0, len(true), rows):
        left_out = np.arange(start, min(start + rows, len(true)))
        sums = _sums_of_products(
            _ranks_without(true, left_out), _ranks_without(predicted, left_out), left_out
        )
        values[left_out] = correlation_of_sums(sums)
    return values


def _ranks_without(ranks: Floats, left_out: Integers) -> Floats:
    """The ranks of all examples without each one of some, (len(left_out), n), from their middle."""
    own = ranks[left_out][:, None]
    middle = len(ranks) / 2  # the mean of the ranks 1 … n − 1
    moved = np.where(own < ranks, 1.0, np.where(own == ranks, 0.5, 0.0))
    return np.asarray(ranks - moved - middle)


def _sums_of_products(true: Floats, predicted: Floats, left_out: Integers) -> Floats:
    """The sums that `correlation_of_sums` takes, without the example that each row leaves out."""
    row = np.arange(len(left_out))
    true[row, left_out] = 0.0
    predicted[row, left_out] = 0.0
    columns = [
        np.full(len(row), true.shape[1] - 1.0),
        true.sum(axis=1),
        predicted.sum(axis=1),
        (true**2).sum(axis=1),
        (predicted**2).sum(axis=1),
        (true * predicted).sum(axis=1),
    ]
    return np.stack(columns, axis=1)
