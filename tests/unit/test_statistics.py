import numpy as np
import pandas as pd
import pytest
from measured import BY_ACCURACY
from scipy import stats

from tunegrid.metrics import METRICS, default_metrics
from tunegrid.results import FAILED, FINISHED, MISSING
from tunegrid.statistics.compare import INTERVALS
from tunegrid.statistics.summarise import summarise, unequal_steps
from tunegrid.statistics.undertrained import last_epoch_gains


def runs_table(values, **columns):
    """Runs of one group whose accuracies are `values`."""
    rows = [
        {
            "model": "m",
            "task": "t",
            "method": "full",
            "seed": seed,
            "loss": 1.0,
            "accuracy": value,
            "micro_f1": value,
            "macro_f1": 0.5,
            "degenerate": False,
            "steps": 7,
            "majority_accuracy": 0.4,
            "majority_micro_f1": 0.4,
            "majority_macro_f1": 0.2,
            "settings.padding_dependent": False,
            "trainable_parameters": 25,
            "total_parameters": 100,
            "state": FINISHED,
        }
        | BY_ACCURACY
        | columns
        for seed, value in enumerate(values)
    ]
    return pd.DataFrame(rows)


def summarised(runs):
    """The summary of runs of which no interval over examples is known."""
    return summarise(runs, [], pd.DataFrame(columns=INTERVALS))


def accuracy_row(runs):
    summary = summarised(runs)
    return summary[summary["metric"] == "accuracy"].iloc[0]


def test_mean_and_variance_are_those_of_the_textbook():
    """2, 4, 4, 4, 5, 5, 7, 9: mean 5, sum of squares 32, so variance 32/7 (n-1)."""
    row = accuracy_row(runs_table([2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0]))
    assert (row["n"], row["mean"]) == (8, 5.0)
    assert row["variance"] == pytest.approx(32 / 7)
    assert row["sd"] == pytest.approx((32 / 7) ** 0.5)
    assert (row["min"], row["median"], row["max"]) == (2.0, 4.5, 9.0)
    interval = stats.t.interval(0.95, 7, 5, (32 / 7 / 8) ** 0.5)
    assert (row["low"], row["high"]) == pytest.approx(interval)
    assert row["trainable_percent"] == 25.0


def test_one_run_has_a_mean_and_no_variance():
    row = accuracy_row(runs_table([0.5]))
    assert (row["n"], row["mean"]) == (1, 0.5)
    assert np.isnan(row["variance"])
    assert np.isnan(row["sd"])
    assert np.isnan(row["low"])
    assert np.isnan(row["high"])


def test_equal_values_have_no_variance():
    assert accuracy_row(runs_table([0.5, 0.5, 0.5]))["variance"] == 0


def test_a_degenerate_run_stays_in_the_mean_and_is_counted():
    runs = runs_table([0.8, 0.4])
    runs.loc[1, "degenerate"] = True
    row = accuracy_row(runs)
    assert (row["n"], row["n_runs"], row["n_degenerate"]) == (2, 2, 1)
    assert row["mean"] == pytest.approx(0.6)


def test_a_value_that_is_not_finite_is_missing_and_n_says_so():
    runs = runs_table([0.8, 0.4])
    runs.loc[1, "loss"] = None
    row = summarised(runs).set_index("metric").loc["loss"]
    assert (row["n"], row["n_runs"], row["mean"]) == (1, 2, 1.0)


def test_baselines_stand_beside_their_metrics_only():
    baseline = summarised(runs_table([0.8])).set_index("metric")["majority_baseline"]
    assert baseline[["accuracy", "micro_f1", "macro_f1"]].tolist() == [0.4, 0.4, 0.2]
    assert np.isnan(baseline["loss"])


def test_a_group_without_a_finished_run_has_the_baseline_of_its_task():
    broken = runs_table([np.nan], method="broken", state=FAILED, majority_accuracy=np.nan)
    summary = summarised(pd.concat([broken, runs_table([0.8])]))
    rows = summary[summary["metric"] == "accuracy"]
    assert rows["method"].tolist() == ["broken", "full"]
    assert rows["majority_baseline"].tolist() == [0.4, 0.4]


def test_the_crossed_interval_stands_beside_that_over_seeds():
    ends = pd.DataFrame(
        [
            ("m", "t", "full", "accuracy", 0.1, 0.5, 0.9),
            ("m", "t", "full", "macro_f1", 0.05, 0.4, 0.6),
        ],
        columns=INTERVALS,
    )
    summary = summarise(runs_table([0.6, 0.8]), [], ends).set_index("metric")
    found = summary[["crossed_low", "crossed_high"]]
    assert found.loc["accuracy"].tolist() == [0.5, 0.9]
    assert found.loc["macro_f1"].tolist() == [0.4, 0.6]
    # By these methods are not compared.
    assert found.loc[["loss", "micro_f1"]].isna().all(axis=None)


def evaluations_table(method, *epochs):
    """The accuracy of each seed after each epoch."""
    return pd.DataFrame(
        [
            {
                "model": "m",
                "task": "t",
                "method": method,
                "seed": seed,
                "epoch": epoch,
                "step": 10 * epoch,
                "accuracy": score,
            }
            for epoch, scores in enumerate(epochs, start=1)
            for seed, score in enumerate(scores, start=1)
        ]
    )


def test_a_method_that_was_still_getting_better_is_flagged():
    """By the mean over seeds: the one rises by 5 points, the other's best epoch is the second."""
    evaluations = pd.concat(
        [
            evaluations_table("full", [0.5, 0.5], [0.8, 0.8], [0.83, 0.77]),
            evaluations_table("a", [0.5, 0.5], [0.6, 0.6], [0.7, 0.6]),
        ]
    )
    runs = pd.concat([runs_table([0.8, 0.8], method=method) for method in ("full", "a")])
    summary = summarise(runs, [], pd.DataFrame(columns=INTERVALS), evaluations)
    rows = summary[summary["metric"] == "accuracy"].set_index("method")
    assert rows["last_epoch_gain"].to_dict() == pytest.approx({"full": 0.0, "a": 0.05})
    assert rows["still_rising"].to_dict() == {"full": False, "a": True}


def test_of_several_evaluations_in_an_epoch_the_last_one_counts():
    at_ends = evaluations_table("full", [0.5, 0.6], [0.8, 0.7])
    between = at_ends.assign(step=at_ends["step"] - 5, accuracy=0.9)
    mains = {"t": METRICS["accuracy"]}
    expected = last_epoch_gains(at_ends, mains)
    for evaluations in ([between, at_ends], [at_ends, between]):
        found = last_epoch_gains(pd.concat(evaluations, ignore_index=True), mains)
        pd.testing.assert_frame_equal(found, expected)


def test_of_one_epoch_nothing_is_said():
    evaluations = evaluations_table("full", [0.5, 0.6])
    summary = summarise(runs_table([0.8]), [], pd.DataFrame(columns=INTERVALS), evaluations)
    assert summary["still_rising"].isna().all()


def test_groups_and_metrics_keep_the_grid_s_order():
    runs = pd.concat(
        [runs_table([0.5], task=task, method=method) for task in "zb" for method in ("full", "a")]
    )
    summary = summarised(runs)
    groups = summary[["task", "method"]].drop_duplicates().to_numpy().tolist()
    assert groups == [["z", "full"], ["z", "a"], ["b", "full"], ["b", "a"]]
    assert summary["metric"].tolist() == [*default_metrics("single_label").names] * 4


def test_missing_and_failed_runs_are_counted_and_never_dropped():
    runs = runs_table([0.8, np.nan, np.nan])
    runs["state"] = [FINISHED, FAILED, MISSING]
    none = runs_table([np.nan] * 2, method="none", state=MISSING, trainable_parameters=np.nan)
    table = summarised(pd.concat([runs, none])).set_index(["method", "metric"])
    row = table.loc[("full", "accuracy")]
    assert row[["n", "n_runs", "n_failed", "n_missing"]].tolist() == [1, 3, 1, 1]
    row = table.loc[("none", "accuracy")]
    assert row[["n", "n_runs", "n_failed", "n_missing"]].tolist() == [0, 2, 0, 2]
    assert row[["mean", "sd", "low", "trainable_percent"]].isna().all()


def test_unequal_numbers_of_steps_are_named():
    full, adapter = runs_table([0.5, 0.6]), runs_table([0.4, 0.5], method="adapter")
    assert unequal_steps(summarised(pd.concat([full, adapter]))) == []
    adapter["steps"] = [5, 6]
    assert unequal_steps(summarised(pd.concat([full, adapter]))) == ["m on t: full 7, adapter 5–6"]
