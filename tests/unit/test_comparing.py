"""Comparisons of methods, on hand-made data with known answers and against other calculations."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from scipy import stats
from sklearn.metrics import f1_score
from statsmodels.stats.power import TTestPower

from tunegrid.errors import UserError
from tunegrid.metrics import compared_metrics
from tunegrid.results import FAILED, FINISHED
from tunegrid.statistics import outcomes as outcomes_module
from tunegrid.statistics.bootstrap import crossed_bootstrap, resampled_scores
from tunegrid.statistics.compare import compare_methods
from tunegrid.statistics.dominance import (
    almost_stochastic_order,
    false_positive_rate,
    violation_ratio,
)
from tunegrid.statistics.outcomes import Outcomes
from tunegrid.statistics.paired_tests import p_value, seeds_needed

SEEDS = (1, 2, 3, 4, 5)


def outcomes(accuracies, n=200, kinds=3, seed=0):
    """Seeds that are right on so large a share of the examples."""
    draw = np.random.default_rng(seed)
    labels = draw.integers(kinds, size=n)
    wrong = (labels + draw.integers(1, kinds, size=n)) % kinds
    predicted = [np.where(draw.random(n) < share, labels, wrong) for share in accuracies]
    return Outcomes(labels, np.array(predicted), kinds)


def differences(one, two, metric="accuracy", resamples=2000):
    """One bootstrap of two methods' difference."""
    drawn = (resampled_scores(found, resamples)[metric] for found in (one, two))
    return crossed_bootstrap(np.subtract(*drawn))


@pytest.mark.parametrize("room", [outcomes_module.COUNTS_AT_ONCE, 60])
def test_scores_are_scikit_learn_s_under_every_weighting(monkeypatch, room):
    monkeypatch.setattr(outcomes_module, "COUNTS_AT_ONCE", room)
    monkeypatch.setattr(outcomes_module, "CACHED_COUNTS", room)
    found = outcomes([0.7, 0.4], n=60)
    weights = np.random.default_rng(1).integers(0, 4, size=(40, 60)).astype(np.float32)
    scores = found.scores(weights)
    assert list(scores) == compared_metrics()
    accuracy, macro = scores["accuracy"], scores["macro_f1"]
    for at, weight in enumerate(weights):
        for seed, predicted in enumerate(found.predicted):
            right = predicted == found.labels
            assert accuracy[at, seed] == pytest.approx(np.average(right, weights=weight))
            drawn = np.repeat(np.arange(60), weight.astype(int))
            expected = f1_score(found.labels[drawn], predicted[drawn], average="macro")
            assert macro[at, seed] == pytest.approx(expected)


def test_one_seed_gives_the_paired_bootstrap_of_examples():
    """Its spread is the standard error of the mean difference over examples."""
    one, two = outcomes([0.8], n=400, seed=1), outcomes([0.6], n=400, seed=1)
    drawn = differences(one, two, resamples=10_000)
    right = [(found.predicted[0] == found.labels).astype(float) for found in (one, two)]
    apart = right[0] - right[1]
    assert drawn.mean() == pytest.approx(apart.mean(), abs=1e-3)
    assert drawn.std() == pytest.approx(apart.std() / 20, rel=0.03)


def test_seeds_alone_give_the_t_interval():
    """All examples of a seed are right or wrong alike, so they add no spread of their own."""
    n, shares = 40, np.array([0.2, 0.35, 0.3, 0.5, 0.4])
    labels = np.zeros(n, dtype=int)

    def alike(values):
        # Groups of examples cannot show a share without spread; many copies of each come near.
        many = 40
        rows = [np.repeat(np.arange(n) >= value * n, many).astype(int) for value in values]
        return Outcomes(np.repeat(labels, many), np.array(rows), 2)

    drawn = differences(alike(shares), alike(np.zeros(5)), resamples=10_000)
    low, high = np.quantile(drawn, [0.025, 0.975])
    expected = stats.t.interval(0.95, 4, shares.mean(), stats.sem(shares))
    assert low == pytest.approx(expected[0], abs=0.02)
    assert high == pytest.approx(expected[1], abs=0.02)


@pytest.mark.parametrize("seeds", [2, 3, 5])
def test_where_examples_add_nothing_the_interval_is_as_wide_as_student_s(seeds):
    shares = np.array([0.2, 0.35, 0.3, 0.5, 0.4])[:seeds]
    drawn = crossed_bootstrap(np.tile(shares, (10_000, 1)))
    low, high = np.quantile(drawn, [0.025, 0.975])
    expected = stats.t.interval(0.95, seeds - 1, shares.mean(), stats.sem(shares))
    assert high - low == pytest.approx(expected[1] - expected[0])


@pytest.mark.parametrize("seeds", [2, 3, 5, 10])
def test_where_examples_add_nothing_p_is_that_of_the_paired_t_test(seeds):
    differences = np.random.default_rng(seeds).normal(0.5, 0.2, seeds)
    found = p_value(differences, np.tile(differences, (100, 1)))
    assert found == pytest.approx(stats.ttest_1samp(differences, 0).pvalue)


def test_with_one_seed_p_is_that_of_the_normal_over_examples():
    resampled = np.random.default_rng(0).normal(0.5, 0.2, size=(10_000, 1))
    expected = 2 * stats.norm.sf(0.5 / resampled.std())
    assert p_value(np.array([0.5]), resampled) == pytest.approx(expected)
    assert p_value(np.array([0.0]), resampled) == 1


@pytest.mark.parametrize("seeds", [2, 5])
@pytest.mark.parametrize("noise", [0.0, 0.5])
def test_p_holds_its_level_where_holm_s_correction_looks(seeds, noise):
    """No true difference; the noise of examples is so many times that of the mean over seeds."""
    draw, levels = np.random.default_rng(1), np.array([0.05, 0.05 / 12])
    below, times = np.zeros(2), 1500
    for _ in range(times):
        own = draw.normal(size=seeds) + noise / seeds**0.5 * draw.normal()
        examples = noise / seeds**0.5 * draw.normal(size=(200, 1))
        below += p_value(own, own + examples) < levels
    # Three standard errors of so many drawings.
    assert (below / times <= levels + 3 * np.sqrt(levels / times)).all()


def test_the_interval_covers_what_is_true():
    """Two methods of one true accuracy, 5 seeds, 60 examples: 95 % of the intervals hold 0."""
    covered, times = 0, 150
    for at in range(times):
        draw = np.random.default_rng(at)
        labels = np.zeros(60, dtype=int)
        ease = draw.normal(size=60)
        both = [
            (ease + draw.normal(size=(5, 60)) + 0.5 * draw.normal(size=(5, 1)) < 0).astype(int)
            for _ in range(2)
        ]
        one, two = (Outcomes(labels, wrong, 2) for wrong in both)
        drawn = differences(one, two, resamples=500)
        low, high = np.quantile(drawn, [0.025, 0.975])
        covered += low <= 0 <= high
    assert covered / times >= 0.93


def make_runs(methods, seeds=SEEDS, tasks=("t",)):
    return pd.DataFrame(
        [
            {
                "model": "m",
                "task": task,
                "method": method,
                "seed": seed,
                "trainable_parameters": parameters,
                "state": FINISHED,
                "degenerate": False,
            }
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


def test_each_method_is_compared_with_the_one_that_trains_most():
    found = {
        "full": outcomes([0.9] * 5),
        "adapter": outcomes([0.6] * 5),
        "same": outcomes([0.9] * 5),
    }
    runs = make_runs({"adapter": 10, "full": 1000, "same": 20})
    compared = compare_methods(runs, loader(found), resamples=2000)
    table, details = compared["comparisons"], compared["mcnemar"]
    assert table["reference"].unique().tolist() == ["full"]
    assert table["method"].unique().tolist() == ["adapter", "same"]
    row = table.set_index(["method", "metric"]).loc[("adapter", "accuracy")]
    means = [(o.predicted == o.labels).mean() for o in (found["adapter"], found["full"])]
    assert row["difference"] == pytest.approx(means[0] - means[1])
    assert row["low"] < row["difference"] < row["high"] < 0
    # Far beyond what 2,000 resamples could tell.
    assert row["p"] < 2 / 2001
    assert row["p_holm"] == pytest.approx(2 * row["p"])
    assert row["detectable"] == pytest.approx(2.8 * (row["high"] - row["low"]) / 3.92, rel=0.05)
    assert row["aso"] == 0
    assert row["aso_false_positives"] == false_positive_rate(5)
    same = table.set_index(["method", "metric"]).loc[("same", "accuracy")]
    assert (same["difference"], same["p"], same["p_holm"]) == (0, 1, 1)
    assert pd.isna(same["effect_size"])
    assert pd.isna(same["seeds_needed"])
    assert len(details) == 10


def test_seeds_that_all_differ_alike_have_no_effect_size():
    """Always 7 of 139 examples: no seed varies, however the fractions are rounded."""
    labels = np.zeros(139, dtype=int)

    def wrong(*counts):
        rows = [np.arange(139) < count for count in counts]
        return Outcomes(labels, np.array(rows).astype(int), 2)

    found = {"full": wrong(10, 17, 30), "a": wrong(17, 24, 37)}
    runs = make_runs({"full": 9, "a": 1}, seeds=[1, 2, 3])
    table = compare_methods(runs, loader(found), resamples=100)["comparisons"].set_index("metric")
    assert table.loc["accuracy", "difference"] == pytest.approx(-7 / 139)
    assert pd.isna(table.loc["accuracy", "effect_size"])
    assert pd.isna(table.loc["accuracy", "seeds_needed"])


def test_mcnemar_counts_what_only_one_has_right():
    """Of the discordant 10 and 2 the exact binomial test has p = .0386."""
    labels = np.zeros(30, dtype=int)
    one, two = np.zeros(30, dtype=int), np.zeros(30, dtype=int)
    two[:10], one[10:12] = 1, 1
    found = {"full": Outcomes(labels, two[None], 2), "a": Outcomes(labels, one[None], 2)}
    compared = compare_methods(
        make_runs({"full": 9, "a": 1}, seeds=[1]), loader(found), resamples=100
    )
    (row,) = compared["mcnemar"].to_dict("records")
    assert (row["only_method_right"], row["only_reference_right"]) == (10, 2)
    assert (
        row["p"] == pytest.approx(stats.binomtest(2, 12).pvalue) == pytest.approx(0.0386, abs=1e-4)
    )


def test_one_seed_and_missing_seeds_are_compared_as_far_as_they_go():
    found = {"full": outcomes([0.9] * 5), "a": outcomes([0.6] * 5)}
    runs = make_runs({"full": 9, "a": 1})
    one = runs[(runs["method"] == "full") | (runs["seed"] == 2)]
    table = compare_methods(one, loader(found), resamples=500)["comparisons"]
    assert table["seeds"].tolist() == [1, 1]
    assert table["effect_size"].isna().all()
    assert table["aso"].isna().all()
    alone = compare_methods(one[one["method"] == "full"], loader(found), resamples=500)
    assert alone["comparisons"].empty
    assert alone["intervals"]["method"].tolist() == ["full", "full"]


def test_a_method_whose_runs_failed_is_shown_and_not_dropped():
    found = {"full": outcomes([0.9] * 5), "a": outcomes([0.6] * 5)}
    runs = make_runs({"full": 9, "a": 1, "broken": 5})
    runs.loc[runs["method"] == "broken", ["state", "trainable_parameters"]] = FAILED, np.nan
    runs.loc[(runs["method"] == "a") & (runs["seed"] > 3), "state"] = FAILED
    # Of seeds that are compared (2) and that are not (5).
    runs.loc[(runs["method"] == "full") & runs["seed"].isin([2, 5]), "degenerate"] = True
    compared = compare_methods(runs, loader(found), resamples=500)
    table, details = compared["comparisons"], compared["mcnemar"]
    rows = table[table["metric"] == "accuracy"].set_index("method")
    assert rows["reference"].tolist() == ["full", "full"]
    assert rows[["seeds", "seeds_planned"]].to_numpy().tolist() == [[3, 5], [0, 5]]
    assert rows.loc["a", ["degenerate", "reference_degenerate"]].tolist() == [0, 1]
    assert rows.loc["broken", ["difference", "p", "p_holm"]].isna().all()
    assert rows.loc["a", "p_holm"] == rows.loc["a", "p"]  # a family of one
    assert details["method"].unique().tolist() == ["a"]


def test_where_the_largest_method_failed_the_next_is_the_reference():
    found = {"b": outcomes([0.9] * 5), "a": outcomes([0.6] * 5)}
    runs = make_runs({"full": 9, "b": 5, "a": 1})
    runs.loc[runs["method"] == "full", ["state", "trainable_parameters"]] = FAILED, np.nan
    table = compare_methods(runs, loader(found), resamples=500)["comparisons"]
    rows = table[table["metric"] == "accuracy"].set_index("method")
    assert rows["reference"].to_dict() == {"full": "b", "a": "b"}
    assert rows["seeds"].to_dict() == {"full": 0, "a": 5}


def test_where_nothing_is_finished_every_method_is_said_not_to_be_compared():
    runs = make_runs({"full": 9, "a": 1}).assign(state=FAILED, trainable_parameters=np.nan)
    alone = make_runs({"full": 9}, tasks=("u",)).assign(state=FAILED)
    found = compare_methods(pd.concat([runs, alone]), loader({}), resamples=100)
    table = found["comparisons"]
    assert table["task"].unique().tolist() == ["t"]
    assert table[["method", "metric"]].to_numpy().tolist() == [
        [method, metric] for method in ("full", "a") for metric in compared_metrics()
    ]
    assert table["reference"].isna().all()
    assert table[["seeds", "seeds_planned"]].to_numpy().tolist() == [[0, 5]] * 4
    assert found["intervals"].empty


def test_one_run_s_own_interval_is_that_of_a_share():
    """Of 400 examples 300 are right: .75 ± 1.96 · sqrt(.75 · .25 / 400)."""
    labels = np.zeros(400, dtype=int)
    found = {"full": Outcomes(labels, (np.arange(400) >= 300).astype(int)[None], 2)}
    table = compare_methods(make_runs({"full": 9}, seeds=[1]), loader(found), resamples=10_000)[
        "intervals"
    ]
    row = table.set_index("metric").loc["accuracy"]
    half = stats.norm.ppf(0.975) * (0.75 * 0.25 / 400) ** 0.5
    assert row["crossed_low"] == pytest.approx(0.75 - half, abs=0.003)
    assert row["crossed_high"] == pytest.approx(0.75 + half, abs=0.003)


def test_a_method_s_own_interval_is_wider_than_seeds_or_examples_alone_make_it():
    found = {"full": outcomes([0.6, 0.7, 0.75, 0.8, 0.85], n=100)}
    table = compare_methods(make_runs({"full": 9}), loader(found), resamples=2000)["intervals"]
    row = table.set_index("metric").loc["accuracy"]
    accuracies = (found["full"].predicted == found["full"].labels).mean(axis=1)
    low, high = stats.t.interval(0.95, 4, accuracies.mean(), stats.sem(accuracies))
    assert row["crossed_low"] < low < accuracies.mean() < high < row["crossed_high"]


def test_the_violation_ratio_is_the_hand_s():
    """Quantiles 1, 3 against 2, 2: apart by −1 and 1, so half of the squares is below."""
    assert violation_ratio(np.array([3.0, 1.0]), np.array([2.0, 2.0])) == 0.5
    assert violation_ratio(np.array([3.0, 2.0]), np.array([1.0, 0.0])) == 0
    assert violation_ratio(np.array([0.0, 1.0]), np.array([3.0, 2.0])) == 1
    assert np.isnan(violation_ratio(np.ones(3), np.ones(3)))


def test_the_order_is_clear_where_all_seeds_of_one_are_above_and_unknown_where_all_are_equal():
    better, worse = np.array([0.9, 0.91, 0.92]), np.array([0.5, 0.52, 0.6])
    assert almost_stochastic_order(better, worse) == 0
    assert almost_stochastic_order(worse, better) == 1
    assert np.isnan(almost_stochastic_order(np.ones(5), np.ones(5)))


def test_the_order_s_false_positives_are_those_that_were_measured():
    """deepsig 1.2.8, 5 seeds a side, no difference: .07 below .2, .18 below .5, for a method named
    beforehand. Whoever puts the higher mean forward meets twice as many."""
    assert false_positive_rate(5, 0.2) / 2 == pytest.approx(0.07, abs=0.02)
    assert false_positive_rate(5, 0.5) / 2 == pytest.approx(0.18, abs=0.03)
    assert false_positive_rate(10) < false_positive_rate(5) < false_positive_rate(3)


def test_runs_on_other_examples_are_refused():
    found = {"full": outcomes([0.9] * 5), "a": outcomes([0.6] * 5, seed=1)}
    with pytest.raises(UserError, match="m full seed 1 and m a seed 1 were not measured"):
        compare_methods(make_runs({"full": 9, "a": 1}), loader(found), resamples=100)


@pytest.mark.parametrize(
    ("effect", "seeds"), [(1.0, 10), (0.5, 34), (2.0, 5), (6.86, 3), (13.03, 2), (100.0, 2)]
)
def test_the_seeds_needed_are_the_textbook_s(effect, seeds):
    """Paired t test, two-sided 5 %, power 80 % (G*Power 3.1: 10, 34 and 5); a large
    effect needs no more than a smaller one."""
    assert seeds_needed(effect) == seeds_needed(-effect) == seeds
    assert seeds_needed(0.0) is None
    assert seeds_needed(1e-4) is None


@pytest.mark.parametrize("effect", [0.1, 0.3, 0.8, 1.5, 3.0])
def test_one_seed_less_than_needed_has_too_little_power(effect):
    seeds = seeds_needed(effect)
    power = [
        TTestPower().power(effect, n, 0.05, alternative="two-sided") for n in (seeds - 1, seeds)
    ]
    assert power[0] < 0.8 <= power[1]


def test_processes_that_share_the_work_change_nothing():
    found = {"full": outcomes([0.8, 0.7, 0.8], seed=1), "a": outcomes([0.7, 0.6, 0.6], seed=1)}
    one = make_runs({"full": 9, "a": 1}, seeds=[1, 2, 3])
    runs = pd.concat([one, one.assign(task="other")], ignore_index=True)
    alone = compare_methods(runs, loader(found), resamples=200)
    shared = compare_methods(runs, loader(found), resamples=200, processes=2)
    for name, table in alone.items():
        pd.testing.assert_frame_equal(table, shared[name])


def test_the_same_runs_give_the_same_interval():
    one, two = outcomes([0.8] * 3), outcomes([0.7] * 3)
    first = differences(one, two, "macro_f1", 700)
    assert np.array_equal(first, differences(one, two, "macro_f1", 700))
