"""What a score on dev owes to the number of candidates that were tried."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from tunegrid.metrics import Metric

#: The share of draws that lies below the interval of the best, and above it.
TAIL = Fraction(1, 40)


@dataclass(frozen=True)
class BestOf:
    """The best score of n candidates that are drawn without replacement from those tried.

    Attributes:
        candidates: how many are drawn.
        expected: the mean over all draws, in the metric's unit; not a number where a draw may hold
            no finite score.
        low, high: the 2.5 % and the 97.5 % quantile over all draws, exact; each is not a number
            where it is not finite. With all that were tried, both are the best of them.
    """

    candidates: int
    expected: float
    low: float
    high: float


def best_by_budget(scores: Sequence[float | None], metric: Metric) -> list[BestOf]:
    """The best of n, for every n from 1 to the number of candidates.

    The expectation is the unbiased estimator without replacement: of N scores v(1) ≤ … ≤ v(N), the
    best of n draws is v(i) in C(i−1, n−1) of the C(N, n) draws (Tang et al. 2020, Showing Your Work
    Doesn't Always Work, https://arxiv.org/abs/2004.13705; that with replacement, which is biased:
    Dodge et al. 2019, Show Your Work, https://arxiv.org/abs/1909.03004). The best is at most v(i)
    in C(i, n) draws, of which the quantiles are read. Of a metric of which less is better, the same
    is computed of the scores with the opposite sign.

    Args:
        scores: of the candidates, in any order; None is worse than any other.
        metric: that they are of.
    """
    sign = 1 if metric.higher_is_better else -1
    ordered = sorted(-math.inf if score is None else sign * score for score in scores)
    return [_best_of(ordered, drawn, sign) for drawn in range(1, len(ordered) + 1)]


def _best_of(ordered: Sequence[float], drawn: int, sign: int) -> BestOf:
    """The best of so many of the scores, which rise and of which more is better."""
    draws = math.comb(len(ordered), drawn)
    # A score whose rank is below the number of draws is never the best of them.
    expected = math.fsum(
        score * math.comb(rank - 1, drawn - 1) / draws
        for rank, score in enumerate(ordered, start=1)
        if rank >= drawn
    )
    worse, better = (sign * _quantile(ordered, drawn, share) for share in (TAIL, 1 - TAIL))
    return BestOf(
        candidates=drawn,
        expected=_finite(sign * expected),
        low=_finite(min(worse, better)),
        high=_finite(max(worse, better)),
    )


def _quantile(ordered: Sequence[float], drawn: int, share: Fraction) -> float:
    """The least score that the best of so many does not exceed in this share of all draws."""
    draws = math.comb(len(ordered), drawn)
    return next(
        score
        for rank, score in enumerate(ordered, start=1)
        if math.comb(rank, drawn) >= share * draws
    )


def _finite(value: float) -> float:
    return value if math.isfinite(value) else math.nan


def order_stays_from(
    scores: Sequence[float | None], others: Sequence[float | None], metric: Metric
) -> int | None:
    """From which number of candidates on the order of two methods on dev is what it is at the end.

    With the first n candidates of the sequence, each method stands at the best of them: the first
    is better, worse, or as good as the second.

    Args:
        scores: of the first method's candidates, in the order of the sequence; None is worse than
            any other.
        others: the same of the second method. Only as many candidates count as both have.
        metric: that they are of.

    Returns:
        The smallest such number; None where the order changed with the last candidate.
    """
    sign = 1 if metric.higher_is_better else -1
    order = []
    best = other_best = -math.inf
    for score, other in zip(scores, others, strict=False):
        best = max(best, -math.inf if score is None else sign * score)
        other_best = max(other_best, -math.inf if other is None else sign * other)
        order.append((best > other_best) - (best < other_best))
    stays = len(order)
    while stays > 1 and order[stays - 2] == order[-1]:
        stays -= 1
    changed_at_last = stays == len(order) > 1
    return None if changed_at_last else stays
