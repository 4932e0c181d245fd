"""`get_dataset`, on tasks whose data comes in packages."""

from collections import Counter

import pytest

from tunegrid import requesting
from tunegrid.config.schema import DataSettings, SplitOverride
from tunegrid.config.task_entry import TaskEntry
from tunegrid.dataset import _join_pairs, get_dataset
from tunegrid.errors import UserError
from tunegrid.tasks.fetching import read_task
from tunegrid.tasks.task_file import TaskFile


def test_a_task_has_its_splits_with_texts_and_labels():
    task = get_dataset("questions", "[SEP]")
    assert {name: len(data) for name, data in task.items()} == {
        "train": 3875,
        "dev": 430,
        "test": 1076,
    }
    assert task["train"].column_names == ["text", "labels"]
    assert task["train"].features["labels"].names == ["ABBR", "DESC", "ENTY", "HUM", "LOC", "NUM"]


def test_few_shot_versions_draw_by_the_seed_and_leave_test_whole():
    one, again, two = (get_dataset("questions_fs", "</s>", seed=seed) for seed in (1, 1, 2))
    assert set(Counter(one["train"]["labels"]).values()) == {16}
    assert one["train"]["text"] == again["train"]["text"] != two["train"]["text"]
    assert len(one["test"]) == 1076


def test_a_list_is_one_task_with_disjoint_labels():
    data = DataSettings(tasks={"reviews": SplitOverride(max_test=5)})
    task = get_dataset(["reviews", "questions_fs"], "</s>", data=data)
    names = task["test"].features["labels"].names
    assert names[:4] == [
        "reviews/positive",
        "reviews/negative",
        "reviews/neutral",
        "questions_fs/ABBR",
    ]
    assert len(task["test"]) == 5 + 1076
    assert len(task["train"]) == 2642 + 6 * 16


def test_a_pair_is_joined_by_the_separator(tmp_path):
    for split in ("train", "test"):
        (tmp_path / f"{split}.tsv").write_text("food\tvery fine\tx\nsoup\tcold\ty\n")
    entry = TaskEntry.model_validate(
        {
            "reader": "table",
            "labels": ["x", "y"],
            "columns": {"text": 0, "text_pair": 1, "label": 2},
            "files": {"train": "train.tsv", "test": "test.tsv"},
        }
    )
    files = {split: [TaskFile(tmp_path / f"{split}.tsv", entry)] for split in ("train", "test")}
    task = read_task(entry, files)
    assert _join_pairs(task["train"], "</s>")["text"] == ["food </s> very fine", "soup </s> cold"]


def test_what_is_missing_is_said_in_one_line(tmp_path, monkeypatch):
    monkeypatch.setattr(requesting, "WAIT", 0.0)
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    with pytest.raises(UserError, match=r"task 'acl_sup': https://.* as data_root$"):
        get_dataset("acl_fs", "x")
    (tmp_path / "acl").mkdir()
    (tmp_path / "acl/test.jsonl").touch()
    with pytest.raises(UserError, match=r"lacks acl/train\.jsonl, acl/dev\.jsonl"):
        get_dataset("acl_fs", "x", data_root=tmp_path)
    with pytest.raises(UserError, match="unknown task 'nothing'"):
        get_dataset("nothing", "x")
