"""Almost stochastic order: how far one method's scores over seeds lie above another's."""

from functools import lru_cache

import numpy as np
from scipy import special

from tunegrid.metrics import Floats
from tunegrid.statistics.bootstrap import LEVEL

#: How often the scores are drawn with replacement.
RESAMPLES = 1000
#: The seed of all draws.
SEED = 0
#: How many pairs of equal methods are simulated for the rate of false positives.
SIMULATIONS = 2000
#: Pairs that are simulated at once.
BLOCK = 100
#: Below this bound a method is called better (Ulmer et al. 2022, section 4,
#: https://arxiv.org/abs/2204.06815).
THRESHOLD = 0.2


def almost_stochastic_order(scores: Floats, others: Floats) -> Floats:
    """The upper 95 % bound of how far `scores` are from being better than `others` everywhere.

    A method is better in stochastic order if its score is higher at every quantile. The violation
    ratio says how far that is broken (del Barrio et al. 2018, equation 5,
    https://arxiv.org/abs/1705.01788); its bound adds 1.645 standard deviations of the ratio on
    drawn scores (Dror et al. 2019, equation 8, https://aclanthology.org/P19-1266).

    Use it where the whole distribution over seeds matters and not only the mean. It fails with few
    seeds: with five it calls the higher of two equal methods better one time in nine
    (`false_positive_rate`). It knows nothing of how few test examples there are.

    Args:
        scores: of the method that is said to be better, (..., n); higher is better.
        others: of the method that it is compared with, (..., n).

    Returns:
        The bound, (...): 0 if better at every quantile, not better from 0.5 on, at most 1; not a
        number where all scores are equal.
    """
    generator = np.random.default_rng(SEED)
    n = scores.shape[-1]
    drawn = generator.integers(n, size=(2, RESAMPLES, n))
    ratio = violation_ratio(scores, others)
    with np.errstate(invalid="ignore"):
        resampled = violation_ratio(scores[..., drawn[0]], others[..., drawn[1]])
    # Where all drawn scores are equal there is no ratio; such draws are left out.
    known = np.isfinite(resampled)
    count = np.maximum(known.sum(axis=-1), 1)
    mean = np.where(known, resampled, 0).sum(axis=-1, keepdims=True) / count[..., None]
    spread = np.sqrt((np.where(known, resampled - mean, 0) ** 2).sum(axis=-1) / count)
    return np.clip(ratio + special.ndtri(LEVEL) * spread, 0, 1)


def violation_ratio(scores: Floats, others: Floats) -> Floats:
    """How much of the squared distance of two quantile functions lies where `others` is higher.

    With as many scores on both sides the quantile functions step at the same places, so that the
    sorted scores are compared one by one.

    Args:
        scores: of one method, (..., n).
        others: of the other method, (..., n).

    Returns:
        The ratio, (...), between 0 and 1; not a number where the two are equal.
    """
    apart = np.sort(scores, axis=-1) - np.sort(others, axis=-1)
    total = (apart**2).sum(axis=-1)
    below = (np.minimum(apart, 0) ** 2).sum(axis=-1)
    return np.divide(below, total, out=np.full_like(total, np.nan), where=total > 0)


@lru_cache
def false_positive_rate(n: int, threshold: float = THRESHOLD) -> float:
    """How often the order calls the higher mean better where there is no difference.

    It is simulated: pairs of n normal scores each are drawn from the same distribution, and of each
    pair the one with the higher mean is put forward, as a reader of a table of means does.

    Args:
        n: scores (seeds) of each method, at least 2.
        threshold: the bound below which a method is called better.

    Returns:
        The share of `SIMULATIONS` pairs for which it is.
    """
    generator = np.random.default_rng(SEED)
    called = 0
    for _ in range(SIMULATIONS // BLOCK):
        pairs = generator.normal(size=(BLOCK, 2, n))
        order = np.argsort(pairs.mean(axis=2), axis=1)[:, :, None]
        low, high = np.split(np.take_along_axis(pairs, order, axis=1), 2, axis=1)
        called += int((almost_stochastic_order(high[:, 0], low[:, 0]) < threshold).sum())
    return called / SIMULATIONS
