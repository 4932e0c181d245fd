"""Verdicts and their intervals, which cannot disagree; and what would say more."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.power import TTestPower
from statsmodels.stats.weightstats import ttost_paired

from tunegrid.metrics import METRICS
from tunegrid.statistics.components import VarianceComponents, estimate_components
from tunegrid.statistics.power import (
    POWER,
    detectable_difference,
    examples_needed,
    power,
    seeds_needed,
)
from tunegrid.statistics.verdicts import ALPHA, Estimate, Verdict, holm, judge_family

ACCURACY, LOSS = METRICS["accuracy"], METRICS["loss"]
MARGIN = 0.01


def test_p_values_are_those_of_the_paired_t_test():
    differences = np.random.default_rng(0).normal(0.01, 0.02, 12)
    estimate = Estimate(differences.mean(), standard_error=stats.sem(differences), df=11)
    assert estimate.p_value() == pytest.approx(stats.ttest_1samp(differences, 0).pvalue)
    expected = ttost_paired(differences, np.zeros(12), low=-0.05, upp=0.05)[0]
    assert estimate.equivalence_p_value(0.05) == pytest.approx(expected)


def test_an_interval_ends_where_the_metric_s_range_does():
    wide = Estimate(-0.1, standard_error=1.0, df=1.0)
    assert wide.interval(ALPHA, ACCURACY) == (-1.0, 1.0)
    low, high = wide.interval(ALPHA, LOSS)
    assert low < -12
    assert high > 12


def test_nothing_that_varies_is_sure():
    assert Estimate(0.0, standard_error=0.0, df=float("nan")).p_value() == 1
    assert Estimate(0.2, standard_error=0.0, df=float("nan")).p_value() == 0
    same, worse = judge_family(
        [Estimate(0.0, 0.0, float("nan")), Estimate(-0.2, 0.0, float("nan"))], ACCURACY, MARGIN
    )
    assert (same.verdict, worse.verdict) == (Verdict.SAME, Verdict.WORSE)


def test_holm_s_procedure_is_statsmodels_and_its_levels_reject_the_same():
    draw = np.random.default_rng(0)
    for _ in range(5):
        p_values = list(draw.uniform(size=draw.integers(1, 8)) ** 4)
        rejected, corrected, *_ = multipletests(p_values, method="holm")
        tests = holm(p_values)
        assert [test.p_value for test in tests] == pytest.approx(corrected)
        assert [p < test.level for p, test in zip(p_values, tests, strict=True)] == list(rejected)


def test_a_verdict_and_its_interval_never_disagree():
    draw = np.random.default_rng(0)
    seen = set()
    for _ in range(2000):
        family = [
            Estimate(draw.normal(0, 0.02), standard_error=10 ** draw.uniform(-4, -1), df=df)
            for df in draw.uniform(1, 50, size=draw.integers(1, 8))
        ]
        for estimate, judged in zip(family, judge_family(family, ACCURACY, MARGIN), strict=True):
            seen.add(judged.verdict)
            holds_zero = judged.low <= 0 <= judged.high
            inside = max(-judged.low, judged.high) < MARGIN
            assert judged.low <= estimate.difference <= judged.high
            if judged.verdict == Verdict.SAME:
                assert inside
            elif judged.verdict == Verdict.UNTOLD:
                assert holds_zero
                assert not inside
                assert judged.p_holm >= ALPHA
            else:
                assert not holds_zero
                assert judged.p_holm < ALPHA
            # Never narrower than the interval of the difference alone.
            low, high = estimate.interval(ALPHA, ACCURACY)
            assert judged.low <= low
            assert high <= judged.high
    assert seen == {Verdict.BETTER, Verdict.WORSE, Verdict.SAME, Verdict.UNTOLD}


def test_the_direction_of_the_metric_decides_what_is_better():
    rise = Estimate(0.2, standard_error=0.01, df=30)
    assert judge_family([rise], ACCURACY, MARGIN)[0].verdict == Verdict.BETTER
    assert judge_family([rise], LOSS, None)[0].verdict == Verdict.WORSE


def test_without_a_margin_nothing_is_the_same():
    tiny = Estimate(0.0, standard_error=1e-6, df=30)
    assert judge_family([tiny], LOSS, None)[0].verdict == Verdict.UNTOLD


def of_seeds_alone(effect_size, seeds):
    """Components of a difference of 1 that only the seeds vary."""
    return VarianceComponents(
        between_seeds=1 / effect_size**2 / seeds,
        between_examples=0.0,
        rest=0.0,
        seed_df=seeds - 1,
        example_df=99,
        rest_df=99 * (seeds - 1),
        seeds=seeds,
        examples=100,
    )


@pytest.mark.parametrize(
    ("effect", "seeds"), [(1.0, 10), (0.5, 34), (2.0, 5), (6.86, 3), (13.03, 2), (100.0, 2)]
)
def test_where_examples_add_nothing_the_seeds_needed_are_the_textbook_s(effect, seeds):
    """Paired t test, two-sided 5 %, power 80 % (G*Power 3.1: 10, 34 and 5)."""
    assert seeds_needed(1.0, of_seeds_alone(effect, seeds=5), ALPHA) == seeds
    assert seeds_needed(-1.0, of_seeds_alone(effect, seeds=5), ALPHA) == seeds


@pytest.mark.parametrize("effect", [0.3, 0.8, 1.5])
def test_the_power_is_statsmodels(effect):
    expected = TTestPower().power(effect, 7, 0.02, alternative="two-sided")
    assert power(1.0, of_seeds_alone(effect, seeds=7), 0.02) == pytest.approx(expected, abs=2e-3)


def test_what_is_detectable_is_found_with_the_power_that_is_said():
    draw = np.random.default_rng(0)
    components = estimate_components(draw.normal(size=(3, 1)) + draw.normal(size=(3, 50)))
    for level in (0.05, 0.01):
        detectable = detectable_difference(components, level)
        assert power(detectable, components, level) == pytest.approx(POWER)


def test_more_seeds_cannot_tell_what_the_examples_hide_and_the_other_way_round():
    draw = np.random.default_rng(0)
    hidden_by_examples = estimate_components(
        draw.normal(size=50) + 0.01 * draw.normal(size=(5, 50))
    )
    assert seeds_needed(0.1, hidden_by_examples, ALPHA) is None
    # Of a normal mean: (z(.975) + z(.8))² variances of an example over the squared difference.
    expected = 2.8**2 * 50 * hidden_by_examples.variance / 0.1**2
    assert examples_needed(0.1, hidden_by_examples, ALPHA) == pytest.approx(expected, rel=0.01)
    hidden_by_seeds = of_seeds_alone(0.5, seeds=5)
    assert examples_needed(1.0, hidden_by_seeds, ALPHA) is None
    assert seeds_needed(1.0, hidden_by_seeds, ALPHA) == 34


def test_no_difference_needs_no_end_of_seeds():
    assert seeds_needed(0.0, of_seeds_alone(1.0, seeds=5), ALPHA) is None
    nothing = replace(of_seeds_alone(1.0, seeds=5), between_seeds=0.0)
    assert seeds_needed(0.0, nothing, ALPHA) is None
    assert seeds_needed(0.1, nothing, ALPHA) == 2
