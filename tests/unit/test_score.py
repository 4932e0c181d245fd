import json
import math
import shutil
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import sklearn.metrics
import tiny
from tiny import cell

from tunegrid.errors import UserError
from tunegrid.metrics import (
    METRICS,
    MultiLabelPredictions,
    RegressionPredictions,
    SingleLabelPredictions,
    default_metrics,
    metric,
)
from tunegrid.statistics.score import (
    broken_law,
    constant_baseline,
    degenerate_reason,
    part_scores,
    score_run,
)
from tunegrid.statistics.score_grid import score_grid


def predictions(log_probabilities, labels):
    """Predictions of the most probable labels."""
    log_probabilities = np.asarray(log_probabilities, dtype=float)
    return SingleLabelPredictions(
        labels=np.asarray(labels),
        predicted=log_probabilities.argmax(axis=1),
        log_probabilities=log_probabilities,
    )


def certain(predicted, labels, kinds):
    """Predictions that give their label a probability of 0.9 each."""
    values = np.full((len(predicted), kinds), math.log(0.1 / (kinds - 1)))
    values[np.arange(len(predicted)), predicted] = math.log(0.9)
    return predictions(values, labels)


def test_metrics_of_a_hand_made_case():
    """Labels 0 0 1 2, predicted 0 1 1 1: F1 of 2/3, 1/2 and 0."""
    rows = [[0.8, 0.1, 0.1], [0.2, 0.7, 0.1], [0.1, 0.6, 0.3], [0.1, 0.6, 0.3]]
    case = predictions(np.log(rows), [0, 0, 1, 2])
    names = default_metrics("single_label").names
    values = {name: METRICS[name].compute(case) for name in names}
    assert values["accuracy"] == values["micro_f1"] == 0.5
    assert values["macro_f1"] == pytest.approx((2 / 3 + 1 / 2 + 0) / 3)
    assert values["loss"] == pytest.approx(-np.log([0.8, 0.2, 0.6, 0.3]).mean())


@pytest.mark.parametrize("seed", range(5))
def test_metrics_are_those_of_scikit_learn(seed):
    draw = np.random.default_rng(seed)
    labels, predicted = draw.integers(0, 5, size=(2, 97))
    case = certain(predicted, labels, 6)
    for name, average in (("micro_f1", "micro"), ("macro_f1", "macro")):
        expected = sklearn.metrics.f1_score(labels, predicted, average=average)
        assert METRICS[name].compute(case) == pytest.approx(expected, abs=1e-12)
    expected = sklearn.metrics.accuracy_score(labels, predicted)
    assert METRICS["accuracy"].compute(case) == expected
    expected = sklearn.metrics.log_loss(labels, np.exp(case.log_probabilities), labels=range(6))
    assert METRICS["loss"].compute(case) == pytest.approx(expected)


def test_every_metric_keeps_its_bounds():
    draw = np.random.default_rng(0)
    for scale in (0.01, 1.0, 30.0):
        logits = draw.normal(size=(200, 4)) * scale
        values = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
        case = replace(predictions(values, draw.integers(0, 4, 200)), positive=1)
        assert broken_law(case) is None
        for entry in METRICS.values():
            if "single_label" not in entry.targets:
                continue
            low, high = entry.bounds
            assert low <= entry.compute(case) <= high


def test_a_name_is_registered_once():
    with pytest.raises(ValueError, match="'accuracy' is registered already"):

        @metric(
            title="Accuracy", needs="label_counts", higher_is_better=True, bounds=(0, 1), source=""
        )
        def accuracy(counts):
            return counts.hits


def test_the_report_s_majority_predictor_has_its_macro_f1():
    """71 of 139 right by one class of six: accuracy .511, macro-F1 .113."""
    labels = np.repeat(np.arange(6), [71, 26, 25, 7, 5, 5])
    train = {"a": 867, "b": 317, "c": 305, "d": 76, "e": 63, "f": 60}
    baseline = constant_baseline(certain(labels, labels, 6), train, train_mean=None)
    assert METRICS["accuracy"].compute(baseline) == pytest.approx(0.511, abs=5e-4)
    assert METRICS["macro_f1"].compute(baseline) == pytest.approx(0.113, abs=5e-4)


def test_a_loss_that_the_errors_alone_exceed_breaks_the_law():
    sure = predictions(np.log([[0.9, 0.1], [0.6, 0.4]]), [0, 1])
    assert broken_law(sure) is None
    lying = SingleLabelPredictions(
        sure.labels, np.array([1, 0]), np.log([[0.999, 0.001], [0.001, 0.999]])
    )
    assert "is below the error rate times ln 2 at accuracy 0.0" in broken_law(lying)
    wrong_sum = SingleLabelPredictions(sure.labels, sure.predicted, sure.log_probabilities - 0.1)
    assert "do not sum to 1" in broken_law(wrong_sum)


def test_what_has_not_learnt_is_called_degenerate():
    varied = certain([0, 1], [0, 1], 2)
    assert degenerate_reason(varied, diverged=False) is None
    assert "one class" in degenerate_reason(certain([0, 0], [0, 1], 2), diverged=False)
    assert "not finite" in degenerate_reason(varied, diverged=True)
    broken = SingleLabelPredictions(
        varied.labels, varied.predicted, varied.log_probabilities * math.nan
    )
    assert "not finite" in degenerate_reason(broken, diverged=False)


def test_parts_of_an_aggregated_task_are_scored_on_their_own_examples():
    """Labels a: 0 1, b: 2 3; of a's three examples one is right, one is given a label of b."""
    case = certain([0, 0, 2, 2, 3], [0, 1, 1, 2, 3], 4)
    parts = part_scores(case, {"a": [0, 1], "b": [2, 3]})
    assert parts["a"]["examples"] == 3
    assert parts["a"]["accuracy"] == pytest.approx(1 / 3)
    assert parts["a"]["macro_f1"] == pytest.approx((2 / 3 + 0) / 2)
    assert parts["a"]["outside"] == pytest.approx(1 / 3)
    assert (parts["b"]["accuracy"], parts["b"]["macro_f1"], parts["b"]["outside"]) == (1, 1, 0)
    right, wrong = -math.log(0.9), -math.log(0.1 / 3)
    assert parts["a"]["loss"] == pytest.approx((right + 2 * wrong) / 3)
    assert part_scores(case, {}) == {}


@pytest.fixture(scope="module")
def run(tiny_model, encoded, tmp_path_factory):
    """The folder of a finished run, and its cell."""
    root = tmp_path_factory.mktemp("runs")
    settings = cell(epochs=3)
    tiny.train(settings, tiny_model, encoded[0], root / settings.path)
    return root, settings


def test_a_run_is_scored_from_its_files_alone(run):
    root, settings = run
    score = score_run(root / settings.path)
    table = pd.read_parquet(root / settings.path / "predictions.parquet")
    right = (table["label"].astype(str) == table["predicted"].astype(str)).mean()
    assert score.test["accuracy"] == right
    assert [epoch["epoch"] for epoch in score.epochs] == [1, 2, 3]
    assert [epoch["step"] for epoch in score.epochs] == [3, 6, 9]
    assert {epoch["split"] for epoch in score.epochs} == {"dev"}


def test_a_grid_s_scores_leave_out_what_is_missing_or_of_other_settings(run):
    root, settings = run
    rows = [
        {"path": settings.path, "hash": settings.hash},
        {"path": settings.path, "hash": "other"},
        {"path": "tiny-bert/tiny/m/seed9", "hash": settings.hash},
    ]
    scores, evaluations = score_grid(pd.DataFrame(rows), root)
    assert scores[["model", "task", "method", "seed"]].to_numpy().tolist() == [
        ["tiny-bert", "tiny", "m", 1]
    ]
    assert len(evaluations) == 3
    assert {*default_metrics("single_label").names} <= {*evaluations} & {*scores}
    scores, evaluations = score_grid(pd.DataFrame(rows[2:]), root)
    assert scores.empty
    assert evaluations.empty


def test_predictions_that_no_run_wrote_are_refused_by_name(run, tmp_path):
    root, settings = run
    folder = shutil.copytree(root / settings.path, tmp_path / "run")
    table = pd.read_parquet(folder / "predictions.parquet")
    table["log_probabilities"] = [[0.0, 0.0]] * len(table)
    table.to_parquet(folder / "predictions.parquet")
    with pytest.raises(UserError, match=r"predictions\.parquet: the probabilities of an example"):
        score_run(folder)


def test_a_metric_that_is_added_is_scored_without_training(run, monkeypatch):
    root, settings = run
    monkeypatch.setattr("tunegrid.metrics.METRICS", METRICS)
    monkeypatch.setitem(METRICS, "recall_of_good", METRICS["accuracy"])
    before = (root / settings.path / "training.json").read_bytes()
    score = score_run(root / settings.path)
    assert score.test["recall_of_good"] == score.test["accuracy"]
    assert "recall_of_good" in score.epochs[0]
    assert "majority_recall_of_good" in score.test
    assert (root / settings.path / "training.json").read_bytes() == before
    assert json.loads(before)["steps"] == 9


def label_sets(log_odds, labels, threshold=0.0):
    log_odds = np.asarray(log_odds, dtype=float)
    return MultiLabelPredictions(np.asarray(labels, bool), log_odds >= threshold, log_odds)


def test_several_labels_are_degenerate_where_all_examples_get_the_same():
    labels = [[1, 0], [0, 1]]
    assert degenerate_reason(label_sets([[1, -1], [-1, 1]], labels), diverged=False) is None
    same = label_sets([[1, -1], [2, -3]], labels)
    assert "same labels" in degenerate_reason(same, diverged=False)
    lost = label_sets([[1, math.nan], [-1, 1]], labels)
    assert "not finite" in degenerate_reason(lost, diverged=False)


def test_numbers_are_degenerate_where_they_are_one_number():
    truth = np.array([0.0, 5.0, 2.0])
    varied = RegressionPredictions(truth, np.array([1.0, 1.1, 1.0]))
    assert degenerate_reason(varied, diverged=False) is None
    assert broken_law(varied) is None
    one = RegressionPredictions(truth, np.array([1.0, 1.0 + 1e-6, 1.0]))
    assert "one number" in degenerate_reason(one, diverged=False)
    lost = RegressionPredictions(truth, np.array([1.0, math.inf, 2.0]))
    assert "not finite" in degenerate_reason(lost, diverged=False)


@pytest.mark.parametrize("threshold", [-1.0, 0.0, 0.75])
def test_labels_that_no_threshold_parts_break_the_law(threshold):
    draw = np.random.default_rng(0)
    case = label_sets(draw.normal(size=(9, 3)), draw.random((9, 3)) < 0.5, threshold)
    assert broken_law(case) is None
    assert broken_law(replace(case, predicted=np.zeros((9, 3), bool))) is None
    turned = replace(case, predicted=~case.predicted)
    assert "less probable than one that is not" in broken_law(turned)


def test_the_constant_baselines_of_several_labels_and_of_numbers():
    sets = label_sets(np.zeros((4, 3)), [[1, 1, 0], [0, 1, 0], [0, 0, 0], [1, 0, 1]])
    baseline = constant_baseline(sets, {"a": 3, "b": 9, "c": 0}, None)
    assert baseline.predicted.tolist() == [[False, True, False]] * 4
    assert METRICS["micro_f1"].compute(baseline) == pytest.approx(2 * 2 / (4 + 5))
    numbers = RegressionPredictions(np.array([1.0, 2.0]), np.array([0.0, 0.0]))
    baseline = constant_baseline(numbers, {}, 1.25)
    assert METRICS["mae"].compute(baseline) == 0.5
    assert METRICS["spearman"].compute(baseline) == 0.0
