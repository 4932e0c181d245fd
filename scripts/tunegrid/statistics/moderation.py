"""Variances that rest on few seeds, moderated by those of the grid's other cells.

The spread of two or three seeds is hardly known, but a grid has many such spreads. Empirical Bayes
draws each towards what is typical of the grid, the more so the more alike they are (Smyth 2004,
"Linear models and empirical Bayes methods", https://doi.org/10.2202/1544-6115.1027, section 6;
`squeezeVar` of the R package limma). Grids have some ten groups where limma has thousands of genes,
so two things are more careful here than there, both chosen by simulation
(`tests/benchmarks/bench_statistics.py`): the typical variance lies between the geometric and the
arithmetic mean, which is above limma's where the variances differ; and it counts for less, because
the variances are taken to differ by `DOUBT` standard errors more than they seem to.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import optimize, special

#: With fewer variances than this, nothing is said of what is typical.
LEAST_VARIANCES = 3
#: By how many of its standard errors the difference of the variances is taken for larger.
DOUBT = 0.5


@dataclass(frozen=True)
class VariancePrior:
    """What variances of a grid are typically, and how much a single one is drawn to it.

    The true variances are thought of as `variance` · `df` / χ²(`df`).

    Attributes:
        variance: the typical variance.
        df: how many degrees of freedom the typical variance is worth; infinite where the variances
            differ no more than chance alone makes them differ, 0 where there is no prior.
        total_df: the degrees of freedom of all variances together, more than which no moderated
            variance can have.
    """

    variance: float
    df: float
    total_df: float

    def moderate(self, variance: float, df: float) -> tuple[float, float]:
        """A variance drawn to the typical one, and its degrees of freedom.

        Args:
            variance: as its own seeds estimate it.
            df: the degrees of freedom of that estimate.
        """
        if self.df == 0:
            return variance, df
        together = max(df, min(self.df + df, self.total_df))
        if math.isinf(self.df):
            return self.variance, together
        return (self.df * self.variance + df * variance) / (self.df + df), together


#: No prior: every variance stays as it is.
NO_PRIOR = VariancePrior(variance=0.0, df=0.0, total_df=0.0)


def fit_prior(variances: Sequence[float], dfs: Sequence[float]) -> VariancePrior:
    """The prior of variances, by the mean and variance of their logarithms.

    Args:
        variances: estimates, each above 0.
        dfs: the degrees of freedom of each.

    Returns:
        The prior; `NO_PRIOR` of fewer than `LEAST_VARIANCES`.
    """
    if len(variances) < LEAST_VARIANCES:
        return NO_PRIOR
    half = np.array(dfs, dtype=float) / 2
    # The logarithm of a variance of d degrees of freedom has the mean log σ² + ψ(d/2) − log(d/2),
    # the variance ψ′(d/2) and the fourth cumulant ψ‴(d/2).
    logs = np.log(np.array(variances, dtype=float)) - special.digamma(half) + np.log(half)
    expected = float(special.polygamma(1, half).mean())
    fourth_cumulant = float(special.polygamma(3, half).mean())
    doubt = DOUBT * math.sqrt((fourth_cumulant + 2 * expected**2) / len(variances))
    excess = float(logs.var(ddof=1)) - expected + doubt
    total_df = float(np.sum(dfs))
    arithmetic_mean = float(np.average(variances, weights=dfs))
    if excess <= 0:
        # They may well be equal: the pooled variance is the best estimate of what they share.
        return VariancePrior(variance=arithmetic_mean, df=math.inf, total_df=total_df)
    geometric_mean = math.exp(float(logs.mean()))
    return VariancePrior(
        variance=math.sqrt(geometric_mean * arithmetic_mean),
        df=2 * inverse_trigamma(excess),
        total_df=total_df,
    )


def inverse_trigamma(value: float) -> float:
    """The x > 0 at which the trigamma function ψ′ has this value, which is above 0."""
    # ψ′ falls, and 1/x < ψ′(x) < 1/x + 1/x², which brackets the root.
    low, high = 1 / (value + 1), 1 / value + 1
    while special.polygamma(1, low) < value:
        low /= 2
    while special.polygamma(1, high) > value:
        high *= 2
    return float(optimize.brentq(lambda x: special.polygamma(1, x) - value, low, high, xtol=1e-12))
