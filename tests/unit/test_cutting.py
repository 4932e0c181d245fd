"""Cutting splits: rare labels stay where they can, and nothing else is drawn differently."""

import json
import logging
from collections import Counter

import pytest
from datasets import ClassLabel, Dataset, DatasetDict, Features, Value
from paths import DATA_ROOT

from tunegrid.config.schema import SplitSettings
from tunegrid.errors import UserError
from tunegrid.files import digest
from tunegrid.planning.loading import load_tasks
from tunegrid.tasks.fetching import read_task
from tunegrid.tasks.label_kinds import strata
from tunegrid.tasks.preparing import prepare_splits
from tunegrid.tasks.sources import task_files
from tunegrid.tasks.splits import label_counts, stratified_sample

HALF = {"max_train": 400, "max_test": 100, "dev_fraction": 0.1}
SMALL = {"max_train": 60, "max_dev": 40, "dev_fraction": 0.2, "split_seed": 3}
#: The ids of all splits, as they were drawn before cuts kept rare labels.
RECORDED = {
    "questions": ("99771d085e0a", "612ddde8ad75"),
    "reviews": ("ddd5a99d387b", "20bfe4d48187"),
    "paper_sentences": ("d28d4e9edf8b", "bc4beec06fa4"),
    "restaurant_sup": ("b4a94359597f", "6dbeea052085"),
    "laptop_sup": ("07146938774d", "4337e838fa4d"),
    "acl_sup": ("2cb62ed62b5c", "b34fcc3d0dba"),
    "agnews_sup": ("c8dca61f3eae", "4c75434a695a"),
}
NAMES = ["A", "B", "C", "D"]


@pytest.mark.parametrize("name", RECORDED)
def test_where_no_label_is_rare_the_draw_is_what_it_was(name):
    entry = load_tasks()[name]
    if entry.package is None and not DATA_ROOT.is_dir():
        pytest.skip("the real corpora are not here")
    task = read_task(entry, task_files(name, entry, DATA_ROOT))
    task.pop("dev", None)
    for settings, recorded in zip((HALF, SMALL), RECORDED[name], strict=True):
        splits = prepare_splits(task, SplitSettings(**settings))
        ids = {split: list(data["id"]) for split, data in splits.items()}
        assert digest(json.dumps(ids)) == recorded


def split(*counts, names=NAMES, feature=None, labels=None):
    """A split of so many examples of each label."""
    if labels is None:
        labels = [at for at, count in enumerate(counts) for _ in range(count)]
    features = Features(
        {
            "id": Value("string"),
            "text": Value("string"),
            "text_pair": Value("string"),
            "label": feature or ClassLabel(names=list(names)),
        }
    )
    ids = [str(at) for at in range(len(labels))]
    columns = {"id": ids, "text": ids, "text_pair": [None] * len(ids), "label": labels}
    return Dataset.from_dict(columns, features=features)


def cut(settings, caplog, **splits):
    """The counts of each split after the cut, and what the log says of it."""
    with caplog.at_level(logging.WARNING):
        task = prepare_splits(DatasetDict(splits), SplitSettings(**settings))
    return {name: list(label_counts(data).values()) for name, data in task.items()}, caplog.text


@pytest.mark.parametrize(
    ("limit", "left"),
    [(10, [7, 1, 1, 1]), (4, [1, 1, 1, 1]), (20, [17, 1, 1, 1]), (54, [49, 3, 1, 1])],
)
def test_train_keeps_one_example_of_each_label_at_the_expense_of_the_largest(limit, left, caplog):
    counts, log = cut({"max_train": limit}, caplog, train=split(50, 3, 1, 1))
    assert counts["train"] == left
    assert not log


def test_where_the_limit_is_less_than_there_are_labels_the_lost_ones_are_named(caplog):
    counts, log = cut({"max_train": 2}, caplog, train=split(50, 3, 1, 1))
    assert counts["train"] == [1, 1, 0, 0]
    assert "train: data.max_train: 2 leaves no example of labels C, D" in log


def test_test_and_dev_keep_their_proportion_and_lost_labels_are_named(caplog):
    settings = {"max_test": 10, "max_dev": 10}
    counts, log = cut(
        settings, caplog, train=split(9, 9, 9, 9), test=split(50, 3, 1, 1), dev=split(50, 5, 0, 0)
    )
    assert counts["test"] == [9, 1, 0, 0]
    assert "test: data.max_test: 10 leaves no example of labels C, D" in log
    assert "dev: data.max_dev" not in log


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("fraction", [0.1, 0.5, 0.9])
def test_dev_never_takes_the_last_train_example_of_a_label(fraction, seed, caplog):
    settings = {"dev_fraction": fraction, "split_seed": seed}
    counts, _ = cut(settings, caplog, train=split(50, 3, 1, 1))
    assert min(counts["train"]) == 1
    assert [sum(pair) for pair in zip(counts["train"], counts["dev"], strict=True)] == [50, 3, 1, 1]
    assert sum(counts["dev"]) == round(fraction * 55)


def test_dev_is_smaller_where_train_would_lose_labels_and_the_log_says_so(caplog):
    counts, log = cut({"dev_fraction": 0.9}, caplog, train=split(2, 2, 1, 1))
    assert counts == {"train": [1, 1, 1, 1], "dev": [1, 1, 0, 0]}
    assert "dev: has 2 examples, not the 5 that data.dev_fraction asks for" in log


def test_a_train_split_of_one_example_a_label_gives_no_dev():
    with pytest.raises(UserError, match=r"^data\.dev_fraction: dev cannot be cut from train"):
        prepare_splits(DatasetDict(train=split(1, 1, 1, 1)), SplitSettings(dev_fraction=0.5))


def test_labels_that_were_never_there_are_not_lost(caplog):
    counts, log = cut({"max_train": 3}, caplog, train=split(9, 0, 9, 0))
    assert counts["train"] == [2, 0, 1, 0]
    assert not log


def test_the_options_change_nothing_where_each_label_has_its_share():
    labels = [0] * 60 + [1] * 30 + [2] * 10
    plain = stratified_sample(labels, 50, 3)
    assert stratified_sample(labels, 50, 3, take_each=True, leave_each=True) == plain


def test_a_cut_of_several_labels_keeps_the_rare_one(caplog):
    from datasets import Sequence

    several = Sequence(ClassLabel(names=NAMES))
    labels = [[0, 1]] * 40 + [[0]] * 40 + [[0, 3]] + [[]] * 5
    counts, log = cut({"max_train": 10}, caplog, train=split(labels=labels, feature=several))
    assert counts["train"][3] == 1
    assert not log


def test_a_cut_of_numbers_takes_the_same_share_of_small_and_large_ones(caplog):
    numbers = [at / 10 for at in range(100)]
    data = split(labels=numbers, feature=Value("float64"))
    assert Counter(strata(data)) == dict.fromkeys(range(10), 10)
    task = prepare_splits(DatasetDict(train=data), SplitSettings(max_train=20))
    assert Counter(int(number) for number in task["train"]["label"]) == dict.fromkeys(range(10), 2)
