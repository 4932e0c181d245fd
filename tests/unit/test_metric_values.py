"""Metrics against scikit-learn and scipy, and their resampling against its definition."""

import warnings
from dataclasses import replace

import numpy as np
import pytest
import sklearn.metrics
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.special import expit, log_softmax
from scipy.stats import pearsonr, spearmanr

from tunegrid.metric_registry import metric
from tunegrid.metrics import (
    METRICS,
    MultiLabelPredictions,
    RegressionPredictions,
    SingleLabelPredictions,
)
from tunegrid.statistics.outcomes import Outcomes
from tunegrid.statistics.resampling import values_of_examples, weighted_metric

SIZES = st.integers(2, 30)
#: Eighths, so that equal numbers occur and sums of them are exact.
NUMBERS = st.integers(-80, 80).map(lambda number: number / 8)
few = settings(max_examples=60, deadline=None, derandomize=True)


@st.composite
def single_labels(draw):
    n, kinds = draw(SIZES), draw(st.integers(2, 4))
    logits = draw(arrays(float, (n, kinds), elements=NUMBERS))
    labels = draw(arrays(np.int64, n, elements=st.integers(0, kinds - 1)))
    positive = draw(st.integers(0, kinds - 1))
    return SingleLabelPredictions(
        labels, logits.argmax(axis=1), log_softmax(logits, axis=1), positive
    )


@st.composite
def label_sets(draw):
    n, kinds = draw(SIZES), draw(st.integers(1, 4))
    labels = draw(arrays(bool, (n, kinds)))
    log_odds = draw(arrays(float, (n, kinds), elements=NUMBERS))
    return MultiLabelPredictions(labels, log_odds >= 0, log_odds, draw(st.integers(0, kinds - 1)))


@st.composite
def numbers(draw):
    n = draw(SIZES)
    one, other = (draw(arrays(float, n, elements=NUMBERS)) for _ in range(2))
    return RegressionPredictions(one, other)


PREDICTIONS = {
    "single_label": single_labels(),
    "multi_label": label_sets(),
    "regression": numbers(),
}


def value(name, case):
    low, high = METRICS[name].bounds
    found = METRICS[name].compute(case)
    assert low <= found <= high, name
    return found


@given(case=single_labels())
@few
def test_metrics_of_one_label_are_those_of_scikit_learn(case):
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "A single label was found")
        expected = sklearn.metrics.matthews_corrcoef(case.labels, case.predicted)
    assert value("matthews_correlation", case) == pytest.approx(expected, abs=1e-9)
    expected = sklearn.metrics.f1_score(
        case.labels == case.positive, case.predicted == case.positive, zero_division=0
    )
    assert value("f1", case) == pytest.approx(expected)
    confidence = np.exp(case.log_probabilities.max(axis=1))
    right = case.labels == case.predicted
    error = 0.0
    for low in range(15):
        inside = (confidence > low / 15) & (confidence <= (low + 1) / 15)
        if inside.any():
            error += inside.mean() * abs(right[inside].mean() - confidence[inside].mean())
    assert value("calibration_error", case) == pytest.approx(error, abs=1e-12)


@given(case=label_sets())
@few
def test_metrics_of_several_labels_are_those_of_scikit_learn(case):
    def f1(average, zero_division):
        return sklearn.metrics.f1_score(
            case.labels, case.predicted, average=average, zero_division=zero_division
        )

    if case.labels.shape[1] > 1:  # else scikit-learn takes it for one label of two
        assert value("micro_f1", case) == pytest.approx(f1("micro", 0))
        assert value("example_f1", case) == pytest.approx(f1("samples", 1))
        if case.labels.any() or case.predicted.any():
            assert value("macro_f1", case) == pytest.approx(f1("macro", np.nan))
    expected = sklearn.metrics.accuracy_score(case.labels, case.predicted)
    assert value("exact_match", case) == pytest.approx(expected)
    losses = [
        sklearn.metrics.log_loss(case.labels[:, at], expit(case.log_odds[:, at]), labels=[0, 1])
        for at in range(case.labels.shape[1])
    ]
    assert value("loss", case) == pytest.approx(np.mean(losses), rel=1e-6, abs=1e-9)
    of_label = sklearn.metrics.f1_score(
        case.labels[:, case.positive], case.predicted[:, case.positive], zero_division=0
    )
    assert value("f1", case) == pytest.approx(of_label)
    there = case.labels.any(axis=0)
    if there.any():
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            each = sklearn.metrics.average_precision_score(
                case.labels[:, there], case.log_odds[:, there], average=None
            )
        assert value("average_precision", case) == pytest.approx(np.mean(each))


@given(case=numbers())
@few
def test_metrics_of_numbers_are_those_of_scipy_and_scikit_learn(case):
    assert value("mae", case) == pytest.approx(
        sklearn.metrics.mean_absolute_error(case.labels, case.predicted)
    )
    expected = sklearn.metrics.root_mean_squared_error(case.labels, case.predicted)
    assert value("rmse", case) == pytest.approx(expected)
    assert value("loss", case) == pytest.approx(expected**2)
    varies = np.ptp(case.labels) > 0 and np.ptp(case.predicted) > 0
    for name, function in (("pearson", pearsonr), ("spearman", spearmanr)):
        expected = function(case.labels, case.predicted).statistic if varies else 0.0
        assert value(name, case) == pytest.approx(expected, abs=1e-7)


@pytest.mark.parametrize("factor", [1e-6, 1.0, 1e6])
@pytest.mark.parametrize("shift", [0.0, 1e4])
def test_a_correlation_keeps_its_digits_wherever_the_numbers_lie(factor, shift):
    draw = np.random.default_rng(0)
    true = draw.normal(size=100)
    predicted = true + draw.normal(size=100)
    case = RegressionPredictions(true * factor + shift * factor, predicted * factor - shift)
    expected = pearsonr(case.labels, case.predicted).statistic
    assert value("pearson", case) == pytest.approx(expected, rel=1e-6)


def test_lost_numbers_make_no_metric():
    lost = RegressionPredictions(np.arange(4.0), np.array([1.0, np.nan, 2.0, 3.0]))
    for name in ("loss", "pearson", "spearman", "mae", "rmse"):
        assert np.isnan(METRICS[name].compute(lost)), name
    log_odds = np.array([[1.0, np.nan], [0.0, 1.0]])
    sets = MultiLabelPredictions(np.eye(2, dtype=bool), log_odds >= 0, log_odds)
    assert np.isnan(METRICS["loss"].compute(sets))
    assert np.isnan(METRICS["average_precision"].compute(sets))


def jackknife(entry, case):
    """The values of the jackknife by its definition: the metric is computed without each."""
    n = len(case)
    whole = entry.compute(case)
    without = np.array([entry.compute(case.take(np.delete(np.arange(n), at))) for at in range(n)])
    return whole + (n - 1) * (without.mean() - without)


#: Each metric with each kind of target that it can be computed of.
EACH = [(name, target) for name, entry in METRICS.items() for target in entry.targets]


@pytest.mark.parametrize(("name", "target"), EACH)
def test_values_of_examples_are_the_jackknife_s(name, target):
    @given(case=PREDICTIONS[target])
    @settings(max_examples=25, deadline=None, derandomize=True)
    def check(case):
        entry = METRICS[name]
        if name == "average_precision" and (case.labels.sum(axis=0) < 2).any():
            return  # without its only example a label is left out
        found = values_of_examples(entry, case)
        assert found.mean() == pytest.approx(entry.compute(case), abs=1e-7)
        np.testing.assert_allclose(found, jackknife(entry, case), rtol=1e-5, atol=1e-5)

    check()


@pytest.mark.parametrize(("name", "target"), EACH)
def test_a_weighted_metric_is_that_of_the_examples_repeated(name, target):
    @given(case=PREDICTIONS[target], seed=st.integers(0, 9))
    @settings(max_examples=15, deadline=None, derandomize=True)
    def check(case, seed):
        n = len(case)
        weights = np.random.default_rng(seed).multinomial(n, np.full(n, 1 / n), size=3)
        found = weighted_metric(case, weights.astype(float), METRICS[name])
        for row, one in zip(weights, found, strict=True):
            again = METRICS[name].compute(case.take(np.repeat(np.arange(n), row)))
            assert one == pytest.approx(again, abs=1e-7, nan_ok=True)

    check()


def test_one_example_has_the_metric_itself():
    cases = {
        "single_label": SingleLabelPredictions(
            np.array([1]), np.array([1]), np.log([[0.2, 0.8]]), 1
        ),
        "multi_label": MultiLabelPredictions(
            np.array([[True, False]]), np.array([[True, True]]), np.array([[1.0, 0.5]]), 0
        ),
        "regression": RegressionPredictions(np.array([1.0]), np.array([1.5])),
    }
    for name, target in EACH:
        values = values_of_examples(METRICS[name], cases[target])
        assert values == pytest.approx([METRICS[name].compute(cases[target])]), name


def test_spearman_without_each_example_is_exact_where_ranks_are_compared_in_parts(monkeypatch):
    draw = np.random.default_rng(3)
    case = RegressionPredictions(
        draw.integers(6, size=50).astype(float), draw.integers(9, size=50).astype(float)
    )
    monkeypatch.setattr("tunegrid.correlations.MOST_NUMBERS", 150)
    found = values_of_examples(METRICS["spearman"], case)
    np.testing.assert_allclose(found, jackknife(METRICS["spearman"], case), atol=1e-9)


def test_a_metric_of_a_whole_that_names_no_shortcut_is_computed_without_each(monkeypatch):
    monkeypatch.setattr("tunegrid.metric_registry.METRICS", registry := {})

    @metric(
        title="Median error",
        needs="whole",
        targets=["regression"],
        higher_is_better=False,
        bounds=(0.0, float("inf")),
        source="none",
    )
    def median_error(case):
        return float(np.median(np.abs(case.labels - case.predicted)))

    draw = np.random.default_rng(0)
    case = RegressionPredictions(draw.normal(size=9), draw.normal(size=9))
    entry = registry["median_error"]
    np.testing.assert_allclose(values_of_examples(entry, case), jackknife(entry, case))


def test_a_metric_of_another_target_is_refused():
    case = RegressionPredictions(np.arange(3.0), np.arange(3.0))
    with pytest.raises(ValueError, match="accuracy cannot be computed of target regression"):
        METRICS["accuracy"].compute(case)


def test_outcomes_of_several_runs_give_each_run_s_values():
    draw = np.random.default_rng(1)
    labels = draw.random((20, 3)) < 0.4
    predicted = draw.random((2, 20, 3)) < 0.4
    found = Outcomes(labels, predicted, 3, target="multi_label", positive=2)
    for run in range(2):
        case = MultiLabelPredictions(labels, predicted[run], np.zeros((20, 3)), 2)
        for name in ("micro_f1", "macro_f1", "f1"):
            np.testing.assert_allclose(
                found.values(METRICS[name])[run], jackknife(METRICS[name], case), atol=1e-9
            )
        assert found.rights[run].tolist() == (labels == predicted[run]).all(axis=1).tolist()


def test_a_label_without_a_name_has_no_f1():
    case = SingleLabelPredictions(np.array([0, 1]), np.array([0, 1]), np.log(np.eye(2) + 0.1))
    with pytest.raises(ValueError, match="needs the task's `positive`"):
        METRICS["f1"].compute(case)
    assert METRICS["f1"].compute(replace(case, positive=1)) == 1.0
