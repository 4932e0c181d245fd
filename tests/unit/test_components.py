"""Variance components of seeds and test examples, against other calculations."""

from itertools import product

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from statsmodels.formula.api import ols
from statsmodels.stats.anova import anova_lm

from tunegrid.statistics.components import estimate_components, estimate_unpaired_components
from tunegrid.statistics.verdicts import ALPHA


def simulate(seeds, examples, seed_sd=1.0, example_sd=1.0, rest_sd=1.0, draw_seed=0):
    draw = np.random.default_rng(draw_seed)
    return (
        seed_sd * draw.normal(size=(seeds, 1))
        + example_sd * draw.normal(size=examples)
        + rest_sd * draw.normal(size=(seeds, examples))
    )


def test_the_mean_squares_are_those_of_the_analysis_of_variance():
    values = simulate(seeds=4, examples=7)
    table = pd.DataFrame(
        [
            {"seed": seed, "example": example, "value": values[seed, example]}
            for seed, example in product(range(4), range(7))
        ]
    )
    anova = anova_lm(ols("value ~ C(seed) + C(example)", table).fit())
    found = estimate_components(values)
    mean_squares = anova["sum_sq"] / anova["df"] / 28
    assert found.between_seeds == pytest.approx(mean_squares["C(seed)"])
    assert found.between_examples == pytest.approx(mean_squares["C(example)"])
    assert found.rest == pytest.approx(mean_squares["Residual"])
    assert (found.seed_df, found.example_df, found.rest_df) == (3, 6, 18)


def test_the_variance_and_its_degrees_of_freedom_are_the_hand_s():
    found = estimate_components(simulate(seeds=4, examples=7))
    parts = found.between_seeds, found.between_examples, found.rest
    assert min(parts[:2]) > found.rest
    assert found.variance == pytest.approx(parts[0] + parts[1] - parts[2])
    expected = found.variance**2 / (parts[0] ** 2 / 3 + parts[1] ** 2 / 6 + parts[2] ** 2 / 18)
    assert found.df == pytest.approx(expected)


def test_a_variance_below_zero_counts_as_none():
    """Where seeds differ less than the rest makes them differ, only examples and rest are left."""
    values = simulate(seeds=3, examples=50, seed_sd=0.0)
    values -= values.mean(axis=1, keepdims=True)
    found = estimate_components(values)
    assert found.of_seeds == 0
    assert found.variance == pytest.approx(found.between_examples)
    assert found.df == pytest.approx(49)


def test_seeds_alone_give_student_s_interval():
    """Values that are the same for all examples vary by the seeds alone."""
    scores = np.array([0.2, 0.35, 0.3, 0.5, 0.4])
    found = estimate_components(np.tile(scores[:, None], 40)).estimate(scores.mean())
    low, high = stats.t.interval(0.95, 4, scores.mean(), stats.sem(scores))
    half = found.half_width(ALPHA)
    assert (scores.mean() - half, scores.mean() + half) == pytest.approx((low, high))
    assert found.p_value() == pytest.approx(stats.ttest_1samp(scores, 0).pvalue)


def test_one_seed_speaks_of_its_examples_alone():
    values = simulate(seeds=1, examples=30)
    found = estimate_components(values)
    assert found.standard_error == pytest.approx(stats.sem(values[0]))
    assert (found.seeds, found.df) == (1, 29)


def test_unpaired_seeds_are_welch_s_where_examples_add_nothing():
    one, two = np.array([0.2, 0.35, 0.3, 0.5]), np.array([0.6, 0.4, 0.45])
    found = estimate_unpaired_components(np.tile(one[:, None], 20), np.tile(two[:, None], 20))
    estimate = found.estimate(one.mean() - two.mean())
    expected = stats.ttest_ind(one, two, equal_var=False)
    assert estimate.df == pytest.approx(expected.df)
    assert estimate.p_value() == pytest.approx(expected.pvalue)


@pytest.mark.parametrize("paired", [True, False])
def test_the_variance_is_that_of_the_means_of_many_such_tables(paired):
    """Unbiased but for what counts as none: the mean estimate is what the means really vary by."""
    means, variances = [], []
    for at in range(4000):
        one = simulate(seeds=4, examples=30, draw_seed=(11, at))
        two = simulate(seeds=4 if paired else 3, examples=30, draw_seed=(12, at))
        # Examples are shared by both: what they have in common must not count.
        shared = 3 * np.random.default_rng((13, at)).normal(size=30)
        one, two = one + shared, two + shared
        if paired:
            variances.append(estimate_components(one - two).variance)
        else:
            variances.append(estimate_unpaired_components(one, two).variance)
        means.append(one.mean() - two.mean())
    assert np.mean(variances) == pytest.approx(np.var(means), rel=0.05)


def test_planned_numbers_give_the_components_that_such_tables_have():
    few = [estimate_components(simulate(4, 30, draw_seed=at)).planned(8, 90) for at in range(400)]
    many = [estimate_components(simulate(8, 90, draw_seed=at)) for at in range(400)]
    for part in ("between_seeds", "between_examples", "rest", "variance"):
        expected = np.mean([getattr(one, part) for one in many])
        assert np.mean([getattr(one, part) for one in few]) == pytest.approx(expected, rel=0.15)
    assert (few[0].seed_df, few[0].example_df, few[0].rest_df) == (7, 89, 7 * 89)


def test_as_many_as_there_are_change_nothing():
    found = estimate_components(simulate(4, 30))
    same = found.planned(4, 30)
    assert same.variance == pytest.approx(found.variance)
    assert same.df == pytest.approx(found.df)


def test_another_variance_between_seeds_takes_its_place():
    found = estimate_components(simulate(4, 30))
    moderated = found.with_between_seeds(2 * found.between_seeds, df=9)
    assert moderated.seed_variance == pytest.approx(2 * found.seed_variance)
    assert (moderated.seed_df, moderated.rest) == (9, found.rest)
