"""Methods are compared on tasks of several labels and of numbers by the metrics of these."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from pyarrow import parquet
from sklearn.metrics import f1_score

from tunegrid.metrics import METRICS, TaskMetrics, compared_metrics
from tunegrid.results import FINISHED, RUN_PATH
from tunegrid.statistics.compare import compare_methods
from tunegrid.statistics.error_analysis import count_errors
from tunegrid.statistics.outcomes import load_outcomes, predictions_below
from tunegrid.statistics.prediction_files import parse_predictions
from tunegrid.tuning.telling import DevRun, tell_apart

SEEDS, LABELS = (1, 2, 3), ["a", "b", "c"]
NOISE = {"full": 0.3, "adapter": 1.5}
KINDS = ["multi_label", "regression"]


def runs(*targets):
    rows = [
        {
            "model": "m", "task": target, "method": method, "seed": seed, "state": FINISHED,
            "target": target, "degenerate": False,
            "trainable_parameters": 9 if method == "full" else 1,
        }
        for target in targets for method in NOISE for seed in SEEDS
    ]  # fmt: skip
    return pd.DataFrame(rows)


def names_of(sets):
    return [[name for name, holds in zip(LABELS, row, strict=True) if holds] for row in sets]


def table(task, method, seed, n=150):
    """Predictions; the adapter's are noisier."""
    truth = np.random.default_rng(0).normal(size=(n, 3))
    noise = np.random.default_rng([len(method), seed]).normal(size=(n, 3)) * NOISE[method]
    columns = {"id": [str(at) for at in range(n)]}
    if task == "multi_label":
        columns["label"], columns["predicted"] = names_of(truth > 0), names_of(truth + noise >= 0)
        columns["log_odds"] = list(truth + noise)
    elif task == "regression":
        columns["label"], columns["predicted"] = truth[:, 0], truth[:, 0] + noise[:, 0]
    else:
        columns["label"] = np.array(LABELS)[truth.argmax(axis=1)]
        columns["predicted"] = np.array(LABELS)[(truth + noise).argmax(axis=1)]
    return pa.table(columns)


def load(model, task, method, seed):
    return table(task, method, seed)


@pytest.fixture(scope="module")
def compared():
    labels = {"multi_label": LABELS, "single_label": LABELS}
    return compare_methods(runs(*KINDS, "single_label"), load, labels)


@pytest.mark.parametrize("target", KINDS)
def test_every_compared_metric_of_the_target_has_a_row(compared, target):
    rows = compared["comparisons"].query("task == @target").set_index("metric")
    assert list(rows.index) == compared_metrics(target)
    for name, row in rows.iterrows():
        means = {
            method: np.mean(
                [
                    METRICS[name].compute(
                        parse_predictions(table(target, method, seed), LABELS, target)
                    )
                    for seed in SEEDS
                ]
            )
            for method in NOISE
        }
        assert row["mean"] == pytest.approx(means["adapter"]), name
        assert row["difference"] == pytest.approx(means["adapter"] - means["full"]), name
        assert row["verdict"] == "worse", name
        assert row["low"] < row["difference"] < row["high"], name


def test_a_standard_error_over_examples_is_that_of_the_bootstrap(compared):
    """Pearson's, of one seed: the jackknife of the closed sums against examples drawn again."""
    one = runs("regression").query("seed == 1")
    ends = compare_methods(one, load)["intervals"].set_index(["method", "metric"])
    case = parse_predictions(table("regression", "adapter", 1), [], "regression")
    draw = np.random.default_rng(0)
    again = [
        METRICS["pearson"].compute(case.take(draw.integers(len(case), size=len(case))))
        for _ in range(1000)
    ]
    expected = np.std(again, ddof=1)
    found = ends.loc[("adapter", "pearson"), "standard_error"]
    assert found == pytest.approx(expected, rel=0.15)


def test_several_labels_are_right_together_in_mcnemar_s_test_and_numbers_have_none(compared):
    mcnemar = compared["mcnemar"]
    assert set(mcnemar["task"]) == {"multi_label", "single_label"}


def test_errors_are_counted_where_an_example_has_one_label():
    errors = count_errors(runs(*KINDS, "single_label"), load)
    for name in ("confusion", "per_class", "agreement"):
        assert set(errors[name]["task"]) == {"single_label"}, name


@pytest.mark.parametrize("target", [*KINDS, "single_label"])
def test_only_what_is_compared_is_read_of_the_files(tmp_path, target):
    folder = tmp_path / RUN_PATH.format(model="m", task=target, method="full", seed=1)
    folder.mkdir(parents=True)
    parquet.write_table(table(target, "full", 1), folder / "predictions.parquet")
    read = predictions_below(tmp_path, ["id", "label", "predicted", "log_probabilities"])
    found = read("m", target, "full", 1)
    assert found.column_names == ["id", "label", "predicted"]
    assert found["label"].to_pylist() == table(target, "full", 1)["label"].to_pylist()


def test_a_positive_label_that_no_example_has_scores_nothing():
    asked = TaskMetrics(("accuracy", "f1"), main="accuracy", positive="never")
    one = runs("single_label").query("seed == 1")
    _, names, outcomes = load_outcomes(load, one, LABELS, task_metrics=asked)
    assert list(names) == [*LABELS, "never"]
    assert (outcomes.values(METRICS["f1"]) == 0).all()
    asked = TaskMetrics(("f1",), main="f1", positive="b")
    found = load_outcomes(load, one, LABELS, task_metrics=asked)[2].values(METRICS["f1"])
    for values, method in zip(found, NOISE, strict=True):
        made = table("single_label", method, 1)
        truth, given = (np.array(made[name]) == "b" for name in ("label", "predicted"))
        assert values.mean() == pytest.approx(f1_score(truth, given)), method


@pytest.mark.parametrize(
    ("target", "metric"), [("regression", "spearman"), ("multi_label", "example_f1")]
)
def test_candidates_are_told_apart_on_dev_whatever_the_task_asks_for(target, metric):
    entry = METRICS[metric]

    def candidate(method):
        cases = [parse_predictions(table(target, method, seed), LABELS, target) for seed in SEEDS]
        return [
            DevRun("t", entry.compute(case), degenerate=False, predictions=case) for case in cases
        ]

    best, alike, worse = tell_apart(
        [candidate(name) for name in ("full", "full", "adapter")], 0, entry
    )
    assert (best.told, alike.told, worse.told) == (False, False, True)
    assert 0 < worse.standard_error < 0.1
