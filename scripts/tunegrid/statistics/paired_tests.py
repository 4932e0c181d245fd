"""Two methods compared on the same seeds and the same test examples: what differs, and how surely.

`compare_pair` says everything of one pair and one metric: the difference of the means, its
interval, a p value, an effect size, the seeds that would tell the methods apart, and almost
stochastic order. `mcnemar_test` compares two single runs.
"""

import bisect
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import special
from scipy.optimize import brentq
from statsmodels.stats.contingency_tables import mcnemar

from tunegrid.metrics import Floats
from tunegrid.statistics.bootstrap import LEVEL, crossed_bootstrap, interval, t_quantile
from tunegrid.statistics.dominance import almost_stochastic_order, false_positive_rate

#: The power at which it is said what would be found, and how many seeds would find it.
POWER = 0.8
#: The natural logarithm of the least p value; smaller ones are given as this one.
LEAST_LOG_P = -36.0
#: The most seeds that are named as needed; more are given as none.
MOST_SEEDS = 10_000
#: What is smaller than this is a rounding error, in the units of a metric.
NEGLIGIBLE = 1e-12


@dataclass(frozen=True)
class PairedComparison:
    """One method against the reference by one metric.

    Attributes:
        mean: of the method over the shared seeds.
        reference_mean: of the reference over the same seeds.
        difference: mean − reference_mean.
        low: the lower end of the difference's 95 % interval (crossed bootstrap).
        high: its upper end.
        p: two-sided p value that the true difference is 0 (`p_value`).
        effect_size: Cohen's d_z, the mean of the seeds' differences over their standard deviation
            (Lakens 2013, https://doi.org/10.3389/fpsyg.2013.00863); None with one seed, or where
            the differences are equal.
        seeds_needed: how many seeds would tell the two apart (`seeds_needed`).
        detectable: the difference that these seeds and examples would find with a power of 80 %:
            (z(.975) + z(.8)) standard errors of the difference by the crossed bootstrap.
        aso: `almost_stochastic_order` of the method with the better mean over the other; None with
            one seed.
        aso_false_positives: how often the order errs with so many seeds (`false_positive_rate`);
            None with one seed.
    """

    mean: float
    reference_mean: float
    difference: float
    low: float
    high: float
    p: float
    effect_size: float | None
    seeds_needed: int | None
    detectable: float
    aso: float | None
    aso_false_positives: float | None


def compare_pair(
    scores: Floats, reference: Floats, resampled: Floats, *, higher_is_better: bool
) -> PairedComparison:
    """Everything that is said of a method against the reference by one metric.

    Args:
        scores: the method's score of each shared seed, (seeds,).
        reference: the reference's scores of the same seeds, (seeds,).
        resampled: the difference of both (method − reference) of each seed on each draw of the
            examples, (b, seeds).
        higher_is_better: the metric's direction.
    """
    differences = scores - reference
    drawn = crossed_bootstrap(resampled)
    low, high = interval(drawn)
    mean = float(differences.mean())
    several = len(differences) > 1
    spread = float(differences.std(ddof=1)) if several else 0.0
    effect_size = mean / spread if spread > NEGLIGIBLE else None
    aso = None
    if several:
        # The order takes the higher score for the better one.
        sign = 1.0 if higher_is_better else -1.0
        is_better = sign * mean >= 0
        better, worse = (scores, reference) if is_better else (reference, scores)
        aso = float(almost_stochastic_order(sign * better, sign * worse))
    return PairedComparison(
        mean=float(scores.mean()),
        reference_mean=float(reference.mean()),
        difference=mean,
        low=low,
        high=high,
        p=p_value(differences, resampled),
        effect_size=effect_size,
        seeds_needed=seeds_needed(effect_size),
        detectable=float((special.ndtri((1 + LEVEL) / 2) + special.ndtri(POWER)) * drawn.std()),
        aso=aso,
        aso_false_positives=false_positive_rate(len(differences)) if several else None,
    )


def p_value(differences: Floats, resampled: Floats) -> float:
    """The two-sided p value that the mean difference is 0, where seeds and examples both vary.

    It is the level α at which the interval of the mean just reaches 0, when the half-widths that
    the examples and the k seeds give are added as squares:

        mean² = (z(α/2) · error)² + (t(α/2, k−1) · sd / √k)²

    where `error` is the standard deviation of the mean over draws of the examples, and sd that of
    the seeds' differences. Where the examples add nothing it is the p value of the paired t test;
    with one seed it is that of a normal over the examples. A p value that counts draws could not
    be smaller than 1 / draws, and a few seeds have few different draws; this one holds its level
    far below 5 %, too, where Holm's correction looks.

    It fails as a t test does: the differences of the seeds must not be far from normal, which
    two or three seeds cannot show.

    Args:
        differences: of the seeds, (k,).
        resampled: the same on draws of the examples, (b, k).

    Returns:
        The p value, at least e**−36 unless nothing varies at all; not a number where a draw has no
        value.
    """
    mean, seeds = abs(float(differences.mean())), len(differences)
    error = float(resampled.mean(axis=1).std())
    spread = float(differences.std(ddof=1)) / seeds**0.5 if seeds > 1 else 0.0
    if np.isnan(error):
        return float("nan")

    def beyond(log_level: float) -> float:
        """How far the interval of level 1 − exp(log_level) reaches beyond 0."""
        tail = np.exp(log_level) / 2
        of_seeds = -spread * special.stdtrit(seeds - 1, tail) if spread else 0.0
        return float(np.hypot(error * special.ndtri(tail), of_seeds) - mean)

    if mean < NEGLIGIBLE:
        return 1.0
    if max(error, spread) < NEGLIGIBLE:
        return 0.0
    if beyond(LEAST_LOG_P) < 0:
        return float(np.exp(LEAST_LOG_P))
    return float(np.exp(brentq(beyond, LEAST_LOG_P, 0.0)))


def seeds_needed(effect_size: float | None) -> int | None:
    """How many seeds a paired t test would need to find an effect of this size.

    The test is two-sided at 5 % with a power of 80 %, which the noncentral t distribution gives
    (Cohen 1988, Statistical Power Analysis for the Behavioral Sciences, chapter 2). Only the side
    of the effect is counted; the power that the other side adds is too small to change a count.

    It fails where the effect size is guessed from few seeds: with three seeds the true one may
    well be half or twice as large, and the seeds needed four times as many or a quarter.

    Args:
        effect_size: the mean difference over its standard deviation, or None.

    Returns:
        The least number of seeds, at least 2; None if there is no effect, or if more than
        `MOST_SEEDS` would be needed.
    """
    if not effect_size:
        return None

    def is_found(number: int) -> bool:
        centre = abs(effect_size) * number**0.5
        return bool(1 - special.nctdtr(number - 1, centre, t_quantile(number)) >= POWER)

    most = 2
    while not is_found(most):
        if most == MOST_SEEDS:
            return None
        most = min(2 * most, MOST_SEEDS)
    return 2 + bisect.bisect_left(range(2, most), True, key=is_found)


@dataclass(frozen=True)
class McnemarResult:
    """McNemar's test of two runs.

    Attributes:
        only_method_right: how many examples only the method's run has right.
        only_reference_right: how many only the reference's run has right.
        p: the exact two-sided p value.
    """

    only_method_right: int
    only_reference_right: int
    p: float


def mcnemar_test(method: npt.NDArray[np.bool_], reference: npt.NDArray[np.bool_]) -> McnemarResult:
    """McNemar's exact test: are two runs right on equally many examples?

    Of the examples that only one of them has right, each would have half if the runs were equally
    good; p is that of the binomial distribution (McNemar 1947, https://doi.org/10.1007/BF02295996;
    Dietterich 1998, https://doi.org/10.1162/089976698300017197, recommends it for two classifiers
    that were trained once). It says nothing of other seeds.

    Args:
        method: whether the method's run has each example right, (n,).
        reference: the same of the reference's run, (n,).
    """
    only_method = int((method & ~reference).sum())
    only_reference = int((reference & ~method).sum())
    table = [
        [int((method & reference).sum()), only_method],
        [only_reference, int((~method & ~reference).sum())],
    ]
    return McnemarResult(
        only_method_right=only_method,
        only_reference_right=only_reference,
        p=float(mcnemar(table, exact=True).pvalue),
    )
