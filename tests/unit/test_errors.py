"""Confusions, classes, agreement: hand-made data with known answers, and against scikit-learn."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from measured import BY_ACCURACY
from sklearn.metrics import confusion_matrix, precision_recall_fscore_support

from tunegrid.errors import UserError
from tunegrid.results import FAILED, FINISHED
from tunegrid.statistics.error_analysis import agreement, class_scores, confusion, count_errors
from tunegrid.statistics.outcomes import Outcomes


def outcomes(labels, *predicted, kinds=3):
    return Outcomes(np.array(labels), np.array(predicted), kinds)


def test_confusion_and_class_scores_are_scikit_learn_s():
    draw = np.random.default_rng(0)
    labels, predicted = draw.integers(4, size=200), draw.integers(4, size=(3, 200))
    counts = confusion(Outcomes(labels, predicted, 4))
    scores = class_scores(counts)
    for run, own in enumerate(predicted):
        assert np.array_equal(counts[run], confusion_matrix(labels, own))
        expected = precision_recall_fscore_support(labels, own)
        for key, values in zip(("precision", "recall", "f1"), expected, strict=False):
            assert scores[key][run] == pytest.approx(values)


def test_a_label_that_is_never_predicted_scores_0():
    scores = class_scores(confusion(outcomes([0, 1, 2], [0, 0, 0])))
    assert scores["precision"][0].tolist() == [1 / 3, 0, 0]
    assert scores["f1"][0].tolist() == [0.5, 0, 0]


def test_agreement_of_seeds_is_the_hand_s():
    """Three seeds; examples: all agree and right; two of three; all agree and wrong."""
    found = agreement(outcomes([0, 1, 2], [0, 1, 0], [0, 1, 0], [0, 2, 0]))
    assert (found["always_right"], found["never_right"]) == (1, 1)
    assert found["agreement"] == pytest.approx((1 + 1 / 3 + 1) / 3)
    # Of 9 votes 6 are for label 0, 2 for 1, 1 for 2: (7/9 − 41/81) / (1 − 41/81)
    assert found["kappa"] == pytest.approx((7 / 9 - 41 / 81) / (1 - 41 / 81))


def test_the_kappa_is_that_of_fleiss_own_example():
    """Fleiss 1971's worked example as of https://en.wikipedia.org/wiki/Fleiss'_kappa: .210."""
    votes = [
        [0, 0, 0, 0, 14], [0, 2, 6, 4, 2], [0, 0, 3, 5, 6], [0, 3, 9, 2, 0], [2, 2, 8, 1, 1],
        [7, 7, 0, 0, 0], [3, 2, 6, 3, 0], [2, 5, 3, 2, 2], [6, 5, 2, 1, 0], [0, 2, 2, 3, 7],
    ]  # fmt: skip
    predicted = np.array([np.repeat(np.arange(5), row) for row in votes]).T
    found = agreement(Outcomes(np.zeros(10, dtype=int), predicted, 5))
    assert found["kappa"] == pytest.approx(0.210, abs=5e-4)


def test_one_seed_and_one_label_have_no_kappa():
    assert "kappa" not in agreement(outcomes([0, 1], [0, 1]))
    same = agreement(outcomes([0, 1], [0, 0], [0, 0]))
    assert (same["agreement"], same["kappa"]) == (1.0, None)


PREDICTED = {
    ("full", 1): "aab",
    ("full", 2): "aaa",
    ("adapter", 1): "bab",
    ("adapter", 2): "aac",
}


def load(model, task, method, seed, ids="xyz"):
    predicted = list(PREDICTED[method, seed])
    return pa.table({"id": list(ids), "label": ["a", "b", "c"], "predicted": predicted})


def make_runs(state=FINISHED):
    rows = [("m", "t", method, seed, FINISHED, method == "full") for method, seed in PREDICTED]
    rows.insert(2, ("m", "t", "broken", 1, state, False))
    columns = ["model", "task", "method", "seed", "state", "degenerate"]
    return pd.DataFrame(rows, columns=columns).assign(**BY_ACCURACY)


def test_errors_are_counted_by_group_and_the_examples_that_all_get_wrong_are_named():
    found = count_errors(make_runs(FAILED), load)
    full = found["confusion"].set_index(["method", "label", "predicted_label"]).loc["full"]
    assert full.loc[("c", "b"), ["count", "share"]].tolist() == [1, 0.5]
    assert full.loc[("a", "a"), "share"] == 1
    classes = found["per_class"].set_index(["method", "label"])
    row = classes.loc[("adapter", "c")]
    assert (row["support"], row["n"], row["predicted"]) == (1, 2, 0.5)
    assert (row["recall"], row["recall_sd"]) == (0.5, pytest.approx(0.5**0.5))
    agreement = found["agreement"].set_index("method")
    assert agreement.index.tolist() == ["full", "broken", "adapter"]
    counts = ["n", "n_runs", "n_degenerate", "n_failed", "n_missing"]
    assert agreement.loc["broken", counts].tolist() == [0, 1, 0, 1, 0]
    assert agreement.loc["full", counts].tolist() == [2, 2, 2, 0, 0]
    assert agreement.loc["broken", ["examples", "agreement"]].isna().all()
    (broken,) = classes.loc["broken"].itertuples()
    assert (broken.n, broken.n_failed) == (0, 1)
    assert pd.isna(broken.Index)
    (hard,) = found["hard"].to_dict("records")
    assert hard == {
        "task": "t",
        "id": "y",
        "label": "b",
        "runs": 4,
        "most_predicted": "a",
        "times": 4,
    }


def test_runs_on_other_examples_are_refused():
    def shifted(model, task, method, seed):
        return load(model, task, method, seed, "xyz" if method == "full" else "yxz")

    with pytest.raises(UserError, match="m full seed 1 and m adapter seed 1 were not measured"):
        count_errors(make_runs(FAILED), shifted)
