"""What may be said of differences: interval, p value, correction, and one verdict of each.

Everything here follows from a difference, its standard error and its degrees of freedom, so that a
verdict and the interval beside it cannot disagree.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from scipy import special

from tunegrid.metrics import Metric

#: The columns that a difference has in every table, behind its verdict and what it is made of.
DIFFERENCE_COLUMNS = [
    "difference",
    "standard_error",
    "df",
    "low",
    "high",
    "p",
    "family",
    "p_holm",
    "level",
    "verdict_low",
    "verdict_high",
]
#: The chance of a wrong verdict: of one comparison, and after correction of a whole family.
ALPHA = 0.05


class Verdict(StrEnum):
    """What may be said of a method beside the one that it is compared with."""

    BETTER = "better"
    WORSE = "worse"
    #: The difference is smaller than the margin, whichever way it goes.
    SAME = "same"
    #: Neither a difference nor its absence is shown.
    UNTOLD = "cannot be told"
    #: Both predict the same label of every example at every seed.
    IDENTICAL = "identical"
    #: One run against one run: their difference says nothing of other seeds.
    ONE_SEED = "one seed"
    #: There are no two finished runs to compare.
    NOT_COMPARED = "not compared"


@dataclass(frozen=True)
class Estimate:
    """A difference and how surely it is known.

    Attributes:
        difference: in the metric's unit.
        standard_error: of it; 0 where nothing varies.
        df: the degrees of freedom of the standard error, not a number where that is 0.
    """

    difference: float
    standard_error: float
    df: float

    def describe(self, metric: Metric) -> dict[str, float]:
        """What is known of the difference by itself, as columns of a table."""
        low, high = self.interval(ALPHA, metric)
        return {
            "standard_error": self.standard_error,
            "df": self.df,
            "low": low,
            "high": high,
            "p": self.p_value(),
        }

    def half_width(self, alpha: float) -> float:
        """Half the width of Student's interval of level 1 − `alpha`."""
        if self.standard_error == 0:
            return 0.0
        return critical_value(self.df, alpha) * self.standard_error

    def interval(self, alpha: float, metric: Metric) -> tuple[float, float]:
        """Student's interval of level 1 − `alpha`, as far as the metric's range goes."""
        half = self.half_width(alpha)
        widest = metric.bounds[1] - metric.bounds[0]
        return max(self.difference - half, -widest), min(self.difference + half, widest)

    def p_value(self) -> float:
        """The two-sided p value that the true difference is 0.

        It is the `alpha` at which the nearer end of the interval just reaches 0.
        """
        if self.standard_error == 0:
            return 1.0 if self.difference == 0 else 0.0
        return min(1.0, 2 * self._lower_tail(-abs(self.difference)))

    def equivalence_p_value(self, margin: float) -> float:
        """The p value that the true difference is `margin` or more, either way.

        It is the larger one of two one-sided tests (Schuirmann 1987,
        https://doi.org/10.1007/BF01068419; Lakens 2017, https://doi.org/10.1177/1948550617697177).
        """
        distance = margin - abs(self.difference)
        if self.standard_error == 0:
            return 0.0 if distance > 0 else 1.0
        return self._lower_tail(-distance)

    def _lower_tail(self, distance: float) -> float:
        return float(special.stdtr(self.df, distance / self.standard_error))


def critical_value(df: float, alpha: float) -> float:
    """The quantile of Student's t of `df` degrees of freedom beyond which lies alpha / 2."""
    return -float(special.stdtrit(df, alpha / 2))


def t_quantile(n: Any) -> Any:
    """The quantile of Student's t that the 95 % interval of the mean of n values needs.

    The interval is the mean ± this quantile · sd / √n (sd with n−1). It is exact for normal values;
    of one value there is no interval, and the quantile is not a number.

    Args:
        n: how many values there are: a number, or an array or series of numbers.

    Returns:
        The quantile with n−1 degrees of freedom, of the same shape as `n`.
    """
    return special.stdtrit(n - 1, 1 - ALPHA / 2)


@dataclass(frozen=True)
class HolmTest:
    """What Holm's procedure makes of one hypothesis of a family.

    Attributes:
        p_value: its p value, corrected: the hypothesis is rejected where this is below the level of
            the family.
        level: the level at which the procedure tests the p value itself, to the same end.
    """

    p_value: float
    level: float


def holm(p_values: Sequence[float], alpha: float = ALPHA) -> list[HolmTest]:
    """Holm's step-down procedure (1979, https://www.jstor.org/stable/4615733).

    The hypotheses are taken by rising p. The j-th of m is tested at alpha / (m − j + 1); from the
    first that is not rejected on, all are tested at that one's level.

    Args:
        p_values: of the hypotheses of a family.
        alpha: the chance of rejecting any that is true.
    """
    count = len(p_values)
    corrected = 0.0
    level_of_last: float | None = None
    tests: dict[int, HolmTest] = {}
    for rank, at in enumerate(sorted(range(count), key=lambda at: p_values[at])):
        corrected = max(corrected, min(1.0, p_values[at] * (count - rank)))
        level = alpha / (count - rank) if level_of_last is None else level_of_last
        tests[at] = HolmTest(p_value=corrected, level=level)
        if level_of_last is None and p_values[at] >= level:
            level_of_last = level
    return [tests[at] for at in range(count)]


@dataclass(frozen=True)
class Judgement:
    """The verdict on one difference of a family.

    Attributes:
        verdict: what may be said.
        family: how many differences were judged together.
        p_holm: the p value, corrected by Holm's procedure for all of them.
        level: the level of the test of this difference in that procedure.
        low: the lower end of the interval that the verdict is read from.
        high: its upper end.
    """

    verdict: Verdict
    family: int
    p_holm: float
    level: float
    low: float
    high: float

    def describe(self) -> dict[str, Any]:
        """The verdict and what it is read from, as columns of a table."""
        return {
            "verdict": str(self.verdict),
            "family": self.family,
            "p_holm": self.p_holm,
            "level": self.level,
            "verdict_low": self.low,
            "verdict_high": self.high,
        }


def judge_family(
    estimates: Sequence[Estimate], metric: Metric, margin: float | None
) -> list[Judgement]:
    """The verdicts on differences that answer one question.

    A difference is better or worse where Holm's procedure rejects that it is 0 (Holm 1979,
    https://www.jstor.org/stable/4615733), which keeps the chance of any wrong one at `ALPHA`; its
    interval then has the level 1 − (the level at which the procedure tested it), and leaves 0 out.
    It is the same where its interval of level 1 − `ALPHA` / (size of the family) lies between
    −margin and margin, which is two one-sided tests at half that level each. All others cannot be
    told: their interval of the latter level holds 0, and reaches beyond the margin.

    Args:
        estimates: the differences, at least one.
        metric: what they are differences of.
        margin: below which a difference counts as none, in the metric's unit; None: no difference
            is too small to count.
    """
    p_values = [estimate.p_value() for estimate in estimates]
    return [
        _judge(
            estimate,
            metric,
            margin,
            family=len(estimates),
            test=test,
        )
        for estimate, test in zip(estimates, holm(p_values), strict=True)
    ]


def _judge(
    estimate: Estimate,
    metric: Metric,
    margin: float | None,
    *,
    family: int,
    test: HolmTest,
) -> Judgement:
    low, high = estimate.interval(ALPHA / family, metric)
    if margin is not None and -margin < low and high < margin:
        verdict = Verdict.SAME
    elif estimate.p_value() < test.level:
        low, high = estimate.interval(test.level, metric)
        is_better = (estimate.difference > 0) == metric.higher_is_better
        verdict = Verdict.BETTER if is_better else Verdict.WORSE
    else:
        verdict = Verdict.UNTOLD
    return Judgement(
        verdict=verdict,
        family=family,
        p_holm=test.p_value,
        level=test.level,
        low=low,
        high=high,
    )
