"""By what a task is measured, as its entry says it."""

import pandas as pd
import pytest
from pydantic import ValidationError

from tunegrid.config.task_entry import TaskEntry
from tunegrid.config.task_metrics import resolve_metrics
from tunegrid.metrics import METRICS, default_metrics
from tunegrid.statistics.measured_tasks import measured_tasks, metrics_of_grid, metrics_of_tasks

FILES = {"files": {"train": "a.csv", "test": "b.csv"}}
PAIR = FILES | {"labels": ["no", "yes"]}
NUMBER = FILES | {"target": {"kind": "regression"}}
SEVERAL = FILES | {"labels": ["a", "b"], "target": {"kind": "multi_label", "separator": ","}}


@pytest.mark.parametrize(
    ("entry", "main", "names"),
    [
        (PAIR, "accuracy", default_metrics("single_label").names),
        (NUMBER, "pearson", default_metrics("regression").names),
        (SEVERAL, "micro_f1", default_metrics("multi_label").names),
        (PAIR | {"main_metric": "matthews_correlation"}, "matthews_correlation",
         ("loss", "accuracy", "micro_f1", "macro_f1", "matthews_correlation")),
        (PAIR | {"metrics": ["f1", "accuracy"], "main_metric": "f1", "positive": "yes"}, "f1",
         ("loss", "accuracy", "f1")),
        (PAIR | {"metrics": ["macro_f1"]}, "macro_f1", ("loss", "macro_f1")),
        (NUMBER | {"metrics": ["spearman", "rmse"]}, "spearman", ("loss", "spearman", "rmse")),
    ],
)  # fmt: skip
def test_a_task_has_the_metrics_that_it_names_and_one_of_them_is_the_main_one(entry, main, names):
    found = TaskEntry.model_validate(entry).task_metrics()
    assert (found.main, found.names) == (main, tuple(names))


@pytest.mark.parametrize(
    ("entry", "problem"),
    [
        (PAIR | {"metrics": ["acuracy"]}, "did you mean 'accuracy'"),
        (PAIR | {"metrics": ["pearson"]}, "which a task of target single_label does not have"),
        (NUMBER | {"main_metric": "accuracy"}, "target regression does not have"),
        (PAIR | {"metrics": ["f1"]}, "name it as `positive`"),
        (PAIR | {"metrics": ["f1"], "positive": "yep"}, "did you mean 'yes'"),
        (PAIR | {"metrics": ["accuracy"], "main_metric": "macro_f1"}, "add it"),
        (PAIR | {"main_metric": "loss"}, "methods cannot be compared"),
        (PAIR | {"metrics": ["loss"]}, "names no metric by which methods can be compared"),
        (SEVERAL | {"main_metric": "average_precision"}, "methods cannot be compared"),
    ],
)
def test_metrics_that_a_task_cannot_have_are_refused(entry, problem):
    with pytest.raises(ValidationError, match=problem):
        TaskEntry.model_validate(entry)


def test_what_is_measured_decides_no_run_but_the_label_that_f1_is_of():
    plain = TaskEntry.model_validate(PAIR)
    measured = TaskEntry.model_validate(PAIR | {"main_metric": "macro_f1", "metrics": ["macro_f1"]})
    assert measured.settings() == plain.settings()
    assert TaskEntry.model_validate(PAIR | {"positive": "yes"}).settings() != plain.settings()


@pytest.mark.parametrize("target", ["single_label", "multi_label", "regression"])
def test_the_defaults_of_each_target_are_what_naming_them_gives(target):
    default = default_metrics(target)
    named = resolve_metrics(target, names=default.names, main=None, positive=None)
    assert named == default
    assert METRICS[default.main].compared_for(target)


def test_tables_of_cells_tell_by_what_each_task_is_measured():
    table = pd.DataFrame(
        [
            ("a", "single_label", "loss accuracy f1", "f1", "yes"),
            ("a", "single_label", "loss accuracy f1", "f1", "yes"),
            ("b", "regression", "loss pearson", "pearson", ""),
        ],
        columns=["task", "target", "metrics", "main_metric", "positive"],
    )
    tasks = measured_tasks(table)
    assert list(tasks) == ["a", "b"]
    assert tasks["a"].metrics.positive == "yes"
    assert tasks["b"].metrics.positive is None
    assert [metric.name for metric in tasks["a"].compared] == ["accuracy", "f1"]
    assert metrics_of_grid(table) == ["loss", "accuracy", "f1", "pearson"]
    of_tasks = metrics_of_tasks(table)
    assert of_tasks[of_tasks["main"]][["task", "metric"]].to_numpy().tolist() == [
        ["a", "f1"],
        ["b", "pearson"],
    ]
