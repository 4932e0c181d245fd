"""Almost Stochastic Order: how far one method's scores over seeds lie above another's."""

from functools import lru_cache

import numpy as np
from scipy import special

from tunegrid.statistics.bootstrap import LEVEL

#: Resamples of the scores, their seed, and how many pairs of equal methods are simulated.
RESAMPLES, SEED, SIMULATIONS = 1000, 0, 2000
#: Below this bound a method is called better (https://arxiv.org/abs/2204.06815, section 4).
THRESHOLD = 0.2


def almost_stochastic_order(scores: np.ndarray, others: np.ndarray) -> np.ndarray:
    """The upper 95 % bound of how far `scores` break being better than `others` everywhere.

    The violation ratio of del Barrio et al. 2018 (https://arxiv.org/abs/1705.01788, equation 5)
    between the quantile functions, and its bound with the bootstrap's standard deviation (Dror et
    al. 2019, https://aclanthology.org/P19-1266, equation 8). 0: better at every quantile; from 0.5
    on: not better; not a number where all scores are equal.

    Args:
        scores: of the method that is said to be better, (..., n).
        others: of the one that it is compared with, (..., n).

    Returns:
        (...), between 0 and 1.
    """
    generator = np.random.default_rng(SEED)
    n = scores.shape[-1]
    drawn = generator.integers(n, size=(2, RESAMPLES, n))
    ratio = violation_ratio(scores, others)
    with np.errstate(invalid="ignore"):
        resampled = violation_ratio(scores[..., drawn[0]], others[..., drawn[1]])
    # A resample of equal scores has no ratio.
    known = np.isfinite(resampled)
    count = np.maximum(known.sum(axis=-1), 1)
    mean = np.where(known, resampled, 0).sum(axis=-1, keepdims=True) / count[..., None]
    spread = np.sqrt((np.where(known, resampled - mean, 0) ** 2).sum(axis=-1) / count)
    return np.clip(ratio + special.ndtri(LEVEL) * spread, 0, 1)


def violation_ratio(scores: np.ndarray, others: np.ndarray) -> np.ndarray:
    """The share of the squared distance of two quantile functions where `others` is above.

    Args:
        scores, others: (..., n) each; with equal n the quantile functions step at the same places.
    """
    apart = np.sort(scores, axis=-1) - np.sort(others, axis=-1)
    total = (apart**2).sum(axis=-1)
    below = (np.minimum(apart, 0) ** 2).sum(axis=-1)
    return np.divide(below, total, out=np.full_like(total, np.nan), where=total > 0)


@lru_cache
def false_positive_rate(n: int, threshold: float = THRESHOLD) -> float:
    """How often the order calls the higher mean better where there is no difference.

    Simulated: pairs of n normal scores each, of the same distribution; of each pair the one of the
    higher mean is put forward, as a reader of a table of means does.
    """
    generator = np.random.default_rng(SEED)
    called = 0
    for _ in range(SIMULATIONS // 100):
        pairs = generator.normal(size=(100, 2, n))
        order = np.argsort(pairs.mean(axis=2), axis=1)[:, :, None]
        low, high = np.split(np.take_along_axis(pairs, order, axis=1), 2, axis=1)
        called += int((almost_stochastic_order(high[:, 0], low[:, 0]) < threshold).sum())
    return called / SIMULATIONS
