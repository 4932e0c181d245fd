import warnings

import numpy as np
import pytest
import target_tasks
import tiny
from datasets import DatasetDict

from tunegrid.config.task_entry import TaskEntry
from tunegrid.tasks.baselines import word_baseline
from tunegrid.tasks.fetching import read_task
from tunegrid.tasks.sources import task_files


@pytest.fixture(scope="module")
def task(tmp_path_factory):
    root = tiny.write_data(tmp_path_factory.mktemp("data"))
    entry = TaskEntry.model_validate(tiny.TASK)
    return read_task(entry, task_files("tiny", entry, root))


def test_a_word_that_tells_the_label_is_found(task):
    scores = word_baseline(task, [], [])
    assert scores["accuracy"] == scores["micro_f1"] >= 0.9
    assert scores["macro_f1"] >= 0.85


def test_a_few_shot_task_is_scored_on_what_each_seed_draws(task):
    draws = [{"labels": [0, 1], "examples": 2, "seed": None}]
    one, two, both = (word_baseline(task, draws, seeds) for seeds in ([1], [2], [1, 2]))
    assert both["macro_f1"] == pytest.approx((one["macro_f1"] + two["macro_f1"]) / 2)
    assert both["accuracy"] < 1


def test_a_train_split_of_one_label_predicts_that_label(task):
    alone = task["train"].filter(lambda row: row["label"] == 1)
    scores = word_baseline(DatasetDict({"train": alone, "test": task["test"]}), [], [])
    assert scores == {"accuracy": 0.5, "micro_f1": 0.5, "macro_f1": pytest.approx(1 / 3)}


def read_target(kind, folder):
    entry = TaskEntry.model_validate(target_tasks.TASKS[kind])
    return read_task(entry, task_files(kind, entry, target_tasks.write_data(folder, kind)))


@pytest.mark.parametrize(
    ("kind", "metric"), [("multi_label", "micro_f1"), ("regression", "pearson")]
)
def test_words_that_tell_labels_or_a_number_are_found(tmp_path, kind, metric):
    scores = word_baseline(read_target(kind, tmp_path), [], [])
    assert scores[metric] > 0.55
    assert "loss" not in scores
    assert "average_precision" not in scores


def test_a_label_that_train_lacks_is_predicted_of_none(tmp_path):
    task = read_target("multi_label", tmp_path)
    alone = task["train"].filter(lambda row: row["label"] == [0])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        scores = word_baseline(DatasetDict({"train": alone, "test": task["test"]}), [], [])
    good = np.array([0 in labels for labels in task["test"]["label"]])
    assert scores["exact_match"] == np.mean([labels == [0] for labels in task["test"]["label"]])
    assert scores["macro_f1"] == pytest.approx(good.mean() * 2 / (1 + good.mean()) / 2)
