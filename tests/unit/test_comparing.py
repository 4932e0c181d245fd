"""Comparisons of methods, on hand-made data with known answers and against other calculations."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from measured import BY_ACCURACY
from scipy import stats
from sklearn.metrics import f1_score

from tunegrid.config.compare_settings import CompareSettings
from tunegrid.errors import UserError
from tunegrid.metrics import METRICS
from tunegrid.results import FAILED, FINISHED
from tunegrid.statistics.compare import compare_methods
from tunegrid.statistics.outcomes import Outcomes

SEEDS = (1, 2, 3, 4, 5)
#: The metrics of these runs by which methods are compared.
COMPARED = ["accuracy", "macro_f1"]


def outcomes(accuracies, n=200, kinds=3, seed=0):
    """Seeds that are right on so large a share of the examples."""
    draw = np.random.default_rng(seed)
    labels = draw.integers(kinds, size=n)
    wrong = (labels + draw.integers(1, kinds, size=n)) % kinds
    predicted = [np.where(draw.random(n) < share, labels, wrong) for share in accuracies]
    return Outcomes(labels, np.array(predicted), kinds)


def test_the_values_of_accuracy_are_whether_examples_are_right():
    found = outcomes([0.7, 0.4], n=60)
    assert np.array_equal(found.values(METRICS["accuracy"]), found.predicted == found.labels)


def test_the_values_of_a_metric_of_counts_are_the_jackknife_s():
    found = outcomes([0.7, 0.4], n=30)
    values = found.values(METRICS["macro_f1"])
    for row, predicted in zip(values, found.predicted, strict=True):
        without = [
            f1_score(np.delete(found.labels, at), np.delete(predicted, at), average="macro")
            for at in range(30)
        ]
        score = f1_score(found.labels, predicted, average="macro")
        assert row.mean() == pytest.approx(score)
        assert row == pytest.approx(score + 29 * (np.mean(without) - np.array(without)))


def test_the_jackknife_s_variance_is_that_of_macro_f1_on_other_examples():
    draw = np.random.default_rng(0)
    scores, variances = [], []
    for _ in range(400):
        labels = draw.choice(4, p=[0.5, 0.25, 0.15, 0.1], size=200)
        wrong = draw.integers(4, size=200)
        predicted = np.where(draw.random(200) < 0.7, labels, wrong)
        values = Outcomes(labels, predicted[None], 4).values(METRICS["macro_f1"])[0]
        scores.append(values.mean())
        variances.append(values.var(ddof=1) / 200)
    assert np.mean(variances) == pytest.approx(np.var(scores), rel=0.15)


def make_runs(methods, seeds=SEEDS, tasks=("t",), models=("m",)):
    return pd.DataFrame(
        [
            {
                "model": model,
                "task": task,
                "method": method,
                "seed": seed,
                "trainable_parameters": parameters,
                "state": FINISHED,
                "degenerate": False,
                **BY_ACCURACY,
            }
            for model in models
            for task in tasks
            for method, parameters in methods.items()
            for seed in seeds
        ]
    )


def loader(found):
    """Predictions by method: outcomes whose rows are the seeds 1, 2 …"""

    def load(model, task, method, seed):
        mine = found[method]
        return pa.table(
            {
                "id": [str(at) for at in range(len(mine.labels))],
                "label": [f"L{label}" for label in mine.labels],
                "predicted": [f"L{label}" for label in mine.predicted[seed - 1]],
            }
        )

    return load


def compare(found, runs, **settings):
    return compare_methods(runs, loader(found), settings=CompareSettings(**settings))


def rows_of(tables, metric="accuracy"):
    """The comparisons of one metric, by method."""
    table = tables["comparisons"]
    return table[table["metric"] == metric].set_index("method")


def test_each_method_is_compared_with_the_one_that_trains_most():
    found = {
        "full": outcomes([0.9] * 5),
        "adapter": outcomes([0.6] * 5),
        "same": outcomes([0.9] * 5),
    }
    tables = compare(found, make_runs({"adapter": 10, "full": 1000, "same": 20}))
    rows = rows_of(tables)
    assert rows["reference"].unique().tolist() == ["full"]
    assert list(rows.index) == ["adapter", "same"]
    row = rows.loc["adapter"]
    means = [(o.predicted == o.labels).mean() for o in (found["adapter"], found["full"])]
    assert row["difference"] == pytest.approx(means[0] - means[1])
    assert row["low"] < row["difference"] < row["high"] < 0
    # A method that predicts the same is no question, so the other one is a family of its own.
    assert (row["verdict"], row["family"], row["p_holm"]) == ("worse", 1, row["p"])
    assert (row["verdict_low"], row["verdict_high"]) == (row["low"], row["high"])
    same = rows.loc["same"]
    assert (same["verdict"], same["difference"], same["p"]) == ("identical", 0, 1)
    assert pd.isna(same["p_holm"])
    assert len(tables["mcnemar"]) == 10


def test_the_reference_can_be_named():
    found = {"full": outcomes([0.9] * 5), "a": outcomes([0.6] * 5), "b": outcomes([0.7] * 5)}
    rows = rows_of(compare(found, make_runs({"full": 9, "a": 1, "b": 2}), reference="b"))
    assert rows["reference"].to_dict() == {"full": "b", "a": "b"}
    assert rows["verdict"].to_dict() == {"full": "better", "a": "worse"}


def test_all_pairs_are_compared_on_request_as_a_question_of_their_own():
    found = {name: outcomes([share] * 5) for name, share in (("full", 0.9), ("a", 0.6), ("b", 0.7))}
    table = compare(found, make_runs({"full": 9, "a": 1, "b": 2}), pairs="all")["comparisons"]
    table = table[table["metric"] == "accuracy"]
    pairs = table[["question", "method", "reference", "family"]].to_numpy().tolist()
    assert pairs == [
        ["against the reference", "a", "full", 2],
        ["against the reference", "b", "full", 2],
        ["among the methods", "b", "a", 1],
    ]


def test_models_are_compared_by_each_method_whatever_their_seeds():
    found = {"full": outcomes([0.9] * 5), "a": outcomes([0.6] * 5)}
    runs = make_runs({"full": 9, "a": 1}, models=("m", "n", "o"))
    table = compare(found, runs)["comparisons"]
    table = table[(table["metric"] == "accuracy") & (table["question"] == "among the models")]
    assert table[["model", "reference_model", "method", "reference"]].to_numpy().tolist() == [
        ["n", "m", "full", "full"],
        ["o", "m", "full", "full"],
        ["n", "m", "a", "a"],
        ["o", "m", "a", "a"],
    ]
    assert set(table["verdict"]) == {"identical"}
    everything = compare(found, runs, pairs="all")["comparisons"]
    among = everything[everything["question"] == "among the models"]
    assert ("o", "n") in set(zip(among["model"], among["reference_model"], strict=True))


def test_a_second_model_does_not_hide_a_loss():
    """Each model's comparisons are a family: another model's change none of their verdicts."""
    draw = np.random.default_rng(0)
    found = {
        "full": outcomes(draw.normal(0.8, 0.02, 5)),
        "a": outcomes(draw.normal(0.7, 0.02, 5), seed=0),
    }
    alone = rows_of(compare(found, make_runs({"full": 9, "a": 1})))
    both = compare(found, make_runs({"full": 9, "a": 1}, models=("m", "n")))["comparisons"]
    both = both[(both["question"] == "against the reference") & (both["metric"] == "accuracy")]
    assert both["family"].tolist() == [1, 1]
    assert alone["family"].tolist() == [1]


def test_variances_between_seeds_are_moderated_over_the_grid_unless_switched_off():
    shares = {"full": (0.8, 0.84), "a": (0.6, 0.7), "b": (0.7, 0.69), "c": (0.65, 0.85)}
    found = {name: outcomes(both, n=500) for name, both in shares.items()}
    runs = make_runs({"full": 9, "a": 1, "b": 2, "c": 3}, seeds=(1, 2))
    own = rows_of(compare(found, runs, moderate=False))
    moderated = rows_of(compare(found, runs))
    # One degree of freedom each; together three.
    assert (own["df"] < moderated["df"]).all()
    assert moderated["standard_error"].std() < own["standard_error"].std()


def test_seeds_that_all_differ_alike_have_no_effect_size():
    """Always 7 of 139 examples: no seed varies, however the fractions are rounded."""
    labels = np.zeros(139, dtype=int)

    def wrong(*counts):
        rows = [np.arange(139) < count for count in counts]
        return Outcomes(labels, np.array(rows).astype(int), 2)

    found = {"full": wrong(10, 17, 30), "a": wrong(17, 24, 37)}
    row = rows_of(compare(found, make_runs({"full": 9, "a": 1}, seeds=[1, 2, 3]))).loc["a"]
    assert row["difference"] == pytest.approx(-7 / 139)
    assert pd.isna(row["effect_size"])


def test_mcnemar_counts_what_only_one_has_right():
    """Of the discordant 10 and 2 the exact binomial test has p = .0386."""
    labels = np.zeros(30, dtype=int)
    one, two = np.zeros(30, dtype=int), np.zeros(30, dtype=int)
    two[:10], one[10:12] = 1, 1
    found = {"full": Outcomes(labels, two[None], 2), "a": Outcomes(labels, one[None], 2)}
    compared = compare_methods(make_runs({"full": 9, "a": 1}, seeds=[1]), loader(found))
    (row,) = compared["mcnemar"].to_dict("records")
    assert (row["only_method_right"], row["only_reference_right"]) == (10, 2)
    assert (
        row["p"] == pytest.approx(stats.binomtest(2, 12).pvalue) == pytest.approx(0.0386, abs=1e-4)
    )


def test_one_seed_speaks_of_two_runs_and_never_of_methods():
    """Of 400 examples the one gets 40 right that the other does not: surely other runs."""
    labels = np.zeros(400, dtype=int)
    wrong = [(np.arange(400) < count).astype(int)[None] for count in (40, 80)]
    found = {"full": Outcomes(labels, wrong[0], 2), "a": Outcomes(labels, wrong[1], 2)}
    row = rows_of(compare(found, make_runs({"full": 9, "a": 1}, seeds=[1]))).loc["a"]
    assert row["verdict"] == "one seed"
    apart = (wrong[0] - wrong[1])[0].astype(float)
    low, high = stats.t.interval(0.95, 399, apart.mean(), stats.sem(apart))
    assert (row["low"], row["high"]) == pytest.approx((low, high))
    missing = ["p_holm", "verdict_low", "detectable", "seeds_needed", "examples_needed"]
    assert row[missing].isna().all()


def test_seeds_that_only_one_has_are_left_out_where_enough_are_shared():
    found = {"full": outcomes([0.9] * 5), "a": outcomes([0.6] * 5)}
    runs = make_runs({"full": 9, "a": 1})
    row = rows_of(compare(found, runs[(runs["method"] == "full") | (runs["seed"] < 3)])).loc["a"]
    assert row[["seeds", "reference_seeds", "seeds_planned", "paired"]].tolist() == [2, 2, 2, True]


def test_disjoint_seeds_are_compared_unpaired():
    found = {"full": outcomes([0.9] * 5), "a": outcomes([0.6] * 5)}
    runs = make_runs({"full": 9, "a": 1})
    disjoint = runs[(runs["method"] == "full") == (runs["seed"] < 3)]
    tables = compare(found, disjoint)
    row = rows_of(tables).loc["a"]
    assert row[["seeds", "reference_seeds", "paired"]].tolist() == [3, 2, False]
    assert row["verdict"] == "worse"
    assert pd.isna(row["effect_size"])
    assert tables["mcnemar"].empty


def test_a_grid_of_one_method_has_nothing_to_compare_but_its_own_intervals():
    tables = compare({"full": outcomes([0.9] * 5)}, make_runs({"full": 9}))
    assert tables["comparisons"].empty
    assert tables["overall"].empty
    assert tables["intervals"]["metric"].tolist() == COMPARED


def test_a_method_whose_runs_failed_is_shown_and_not_dropped():
    found = {"full": outcomes([0.9] * 5), "a": outcomes([0.6] * 5)}
    runs = make_runs({"full": 9, "a": 1, "broken": 5})
    runs.loc[runs["method"] == "broken", ["state", "trainable_parameters"]] = FAILED, np.nan
    runs.loc[(runs["method"] == "a") & (runs["seed"] > 3), "state"] = FAILED
    # Of seeds that are compared (2) and that are not (5).
    runs.loc[(runs["method"] == "full") & runs["seed"].isin([2, 5]), "degenerate"] = True
    tables = compare(found, runs)
    rows = rows_of(tables)
    assert rows["reference"].tolist() == ["full", "full"]
    assert rows[["seeds", "seeds_planned"]].to_numpy().tolist() == [[3, 5], [0, 5]]
    assert rows.loc["a", ["degenerate", "reference_degenerate"]].tolist() == [0, 1]
    assert rows.loc["broken", "verdict"] == "not compared"
    assert rows.loc["broken", ["difference", "p", "p_holm"]].isna().all()
    assert rows.loc["a", "p_holm"] == rows.loc["a", "p"]  # a family of one
    assert tables["mcnemar"]["method"].unique().tolist() == ["a"]


def test_where_the_largest_method_failed_the_next_is_the_reference():
    found = {"b": outcomes([0.9] * 5), "a": outcomes([0.6] * 5)}
    runs = make_runs({"full": 9, "b": 5, "a": 1})
    runs.loc[runs["method"] == "full", ["state", "trainable_parameters"]] = FAILED, np.nan
    rows = rows_of(compare(found, runs))
    assert rows["reference"].to_dict() == {"full": "b", "a": "b"}
    assert rows["seeds"].to_dict() == {"full": 0, "a": 5}


def test_a_named_reference_that_failed_is_not_replaced():
    found = {"b": outcomes([0.9] * 5), "a": outcomes([0.6] * 5)}
    runs = make_runs({"full": 9, "b": 5, "a": 1})
    runs.loc[runs["method"] == "full", ["state", "trainable_parameters"]] = FAILED, np.nan
    rows = rows_of(compare(found, runs, reference="full"))
    assert rows["verdict"].to_dict() == {"b": "not compared", "a": "not compared"}


def test_where_nothing_is_finished_every_method_is_said_not_to_be_compared():
    runs = make_runs({"full": 9, "a": 1}).assign(state=FAILED, trainable_parameters=np.nan)
    alone = make_runs({"full": 9}, tasks=("u",)).assign(state=FAILED)
    tables = compare({}, pd.concat([runs, alone]))
    table = tables["comparisons"]
    assert table["task"].unique().tolist() == ["t"]
    assert table[["method", "metric"]].to_numpy().tolist() == [
        [method, metric] for method in ("full", "a") for metric in COMPARED
    ]
    assert table["reference"].isna().all()
    assert set(table["verdict"]) == {"not compared"}
    assert table[["seeds", "seeds_planned"]].to_numpy().tolist() == [[0, 5]] * 4
    assert tables["intervals"].empty


def test_one_run_s_own_interval_is_that_of_a_share():
    """Of 400 examples 300 are right: .75 ± t · sqrt(.75 · .25 / 399)."""
    labels = np.zeros(400, dtype=int)
    found = {"full": Outcomes(labels, (np.arange(400) >= 300).astype(int)[None], 2)}
    table = compare(found, make_runs({"full": 9}, seeds=[1]))["intervals"]
    row = table.set_index("metric").loc["accuracy"]
    half = stats.t.ppf(0.975, 399) * (0.75 * 0.25 / 399) ** 0.5
    assert row["crossed_low"] == pytest.approx(0.75 - half)
    assert row["crossed_high"] == pytest.approx(0.75 + half)


def test_a_method_s_own_interval_counts_the_examples_and_ends_with_the_range():
    found = {"full": outcomes([0.7, 0.8, 0.75, 0.7, 0.8], n=50), "a": outcomes([1.0, 0.9], n=20)}
    runs = make_runs({"full": 9})
    row = compare(found, runs)["intervals"].set_index("metric").loc["accuracy"]
    accuracies = (found["full"].predicted == found["full"].labels).mean(axis=1)
    assert row["standard_error"] > stats.sem(accuracies)
    assert row["crossed_low"] < accuracies.mean() < row["crossed_high"]
    short = compare(found, make_runs({"a": 1}, seeds=[1, 2]))["intervals"]
    assert short["crossed_high"].tolist() == [1.0, 1.0]


def test_runs_on_other_examples_are_refused():
    found = {"full": outcomes([0.9] * 5), "a": outcomes([0.6] * 5, seed=1)}
    with pytest.raises(UserError, match="m full seed 1 and m a seed 1 were not measured"):
        compare(found, make_runs({"full": 9, "a": 1}))


def test_processes_that_share_the_work_change_nothing():
    found = {"full": outcomes([0.8, 0.7, 0.8], seed=1), "a": outcomes([0.7, 0.6, 0.6], seed=1)}
    runs = make_runs({"full": 9, "a": 1}, seeds=[1, 2, 3], tasks=("t", "u"))
    alone = compare_methods(runs, loader(found))
    shared = compare_methods(runs, loader(found), processes=2)
    for name, table in alone.items():
        pd.testing.assert_frame_equal(table, shared[name])
