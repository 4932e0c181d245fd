"""The crossed bootstrap: how far scores vary with the seeds and with the test examples.

Both are drawn with replacement, and the examples are the same for all runs that are measured on
them (Owen & Eckles 2012, "Bootstrapping data arrays of arbitrary order",
https://doi.org/10.1214/12-AOAS547). Everything here is deterministic: the same outcomes give the
same interval to the last bit.
"""

from functools import lru_cache
from typing import Any

import numpy as np
from scipy import special

from tunegrid.metrics import Floats, Integers, compared_metrics
from tunegrid.statistics.outcomes import Outcomes

#: How often a bootstrap draws. With so many draws an interval's end is known to 2 % of its distance
#: from the mean: √(.025·.975/5000) / (z·φ(z)) with z = 1.96.
RESAMPLES = 5_000
#: The seed of all draws.
SEED = 0
#: The level of all intervals.
LEVEL = 0.95
#: Weights (draws × examples) that are held at once. It decides what is drawn: each block of draws
#: has a random stream of its own.
WEIGHTS_AT_ONCE = 2_000_000


def resampled_scores(outcomes: Outcomes, resamples: int = RESAMPLES) -> dict[str, Floats]:
    """The compared metrics of every run on test examples that are drawn with replacement.

    Args:
        outcomes: what the runs predicted; all runs are scored on the same draws.
        resamples: how often as many examples are drawn as there are.

    Returns:
        The scores by the metric's name, (resamples, runs) each.
    """
    # It does not matter which example is which, so they may stand in the order of their labels,
    # which is what scoring them needs.
    outcomes = outcomes.by_label()
    examples = len(outcomes.labels)
    shape = resamples, len(outcomes.predicted)
    # The scores of one run lie side by side in memory, because it is runs that are taken from them.
    found: dict[str, Floats] = {name: np.empty(shape, order="F") for name in compared_metrics()}
    size = max(1, WEIGHTS_AT_ONCE // examples)
    for start in range(0, resamples, size):
        weights = _example_counts(examples, start, min(size, resamples - start))
        for name, scores in outcomes.scores(weights).items():
            found[name][start : start + size] = scores
    return found


def crossed_bootstrap(differences: Floats) -> Floats:
    """Draws of a mean over seeds, where both the seeds and the examples are drawn.

    The values may be the differences of two methods or one method's own scores.

    Drawing few seeds with replacement varies too little: the variance of k drawn seeds is (k−1)/k
    of what it should be, and the tails of so few values are too light. The part that the seeds
    have in the draws is therefore stretched until the seeds alone would give an interval as wide as
    Student's t (Hesterberg 2015, "What Teachers Should Know About the Bootstrap", expands
    percentile intervals so, https://doi.org/10.1080/00031305.2015.1089789).

    It fails, that is, it says too little, with one seed: then only the examples are drawn, and the
    interval is one of this run and not of the method. Where all seeds are equal there is nothing to
    be stretched.

    Args:
        differences: the value of each seed on each draw of the examples, (b, seeds).

    Returns:
        The mean over drawn seeds and drawn examples, (b,).
    """
    size, seeds = differences.shape
    even = differences.mean(axis=1)
    if seeds == 1:
        return even
    shares = _seed_shares(seeds, size)
    of_seeds = differences.mean(axis=0)
    low, high = interval(shares @ of_seeds)
    wanted = 2 * t_quantile(seeds) * of_seeds.std(ddof=1) / seeds**0.5
    stretch = wanted / (high - low) if high > low else 1.0
    return even + stretch * (np.einsum("bs,bs->b", shares, differences) - even)


def t_quantile(n: Any) -> Any:
    """The quantile of Student's t that an interval of the mean of n values needs.

    The `LEVEL` interval is the mean ± this quantile · sd / √n (sd with n−1). It is exact for normal
    values; of one value there is no interval, and the quantile is not a number.

    Args:
        n: how many values there are: a number, or an array or series of numbers.

    Returns:
        The quantile with n−1 degrees of freedom, of the same shape as `n`.
    """
    return special.stdtrit(n - 1, (1 + LEVEL) / 2)


def interval(drawn: Floats) -> tuple[float, float]:
    """The ends that hold `LEVEL` of the draws (b,), as many left out below as above.

    Both are not a number where a draw is none.
    """
    low, high = np.quantile(drawn, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)


@lru_cache(maxsize=64)
def _example_counts(examples: int, start: int, size: int) -> Integers:
    """How often each example is drawn in a block of draws, (size, examples), for every method."""
    return _draw(np.random.default_rng([SEED, start]), examples, size)


@lru_cache(maxsize=16)
def _seed_shares(seeds: int, size: int) -> Floats:
    """What share of each draw each seed has, (size, seeds)."""
    return _draw(np.random.default_rng([SEED, seeds]), seeds, size) / seeds


def _draw(generator: np.random.Generator, things: int, size: int) -> Integers:
    """How often each thing is drawn when as many are drawn as there are: (size, things)."""
    chosen = generator.integers(things, size=(size, things))
    chosen += things * np.arange(size)[:, None]
    counts = np.bincount(chosen.ravel(), minlength=size * things)
    return counts.reshape(size, things).astype(np.uint8)
