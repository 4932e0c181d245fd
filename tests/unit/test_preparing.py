import logging

import pytest
from datasets import ClassLabel, Dataset, DatasetDict, Features, Value

from tunegrid.config.schema import SplitSettings
from tunegrid.errors import UserError
from tunegrid.settings import JoinedSplitSettings, parse_task_settings
from tunegrid.tasks.few_shot import few_shot_sample
from tunegrid.tasks.preparing import (
    few_shot_draws,
    label_parts,
    prepare_task,
)

SETTINGS = SplitSettings()


def joined_settings(**parts):
    return JoinedSplitSettings(max_length=9, parts=parts)


def split(labels, names, pair=None):
    features = Features(
        {
            "id": Value("string"),
            "text": Value("string"),
            "text_pair": Value("string"),
            "label": ClassLabel(names=names),
        }
    )
    rows = {
        "id": [str(at) for at in range(len(labels))],
        "text": [f"text {at}" for at in range(len(labels))],
        "text_pair": [pair] * len(labels),
        "label": labels,
    }
    return Dataset.from_dict(rows, features=features)


def task(names=("x", "y"), dev=(), **options):
    splits = {"train": [0, 1, 0, 1, 0, 0], "test": [1, 0]} | ({"dev": dev} if dev else {})
    return DatasetDict(
        {name: split(list(labels), list(names), **options) for name, labels in splits.items()}
    )


def test_several_tasks_become_one_whose_ids_and_labels_name_their_part():
    settings = joined_settings(a=SETTINGS, b_fs=SplitSettings(few_shot=2))
    joined = prepare_task(
        {"a": task(), "b_sup": task(names=("y", "z"), dev=[0, 1], pair="pair")}, settings
    )
    assert {name: len(data) for name, data in joined.items()} == {"dev": 2, "test": 4, "train": 12}
    names = joined["train"].features["label"].names
    assert names == ["a/x", "a/y", "b_fs/y", "b_fs/z"]
    assert joined["test"]["id"] == ["a/0", "a/1", "b_fs/0", "b_fs/1"]
    assert [names[label] for label in joined["test"]["label"]] == ["a/y", "a/x", "b_fs/z", "b_fs/y"]
    assert joined["test"]["text_pair"] == [None, None, "pair", "pair"]
    assert label_parts(settings, names) == {"a": [0, 1], "b_fs": [2, 3]}
    assert few_shot_draws(settings, names) == [{"labels": [2, 3], "examples": 2, "seed": None}]


def test_a_part_has_its_own_limits():
    settings = joined_settings(a=SETTINGS, b=SplitSettings(max_train=2))
    joined = prepare_task({"a": task(), "b": task()}, settings)
    assert len(joined["train"]) == 8


def test_a_label_that_is_too_rare_for_few_shot_is_refused_by_name():
    with pytest.raises(UserError) as refused:
        prepare_task({"a_sup": task()}, SplitSettings(few_shot=3))
    assert str(refused.value) == (
        "data.few_shot: 3 examples of each label, but train of task 'a_sup' has 2 of label 'y';"
        " set it to 2 at most"
    )


def test_of_dev_there_may_be_fewer_and_the_log_says_so(caplog):
    with caplog.at_level(logging.WARNING):
        prepare_task({"a": task(dev=[0, 0, 1])}, SplitSettings(few_shot=2))
    assert "dev: has 1 of label y, not 2: all are kept" in caplog.text


@pytest.mark.parametrize(
    "settings", [SplitSettings(max_length=9), joined_settings(a=SETTINGS, b=SETTINGS)]
)
def test_settings_are_read_from_the_json_that_they_are_written_as(settings):
    assert parse_task_settings(settings.model_dump()) == settings


LABELS = [0, 1, 2] * 30


def draw(seed=None, labels=(0, 1, 2), examples=4):
    return {"labels": list(labels), "examples": examples, "seed": seed}


def test_few_shot_keeps_so_many_of_each_label():
    kept = few_shot_sample(LABELS, [draw()], seed=1)
    assert kept == sorted(set(kept))
    assert sorted(LABELS[at] for at in kept) == [0] * 4 + [1] * 4 + [2] * 4


def test_the_run_s_seed_draws_them_unless_a_fixed_one_does():
    one, two = (few_shot_sample(LABELS, [draw()], seed) for seed in (1, 2))
    assert one != two
    assert one == few_shot_sample(LABELS, [draw()], seed=1) != few_shot_sample(LABELS, [], seed=1)
    assert few_shot_sample(LABELS, [draw(seed=1)], seed=2) == one


def test_labels_that_no_draw_names_stay_whole_and_change_no_other_draw():
    kept = few_shot_sample(LABELS, [draw(labels=[1])], seed=1)
    assert len(kept) == 60 + 4
    every = few_shot_sample(LABELS, [draw()], seed=1)
    assert [at for at in kept if LABELS[at] == 1] == [at for at in every if LABELS[at] == 1]


def test_a_label_with_fewer_is_kept_whole():
    assert few_shot_sample([0, 0, 1], [draw(labels=[0, 1])], seed=1) == [0, 1, 2]
