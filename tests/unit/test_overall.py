"""The mean of a method's differences over tasks, and its wins, ties and losses."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from tunegrid.config.compare_settings import CompareSettings
from tunegrid.reporting.answer_sentences import describe_unlike_metrics
from tunegrid.statistics.overall import (
    TASKS_LIKE_THESE,
    THESE_TASKS,
    compare_over_tasks,
    mean_over_tasks,
)
from tunegrid.statistics.verdicts import Estimate


def test_of_few_tasks_the_mean_speaks_of_these_alone():
    estimates = [Estimate(-0.02, 0.01, 4.0), Estimate(0.0, 0.02, 9.0)]
    mean, speaks_of = mean_over_tasks(estimates)
    assert speaks_of == THESE_TASKS
    assert mean.difference == pytest.approx(-0.01)
    assert mean.standard_error == pytest.approx((0.01**2 + 0.02**2) ** 0.5 / 2)
    expected = (0.01**2 + 0.02**2) ** 2 / (0.01**4 / 4 + 0.02**4 / 9)
    assert mean.df == pytest.approx(expected)


def test_of_enough_tasks_it_speaks_of_tasks_like_these():
    differences = np.array([-0.08, 0.02, -0.01, -0.05, 0.03, -0.03])
    mean, speaks_of = mean_over_tasks([Estimate(d, 0.001, 9.0) for d in differences])
    assert speaks_of == TASKS_LIKE_THESE
    assert mean.p_value() == pytest.approx(stats.ttest_1samp(differences, 0).pvalue)


def test_tasks_that_happen_to_agree_are_not_known_better_than_each_is():
    mean, speaks_of = mean_over_tasks([Estimate(-0.01, 0.05, 9.0)] * 6)
    assert speaks_of == TASKS_LIKE_THESE
    assert mean.standard_error == pytest.approx(0.05 / 6**0.5)


def make_comparisons(verdicts, model="m", method="a", metric="accuracy"):
    return pd.DataFrame(
        [
            {
                "question": "against the reference",
                "model": model,
                "task": f"t{at}",
                "method": method,
                "reference_model": model,
                "reference": "full",
                "metric": metric,
                "main": True,
                "verdict": verdict,
                "difference": -0.02,
                "standard_error": 0.001,
                "df": 8.0,
            }
            for at, verdict in enumerate(verdicts)
        ]
    )


def test_tasks_are_counted_by_their_own_verdicts():
    verdicts = ["worse", "worse", "same", "cannot be told", "identical", "better", "one seed"]
    (row,) = compare_over_tasks(make_comparisons(verdicts), CompareSettings()).to_dict("records")
    assert [row[name] for name in ("wins", "ties", "untold", "losses")] == [1, 2, 1, 2]
    assert (row["tasks"], row["verdict"]) == (6, "worse")


def test_the_methods_of_a_model_are_judged_together():
    table = pd.concat(
        [
            make_comparisons(["worse", "worse"], model=model, method=method)
            for model, method in (("m", "a"), ("m", "b"), ("other", "a"))
        ]
    )
    rows = compare_over_tasks(table, CompareSettings()).set_index(["model", "method"])
    assert rows["family"].to_dict() == {("m", "a"): 2, ("m", "b"): 2, ("other", "a"): 1}
    assert rows.loc[("m", "a"), "p_holm"] > rows.loc[("other", "a"), "p_holm"]


def test_one_task_has_nothing_to_be_averaged_over():
    assert compare_over_tasks(make_comparisons(["worse"]), CompareSettings()).empty
    assert compare_over_tasks(make_comparisons(["one seed"] * 3), CompareSettings()).empty


def of_tasks(**mains):
    """Comparisons of one method on tasks with these main metrics."""
    parts = [
        make_comparisons(["worse"], metric=metric).assign(task=task)
        for task, metric in mains.items()
    ]
    return pd.concat(parts, ignore_index=True)


def test_main_metrics_that_differ_are_averaged_each_task_by_its_own():
    comparisons = of_tasks(
        cola="matthews_correlation", sst="accuracy", sts="pearson", rte="accuracy"
    )
    overall = compare_over_tasks(comparisons, CompareSettings())
    assert overall["metric"].tolist() == ["accuracy", "main"]
    assert overall["main"].tolist() == [False, True]
    assert overall["tasks"].tolist() == [2, 4]
    assert overall["difference"].tolist() == pytest.approx([-0.02, -0.02])


def test_main_metrics_without_a_range_or_of_which_less_is_better_are_not_averaged():
    overall = compare_over_tasks(of_tasks(a="rmse", b="accuracy", c="accuracy"), CompareSettings())
    assert overall[["metric", "main"]].to_numpy().tolist() == [["accuracy", False]]


def test_where_all_tasks_have_one_main_metric_its_row_is_the_main_one():
    overall = compare_over_tasks(of_tasks(a="pearson", b="pearson"), CompareSettings())
    assert overall[["metric", "main"]].to_numpy().tolist() == [["pearson", True]]


def test_an_error_in_the_unit_of_each_task_s_own_numbers_is_not_averaged():
    comparisons = of_tasks(a="rmse", b="rmse")
    assert compare_over_tasks(comparisons, CompareSettings()).empty
    assert "(root mean squared error) are not averaged" in describe_unlike_metrics(comparisons)
