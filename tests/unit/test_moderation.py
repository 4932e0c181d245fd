"""Variances of few seeds, drawn towards what is typical of the grid."""

import math

import numpy as np
import pytest
from scipy import special

from tunegrid.statistics.moderation import NO_PRIOR, VariancePrior, fit_prior, inverse_trigamma


@pytest.mark.parametrize("value", [1e-4, 0.1, 1.0, 4.9, 300.0])
def test_the_inverse_of_trigamma_is_its_inverse(value):
    assert special.polygamma(1, inverse_trigamma(value)) == pytest.approx(value)


def test_the_prior_is_that_from_which_variances_were_drawn():
    draw = np.random.default_rng(0)
    true = 0.25 * 8 / draw.chisquare(8, size=20_000)
    prior = fit_prior(true * draw.chisquare(4, size=20_000) / 4, [4] * 20_000)
    assert prior.df == pytest.approx(8, rel=0.1)
    between = np.sqrt(np.exp(np.log(true).mean()) * true.mean())
    assert prior.variance == pytest.approx(between, rel=0.03)


def test_variances_that_differ_by_chance_alone_are_pooled():
    variances = [1.0, 1.1, 0.9, 1.05]
    prior = fit_prior(variances, [4] * 4)
    assert math.isinf(prior.df)
    assert prior.moderate(1.1, 4) == (pytest.approx(np.mean(variances)), 16)


def test_a_moderated_variance_lies_between_its_own_and_the_typical_one():
    prior = VariancePrior(variance=2.0, df=3.0, total_df=100.0)
    assert prior.moderate(6.0, 1.0) == (pytest.approx((3 * 2 + 6) / 4), 4.0)


def test_no_variance_gets_more_degrees_of_freedom_than_all_have_together():
    assert VariancePrior(variance=2.0, df=30.0, total_df=6.0).moderate(6.0, 1.0)[1] == 6.0


def test_of_two_variances_nothing_is_typical():
    assert fit_prior([1.0, 2.0], [1, 1]) == NO_PRIOR
    assert NO_PRIOR.moderate(6.0, 1.0) == (6.0, 1.0)
