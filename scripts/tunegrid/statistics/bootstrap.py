"""Runs measured on the same test examples, and how far their scores vary with both.

Seeds and examples are resampled, the same examples for all runs (crossed bootstrap; Owen & Eckles
2012, https://doi.org/10.1214/12-AOAS547).
"""

from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Any

import numpy as np
from scipy import special

#: Metrics that are resampled.
COMPARED = ("accuracy", "macro_f1")
#: Resamples of a bootstrap, and its seed. So many tell an interval's end to 2 % of how far it lies
#: from the mean: √(.025·.975/5000) / (z·φ(z)), z = 1.96.
RESAMPLES, SEED = 5_000, 0
#: Weights (resamples × examples) and counts (resamples, or examples, × runs) that are held at once.
WEIGHTS_AT_ONCE, COUNTS_AT_ONCE = 2_000_000, 4_000_000
LEVEL = 0.95


@dataclass(frozen=True)
class Outcomes:
    """What runs predicted on a test split that they share.

    Attributes:
        labels: label ids, (n,).
        predicted: label ids, (runs, n).
        kinds: how many labels there are.
    """

    labels: np.ndarray
    predicted: np.ndarray
    kinds: int

    def scores(self, weights: np.ndarray) -> dict[str, np.ndarray]:
        """The metrics of every run under every weighting of the examples.

        Args:
            weights: how often each example counts, (b, n).

        Returns:
            Of each of `COMPARED`, (b, runs). Macro-F1 as in `tunegrid.training.metrics`: the mean
            over the labels that occur among labels or predictions of the weighted examples.
        """
        if (np.diff(self.labels) < 0).any():
            order = np.argsort(self.labels, kind="stable")
            return self.by_label().scores(weights[:, order])
        bounds = np.searchsorted(self.labels, np.arange(self.kinds + 1))
        # Counts are whole numbers, exact in single precision, too.
        weights = weights.astype(np.float32)
        size = max(1, COUNTS_AT_ONCE // max(weights.shape))
        parts = [
            _scores(weights, self.predicted[start : start + size], bounds)
            for start in range(0, len(self.predicted), size)
        ]
        return {name: np.concatenate([part[name] for part in parts], axis=1) for name in COMPARED}

    def by_label(self) -> "Outcomes":
        """The same, the examples in the order of their labels."""
        order = np.argsort(self.labels, kind="stable")
        return Outcomes(self.labels[order], self.predicted[:, order], self.kinds)


def _scores(
    weights: np.ndarray, predicted: np.ndarray, bounds: np.ndarray
) -> dict[str, np.ndarray]:
    """The metrics, (b, runs), of predictions (runs, n) under weights (b, n).

    Label k's examples are those from bounds[k] on, before bounds[k + 1]: it is hit only there, so
    that all hits together cost one product of all weights.
    """
    shape = len(weights), len(predicted)
    total = weights.sum(axis=1, keepdims=True)
    told = np.empty(predicted.T.shape, dtype=np.float32)
    right, occurring, f1 = np.zeros(shape), np.zeros(shape), np.zeros(shape)
    rest = np.broadcast_to(total, shape)  # predictions of this label and those after it
    last = len(bounds) - 2
    for label, (start, end) in enumerate(pairwise(bounds)):
        np.equal(predicted.T, label, out=told)
        own = weights[:, start:end]
        hits = own @ told[start:end]
        given = rest if label == last else weights @ told
        rest = rest - given
        # As often as the label is told, and as it is true: the denominator of F1.
        both = given + own @ np.ones((end - start, 1), dtype=np.float32)
        right += hits
        occurring += both > 0
        # A label that does not occur has no hits: its F1 is 0, whatever it is divided by. Scores
        # are doubles: equal ones differ by nothing that is told from 0.
        f1 += np.divide(2 * hits, np.maximum(both, 1), dtype=np.float64)
    return {"accuracy": right / total, "macro_f1": f1 / occurring}


def resampled_scores(outcomes: Outcomes, resamples: int = RESAMPLES) -> dict[str, np.ndarray]:
    """The metrics of every run on test examples drawn with replacement.

    Returns:
        Of each of `COMPARED`, (resamples, runs), the same for the same outcomes.
    """
    outcomes = outcomes.by_label()  # drawn examples have no order: none need be kept
    examples = len(outcomes.labels)
    shape = resamples, len(outcomes.predicted)
    # A run's scores lie side by side: it is runs that are taken from them.
    found = {name: np.empty(shape, order="F") for name in COMPARED}
    size = max(1, WEIGHTS_AT_ONCE // examples)
    for start in range(0, resamples, size):
        part = outcomes.scores(_counts(examples, start, min(size, resamples - start)))
        for name in COMPARED:
            found[name][start : start + size] = part[name]
    return found


def crossed_bootstrap(differences: np.ndarray) -> np.ndarray:
    """Differences of the mean over seeds, seeds and examples both drawn with replacement.

    Drawn seeds vary too little when they are few: their part is stretched until seeds alone give
    an interval as wide as Student's t does (as Hesterberg 2015 expands percentile intervals,
    https://doi.org/10.1080/00031305.2015.1089789). With one seed only the examples are drawn.

    Args:
        differences: of each seed on each drawing of the examples, (b, seeds).

    Returns:
        (b,), the same for the same differences.
    """
    size, seeds = differences.shape
    even = differences.mean(axis=1)
    if seeds == 1:
        return even
    shares = _shares(seeds, size)
    own = differences.mean(axis=0)
    low, high = interval(shares @ own)
    wanted = 2 * t_quantile(seeds) * own.std(ddof=1) / seeds**0.5
    # Equal seeds have no width to be stretched.
    stretch = wanted / (high - low) if high > low else 1.0
    return even + stretch * (np.einsum("bs,bs->b", shares, differences) - even)


def t_quantile(n: Any) -> Any:
    """Student's t of n values: the mean's `LEVEL` interval is ± t·sd/√n; none of one value (NaN).

    Args:
        n: a number, or an array or series of numbers.
    """
    return special.stdtrit(n - 1, (1 + LEVEL) / 2)


def interval(drawn: np.ndarray) -> tuple[float, float]:
    """The ends that hold `LEVEL` of the resamples (b,), as much left out below as above."""
    low, high = np.quantile(drawn, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)


@lru_cache(maxsize=64)
def _counts(examples: int, start: int, size: int) -> np.ndarray:
    """How often each example is drawn in these resamples, (size, examples), for every method."""
    return _drawn(np.random.default_rng([SEED, start]), examples, size)


@lru_cache(maxsize=16)
def _shares(seeds: int, size: int) -> np.ndarray:
    """How much each seed weighs in these resamples, (size, seeds)."""
    return _drawn(np.random.default_rng([SEED, seeds]), seeds, size) / seeds


def _drawn(generator: np.random.Generator, things: int, size: int) -> np.ndarray:
    """How often each of `things` is drawn when as many are, with replacement: (size, things)."""
    chosen = generator.integers(things, size=(size, things))
    chosen += things * np.arange(size)[:, None]
    counts = np.bincount(chosen.ravel(), minlength=size * things)
    return counts.reshape(size, things).astype(np.uint8)
