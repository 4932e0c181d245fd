"""What a choice owes to its budget, and which candidates dev tells from the chosen one."""

import statistics
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tunegrid.errors import UserError
from tunegrid.metrics import METRICS, SingleLabelPredictions, default_metrics
from tunegrid.tuning.budget import best_by_budget, order_stays_from
from tunegrid.tuning.telling import (
    RESAMPLES,
    DevRun,
    is_dev_too_small,
    tell_apart,
    weighted_metric,
)

ACCURACY, LOSS = METRICS["accuracy"], METRICS["loss"]


@given(
    scores=st.lists(st.integers(0, 20).map(lambda one: one / 20), min_size=1, max_size=8),
    metric=st.sampled_from([ACCURACY, LOSS]),
)
def test_the_best_of_n_is_that_of_all_subsets(scores, metric):
    best = max if metric.higher_is_better else min
    for found in best_by_budget(scores, metric):
        every = sorted(best(subset) for subset in combinations(scores, found.candidates))
        assert found.expected == pytest.approx(statistics.fmean(every))
        inside = [found.low <= one <= found.high for one in every]
        assert sum(one < found.low for one in every) <= len(every) / 40
        assert sum(one > found.high for one in every) <= len(every) / 40
        assert {found.low, found.high} <= set(every)
        assert any(inside)


def test_the_interval_is_the_quantiles_of_all_subsets():
    scores = [one / 100 for one in range(10)]
    for found in best_by_budget(scores, ACCURACY):
        every = [max(subset) for subset in combinations(scores, found.candidates)]
        low, high = np.quantile(every, [0.025, 0.975], method="inverted_cdf")
        assert (found.low, found.high) == (low, high)


def test_a_candidate_without_a_score_is_the_worst_and_never_a_number():
    one, two, three = best_by_budget([None, 0.5, 0.7], ACCURACY)
    assert np.isnan([one.expected, one.low]).all()
    assert one.high == 0.7
    assert two.expected == pytest.approx((0.5 + 0.7 + 0.7) / 3)
    assert (three.expected, three.low, three.high) == (0.7, 0.7, 0.7)


@pytest.mark.parametrize(
    ("scores", "others", "from_"),
    [
        ([0.5, 0.6, 0.7], [0.4, 0.5, 0.5], 1),
        ([0.3, 0.6, 0.7], [0.4, 0.5, 0.5], 2),
        ([0.3, 0.6, 0.7, 0.7], [0.4, 0.6, 0.5, 0.5], 3),
        ([0.3, 0.3, 0.7], [0.4, 0.5, 0.5], None),
        ([0.5, 0.6], [0.4, 0.6], None),  # as good is another order, too
        ([None, 0.6, 0.7], [0.4, 0.5, 0.5], 2),
        ([0.5], [0.4], 1),
    ],
)
def test_the_order_stays_from_the_candidate_that_last_changed_it(scores, others, from_):
    assert order_stays_from(scores, others, ACCURACY) == from_
    opposite = [[None if one is None else -one for one in two] for two in (scores, others)]
    assert order_stays_from(opposite[0], opposite[1], LOSS) == from_


def predict(right, kinds=3, seed=0):
    """SingleLabelPredictions of which those at `right` are true."""
    draw = np.random.default_rng(seed)
    labels = np.arange(len(right)) % kinds
    predicted = np.where(right, labels, (labels + 1) % kinds)
    chances = draw.dirichlet(np.ones(kinds), size=len(right))
    return SingleLabelPredictions(labels, predicted, np.log(chances))


def run_of(predictions, *, task="t", degenerate=False, metric=ACCURACY):
    return DevRun(task, metric.compute(predictions), degenerate, predictions)


@pytest.mark.parametrize("name", [*default_metrics("single_label").names, "calibration_error"])
def test_a_weighted_metric_is_that_of_the_examples_repeated(name):
    draw, metric = np.random.default_rng(1), METRICS[name]
    predictions = predict(draw.random(40) < 0.6)
    weights = draw.multinomial(40, np.full(40, 1 / 40), size=5).astype(float)
    for row, value in zip(weights, weighted_metric(predictions, weights, metric), strict=True):
        drawn = np.repeat(np.arange(40), row.astype(int))
        again = SingleLabelPredictions(
            predictions.labels[drawn],
            predictions.predicted[drawn],
            predictions.log_probabilities[drawn],
        )
        assert value == pytest.approx(metric.compute(again))


def test_the_error_over_examples_is_that_of_paired_differences():
    draw = np.random.default_rng(2)
    first, second = draw.random(400) < 0.9, draw.random(400) < 0.85
    found = tell_apart([[run_of(predict(first))], [run_of(predict(second))]], 0, ACCURACY)
    expected = np.std(first.astype(float) - second, ddof=0) / np.sqrt(400)
    assert found[1].standard_error == pytest.approx(expected, rel=4 / np.sqrt(2 * RESAMPLES))
    assert found[0].told is False


def test_seeds_that_differ_hide_a_difference_that_examples_tell():
    right = np.arange(1000) % 10

    def candidate(*shares):
        return [run_of(predict(right < share)) for share in shares]

    close = tell_apart([candidate(9, 9), candidate(8, 8)], 0, ACCURACY)
    assert close[1].told
    apart = tell_apart([candidate(10, 8), candidate(9, 7)], 0, ACCURACY)
    assert not apart[1].told
    # Pooled variance 0.02, two seeds each: 2 · 0.02 / 2.
    assert apart[1].standard_error == pytest.approx(np.sqrt(0.02), abs=0.005)


def test_a_run_that_collapsed_does_not_make_all_others_alike():
    right = np.arange(1000) % 10
    good, less, collapsed = (predict(right < share) for share in (9, 7, 1))
    unstable = [run_of(good), run_of(collapsed, degenerate=True)]
    found = tell_apart(
        [[run_of(good), run_of(good)], [run_of(less), run_of(less)], unstable], 0, ACCURACY
    )
    assert [one.told for one in found] == [False, True, True]


def test_equal_predictions_are_not_told_and_a_score_that_is_not_finite_is():
    run = run_of(predict(np.arange(30) % 2 == 0))
    lost = DevRun("t", float("nan"), True, run.predictions)
    found = tell_apart([[run], [run], [lost]], 0, ACCURACY)
    assert [one.told for one in found] == [False, False, True]
    assert found[2].standard_error is None


def test_of_several_tasks_the_mean_is_told():
    right = np.arange(500) % 10
    better = [run_of(predict(right < 9), task="t1"), run_of(predict(right < 5), task="t2")]
    worse = [run_of(predict(right < 5), task="t1"), run_of(predict(right < 9), task="t2")]
    found = tell_apart([better, worse], 0, ACCURACY)
    assert not found[1].told


def test_runs_of_different_examples_are_refused():
    short, long = predict(np.ones(10, bool)), predict(np.ones(12, bool))
    with pytest.raises(UserError, match="not of the same dev examples"):
        tell_apart([[run_of(short)], [run_of(long)]], 0, ACCURACY)


@pytest.mark.parametrize(
    ("told", "small"),
    [([True, True], False), ([False, True], True), ([False], True), ([], False)],
)
def test_dev_is_too_small_where_half_of_the_others_are_not_told(told, small):
    assert is_dev_too_small(told) is small
