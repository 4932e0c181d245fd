"""The choice: by the mean on dev, by nothing of test, told with its edges."""

import shutil

import pytest
import tiny
from datasets import load_from_disk

from tunegrid.errors import UserError
from tunegrid.files import read_json, write_json
from tunegrid.metrics import METRICS
from tunegrid.tuning.choosing import best_of, edges, mean_and_sd
from tunegrid.tuning.tuning_data import hide_test


def run(score, task="a", seed=1):
    return {"task": task, "seed": seed, "score": score}


def test_the_mean_is_over_tasks_and_the_deviation_over_seeds():
    runs = [run(0.8), run(0.6), run(0.2, task="b"), run(0.4, task="b"), run(0.3, task="b")]
    mean, deviation = mean_and_sd(runs)
    assert mean == pytest.approx((0.7 + 0.3) / 2)
    assert deviation == pytest.approx(((0.02 + 0.01) / 2) ** 0.5)
    assert mean_and_sd([run(0.5)]) == (0.5, None)
    assert mean_and_sd([run(0.5), run(None)]) == (None, None)


def test_the_best_is_by_the_direction_of_the_metric_and_of_equal_ones_the_first():
    assert best_of([0.1, 0.7, 0.7, None], METRICS["accuracy"]) == 1
    assert best_of([0.9, None, 0.2, 0.2], METRICS["loss"]) == 2
    assert best_of([None, None], METRICS["accuracy"]) == 0


def test_an_edge_is_the_least_or_greatest_of_three_values_or_more():
    tried = [
        {"learning_rate": rate, "epochs": epochs, "schedule": "cosine"}
        for rate, epochs in ((0.1, 3), (0.2, 10), (0.3, 3))
    ]
    assert edges(tried, 0) == ["learning_rate"]
    assert edges(tried, 1) == []
    assert edges(tried, 2) == ["learning_rate"]


@pytest.fixture(scope="module")
def encoded(tiny_model, tmp_path_factory):
    return tiny.encode(tiny_model, tmp_path_factory.mktemp("tuning"))[0]


def test_no_byte_of_test_reaches_what_tuning_sees(encoded, tmp_path):
    """It is made without the test split being there at all."""
    blind = shutil.copytree(encoded, tmp_path / "blind")
    shutil.rmtree(blind / "test")
    card = read_json(blind / "encoding.json")
    del card["splits"]["test"]
    card["task_files"] = {"tiny": {"train": ["1"], "dev": ["2"]}}
    write_json(blind / "encoding.json", card)
    hide_test(blind, tmp_path / "without")
    whole = shutil.copytree(encoded, tmp_path / "whole")
    card = read_json(whole / "encoding.json")
    card["task_files"] = {"tiny": {"train": ["1"], "dev": ["2"], "test": ["3"]}}
    write_json(whole / "encoding.json", card)
    hide_test(whole, tmp_path / "with")
    assert read_json(tmp_path / "without/encoding.json") == read_json(
        tmp_path / "with/encoding.json"
    )
    seen = load_from_disk(tmp_path / "with")
    dev = load_from_disk(encoded / "dev")
    assert seen["test"]["input_ids"] == seen["dev"]["input_ids"] == dev["input_ids"]
    assert read_json(tmp_path / "with/encoding.json")["splits"]["test"]["examples"] == len(dev)


def test_a_task_without_dev_cannot_be_tuned(encoded, tmp_path):
    folder = shutil.copytree(encoded, tmp_path / "encoded")
    shutil.rmtree(folder / "dev")
    with pytest.raises(UserError, match="has no dev split, by which tuning chooses"):
        hide_test(folder, tmp_path / "out")
