"""How far a mean over seeds and test examples may lie from the true one: variance components.

The values of k seeds on n test examples are a table of k rows and n columns, one value a cell. A
value is thought of as the sum of a mean, an effect of its seed, an effect of its example, and a
rest (the two-way random layout without replication: Searle, Casella & McCulloch 1992, Variance
Components, chapter 4). With the mean squares of the analysis of variance, the variance of the grand
mean is estimated by

    (MS_seed + MS_example − MS_rest) / (k · n)

and its degrees of freedom by Satterthwaite's formula (1946, https://doi.org/10.2307/3002019). An
effect whose variance is estimated below zero counts as zero, which makes the variance a little too
large rather than too small.

Intervals, p values, power and the seeds or examples that are needed all come from the one
`VarianceComponents` of a comparison.
"""

from dataclasses import dataclass, replace

import numpy as np

from tunegrid.metrics import Floats
from tunegrid.statistics.verdicts import Estimate


@dataclass(frozen=True)
class VarianceComponents:
    """What the variance of a mean over seeds and test examples is made of.

    The first three are mean squares divided by k · n, so that they are variances of the mean, in
    the squared unit of the metric.

    Attributes:
        between_seeds: as the spread between seeds shows it, the rest included.
        between_examples: as the spread between examples shows it, the rest included.
        rest: what neither the seed nor the example explains.
        seed_df: the degrees of freedom of `between_seeds`.
        example_df: those of `between_examples`.
        rest_df: those of `rest`.
        seeds: how many seeds (k); of two unpaired groups of seeds, the smaller number.
        examples: how many test examples (n).
    """

    between_seeds: float
    between_examples: float
    rest: float
    seed_df: float
    example_df: float
    rest_df: float
    seeds: int
    examples: int

    @property
    def of_seeds(self) -> float:
        """The part of the variance of the mean that only more seeds make smaller."""
        return max(self.between_seeds - self.rest, 0.0)

    @property
    def of_examples(self) -> float:
        """The part of the variance of the mean that only more test examples make smaller."""
        return max(self.between_examples - self.rest, 0.0)

    @property
    def variance(self) -> float:
        """The variance of the mean."""
        return self.of_seeds + self.of_examples + self.rest

    @property
    def standard_error(self) -> float:
        """The standard error of the mean."""
        return float(np.sqrt(self.variance))

    @property
    def df(self) -> float:
        """Satterthwaite's degrees of freedom of `variance`; not a number where nothing varies."""
        has_seeds = self.of_seeds > 0
        has_examples = self.of_examples > 0
        used = []
        if has_seeds:
            used.append((self.between_seeds, self.seed_df))
        if has_examples:
            used.append((self.between_examples, self.example_df))
        # With both, the rest is subtracted once; with one of them it is contained in it.
        if has_seeds == has_examples:
            used.append((self.rest, self.rest_df))
        spread = sum(part**2 / df for part, df in used if part > 0)
        return self.variance**2 / spread if spread > 0 else float("nan")

    def estimate(self, difference: float) -> Estimate:
        """A difference (or mean) of these components."""
        return Estimate(difference, standard_error=self.standard_error, df=self.df)

    @property
    def seed_variance(self) -> float:
        """The variance of the seeds' values around their mean, as seen: k · `between_seeds`."""
        return self.seeds * self.between_seeds

    def with_between_seeds(self, variance: float, df: float) -> "VarianceComponents":
        """The same with another estimate of `between_seeds` and of its degrees of freedom."""
        return replace(self, between_seeds=variance, seed_df=df)

    def planned(self, seeds: float, examples: float) -> "VarianceComponents":
        """The components that as variable seeds and examples would have in other numbers.

        Args:
            seeds: how many seeds, at least 2.
            examples: how many test examples, at least 2.
        """
        fewer_seeds = self.seeds / seeds
        fewer_examples = self.examples / examples
        rest = self.rest * fewer_seeds * fewer_examples
        example_df = examples - 1
        return VarianceComponents(
            between_seeds=self.of_seeds * fewer_seeds + rest,
            between_examples=self.of_examples * fewer_examples + rest,
            rest=rest,
            seed_df=self.seed_df + seeds - self.seeds,
            example_df=example_df,
            rest_df=(seeds - 1) * example_df,
            seeds=int(seeds),
            examples=int(examples),
        )


def estimate_components(values: Floats) -> VarianceComponents:
    """The components of the mean of values of seeds on test examples.

    The values may be one method's own, or the differences of two methods at the same seeds and
    examples. With one seed, nothing is known of other seeds: the components are then those of this
    seed's mean over other examples.

    Args:
        values: of each seed on each example, (k, n), n at least 2.
    """
    seeds, examples = values.shape
    of_seeds = values.mean(axis=1)
    of_examples = values.mean(axis=0)
    between_examples = float(of_examples.var(ddof=1)) / examples
    if seeds == 1:
        return VarianceComponents(
            between_seeds=0.0,
            between_examples=between_examples,
            rest=0.0,
            seed_df=0.0,
            example_df=examples - 1,
            rest_df=0.0,
            seeds=1,
            examples=examples,
        )
    rest_df = (seeds - 1) * (examples - 1)
    rest = values - of_seeds[:, None] - of_examples + values.mean()
    return VarianceComponents(
        between_seeds=float(of_seeds.var(ddof=1)) / seeds,
        between_examples=between_examples,
        rest=float((rest**2).sum()) / rest_df / (seeds * examples),
        seed_df=seeds - 1,
        example_df=examples - 1,
        rest_df=rest_df,
        seeds=seeds,
        examples=examples,
    )


def estimate_unpaired_components(values: Floats, others: Floats) -> VarianceComponents:
    """The components of the difference of two means whose seeds have nothing to do with each other.

    The test examples are the same. What each group's seeds and rest add is added up, and the
    degrees of freedom of a sum are Satterthwaite's, as in Welch's test.

    Args:
        values: of each seed on each example, (k, n); k and n at least 2.
        others: of the seeds of the other group on the same examples, (j, n); j at least 2.
    """
    one, two = estimate_components(values), estimate_components(others)
    difference = values.mean(axis=0) - others.mean(axis=0)
    examples = one.examples
    return VarianceComponents(
        between_seeds=one.between_seeds + two.between_seeds,
        between_examples=float(difference.var(ddof=1)) / examples,
        rest=one.rest + two.rest,
        seed_df=df_of_sum(one.between_seeds, one.seed_df, two.between_seeds, two.seed_df),
        example_df=examples - 1,
        rest_df=df_of_sum(one.rest, one.rest_df, two.rest, two.rest_df),
        seeds=min(one.seeds, two.seeds),
        examples=examples,
    )


def df_of_sum(variance: float, df: float, other_variance: float, other_df: float) -> float:
    """Satterthwaite's degrees of freedom of the sum of two variances, each with its own."""
    total = variance + other_variance
    if total == 0:
        return df + other_df
    return total**2 / (variance**2 / df + other_variance**2 / other_df)
