import math

import numpy as np
import pytest

from tunegrid.training.metrics import (
    check_laws,
    classification_metrics,
    degenerate_reason,
    majority_baseline,
    part_metrics,
)


def test_metrics_of_a_hand_made_case():
    """Labels 0 0 1 2, predicted 0 1 1 1: F1 of 2/3, 1/2 and 0."""
    logits = np.log(np.array([[0.8, 0.1, 0.1], [0.2, 0.7, 0.1], [0.1, 0.6, 0.3], [0.1, 0.6, 0.3]]))
    metrics = classification_metrics(logits, np.array([0, 0, 1, 2]))
    assert metrics["accuracy"] == metrics["micro_f1"] == 0.5
    assert metrics["macro_f1"] == pytest.approx((2 / 3 + 1 / 2 + 0) / 3)
    assert metrics["loss"] == pytest.approx(-np.log([0.8, 0.2, 0.6, 0.3]).mean())


def test_the_report_s_majority_predictor_has_its_macro_f1():
    """71 of 139 right by one class of six: accuracy .511, macro-F1 .113."""
    labels = np.repeat(np.arange(6), [71, 26, 25, 7, 5, 5])
    scores = majority_baseline({"a": 867, "b": 317, "c": 305, "d": 76, "e": 63, "f": 60}, labels)
    assert scores["majority_accuracy"] == pytest.approx(0.511, abs=5e-4)
    assert scores["majority_macro_f1"] == pytest.approx(0.113, abs=5e-4)


def test_the_report_s_impossible_loss_breaks_the_law():
    """Loss .145 at accuracy .816 (adapter-64 on restaurants) is possible; .120 is not."""
    check_laws({"accuracy": 0.816, "micro_f1": 0.816, "loss": 0.145})
    with pytest.raises(AssertionError, match=r"below error rate times ln 2"):
        check_laws({"accuracy": 0.816, "micro_f1": 0.816, "loss": 0.120})
    with pytest.raises(AssertionError, match="differs from micro-F1"):
        check_laws({"accuracy": 0.8, "micro_f1": 0.81, "loss": 1.0})


def test_the_law_holds_for_random_logits():
    generator = np.random.default_rng(0)
    for scale in (0.01, 1.0, 30.0):
        logits = generator.normal(size=(200, 4)) * scale
        classification_metrics(logits, generator.integers(0, 4, 200))


def test_what_has_not_learnt_is_called_degenerate():
    varied = np.array([[1.0, 0.0], [0.0, 1.0]])
    assert degenerate_reason(varied, 0.5) is None
    assert "one class" in degenerate_reason(np.array([[1.0, 0.0], [2.0, 1.0]]), 0.5)
    assert "not finite" in degenerate_reason(varied, math.nan)
    assert "not finite" in degenerate_reason(varied * math.nan, 0.5)


def test_parts_of_an_aggregated_task_are_scored_on_their_own_examples():
    """Labels a: 0 1, b: 2 3; of a's three examples one is right, one is given a label of b."""
    predicted = np.array([0, 0, 2, 2, 3])
    labels = np.array([0, 1, 1, 2, 3])
    parts = part_metrics(np.eye(4)[predicted], labels, {"a": [0, 1], "b": [2, 3]})
    assert parts["a"]["examples"] == 3
    assert parts["a"]["accuracy"] == pytest.approx(1 / 3)
    assert parts["a"]["macro_f1"] == pytest.approx((2 / 3 + 0) / 2)
    assert parts["a"]["outside"] == pytest.approx(1 / 3)
    assert (parts["b"]["accuracy"], parts["b"]["macro_f1"], parts["b"]["outside"]) == (1, 1, 0)
    right, wrong = (-np.log(np.exp(x) / (np.e + 3)) for x in (1, 0))
    assert parts["a"]["loss"] == pytest.approx((right + 2 * wrong) / 3)
    assert part_metrics(np.eye(4)[predicted], labels, {}) == {}
