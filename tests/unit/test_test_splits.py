"""Tasks with several test splits: read, checked, limited, trained, scored and shown each."""

import numpy as np
import pandas as pd
import pytest
import tiny
from datasets import DatasetDict, concatenate_datasets, load_from_disk
from own_tables import make_entry, refused_entry
from pyarrow import parquet
from synthetic import add_test_splits, make_card, make_intervals, make_runs

from tunegrid.config.schema import SplitSettings
from tunegrid.errors import UserError
from tunegrid.reporting.data_tables import card_tables, data_table
from tunegrid.reporting.test_splits_table import POOLED, table_of_test_splits
from tunegrid.reporting.workbook_columns import describe_column
from tunegrid.settings import CellSettings
from tunegrid.statistics.outcomes import predictions_below
from tunegrid.statistics.score import score_run
from tunegrid.statistics.summarise import summarise
from tunegrid.tasks.checking import check_task
from tunegrid.tasks.encoding import encode_to_folder
from tunegrid.tasks.fetching import fetch_task
from tunegrid.tasks.preparing import prepare_task

#: Rows of text and label; the first of `far` stands in train.
ROWS = {
    "train": [("the soup was great", "good"), ("the trip was awful", "bad")] * 8,
    "dev": [("a superb book", "good"), ("a dull screen", "bad")],
    "near": [("it was lovely", "good"), ("it was sad", "bad"), ("a fine trip", "good")],
    "far": [("the trip was awful", "bad"), ("very pleasant", "good")],
}
FILES = {
    "train": "train.csv",
    "dev": "dev.csv",
    "test": {"near": "near.csv", "far": ["far*.csv"]},
}
LABELS = ["good", "bad"]


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """A data root that holds the rows, a file each."""
    folder = tmp_path_factory.mktemp("corpus")
    for name, rows in ROWS.items():
        pd.DataFrame(rows, columns=["text", "label"]).to_csv(folder / f"{name}.csv", index=False)
    return folder


def entry(**keys):
    return make_entry(**({"files": FILES, "labels": LABELS} | keys))


@pytest.fixture(scope="module")
def fetched(root, tmp_path_factory):
    """The folder of the fetched task."""
    folder = tmp_path_factory.mktemp("tasks") / "two"
    fetch_task("two", entry(), root, folder)
    return folder


@pytest.fixture(scope="module")
def encoded(fetched, tiny_model, tmp_path_factory):
    folder = tmp_path_factory.mktemp("encoded") / "tiny-bert/two"
    encode_to_folder([fetched], tiny_model, SplitSettings(max_length=32), folder)
    return folder


def train(tiny_model, encoded, output, **changes):
    settings = tiny.settings_json() | {"task": "two", "task_source": entry().settings()}
    settings["train"] = settings["train"] | {"epochs": 1} | changes
    return tiny.train(CellSettings.from_json(settings), tiny_model, encoded, output)


@pytest.fixture(scope="module")
def run(tiny_model, encoded, tmp_path_factory):
    """The folder of a trained run."""
    folder = tmp_path_factory.mktemp("runs") / "m/two/full/seed1"
    train(tiny_model, encoded, folder)
    return folder


def test_test_splits_are_read_one_after_the_other_and_stay_told_apart(root, tmp_path):
    card = fetch_task("two", entry(counts={"train": 16, "test": {"near": 3, "far": 2}}), root,
                      tmp_path / "two")  # fmt: skip
    assert (card["examples"]["test"], card["test_splits"]) == (5, {"near": 3, "far": 2})
    assert len(card["files"]["test"]) == 2
    test = load_from_disk(tmp_path / "two")["test"]
    assert test["test_split"][:] == ["near"] * 3 + ["far"] * 2
    assert test["id"][0] == "near/2"
    assert len(set(test["id"])) == 5


def test_a_test_split_of_several_files_names_both_in_its_ids(root, tmp_path):
    copies = {"train": "train", "near": "near", "far1": "far", "far2": "far"}
    for name, original in copies.items():
        (tmp_path / f"{name}.csv").write_bytes((root / f"{original}.csv").read_bytes())
    both = entry(files={"train": "train.csv", "test": FILES["test"]})
    fetch_task("two", both, tmp_path, tmp_path / "out/two")
    ids = load_from_disk(tmp_path / "out/two")["test"]["id"][:]
    assert ids[3:5] == ["far/far1.csv/2", "far/far1.csv/3"]


def test_one_test_split_is_read_as_ever(root, tmp_path):
    card = fetch_task("one", entry(files=FILES | {"test": "near.csv"}), root, tmp_path / "one")
    assert "test_splits" not in card
    assert load_from_disk(tmp_path / "one")["test"].column_names == [
        "id", "text", "text_pair", "label",
    ]  # fmt: skip


def test_another_count_of_one_test_split_is_refused_by_its_name(root, tmp_path):
    wrong = entry(counts={"train": 16, "test": {"near": 3, "far": 4}})
    with pytest.raises(UserError) as error:
        fetch_task("two", wrong, root, tmp_path / "two")
    (problem,) = error.value.problems
    assert problem.endswith("far.csv:3: test split far has 2 examples; the catalogue says 4")


@pytest.mark.parametrize(
    ("test", "splits"),
    [
        ({"good": "a.csv", "bad": "b.csv"}, []),  # labels
        ({"near": "a.csv", "far": "b.csv"}, ["near", "far"]),
        ({"near": {"good": "a.csv", "bad": "b.csv"}, "far": "c.csv"}, ["near", "far"]),
        ("a.csv", []),
        (["a.csv", "b.csv"], []),
    ],
)
def test_a_mapping_is_of_labels_or_of_test_splits(test, splits):
    found = entry(files={"train": "t.csv", "test": test})
    assert list(found.test_splits) == splits
    assert found.file_patterns()["test"][0].path == "a.csv"
    assert {one.label for one in found.file_patterns()["test"]} <= {"good", "bad", None}


def test_labels_that_only_the_files_tell_are_by_files_where_train_s_are():
    files = {"train": {"x": "a.csv", "y": "b.csv"}, "test": {"x": "c.csv", "y": "d.csv"}}
    assert not entry(files=files, labels="auto").test_splits
    files["train"] = "a.csv"
    assert list(entry(files=files, labels="auto").test_splits) == ["x", "y"]


@pytest.mark.parametrize(
    ("keys", "line"),
    [
        ({"files": FILES | {"test": {"near": "a.csv", "bad": "b.csv"}}},
         "names files of 'near', which `labels` does not name"),
        ({"files": FILES | {"dev": {"near": {"good": "a.csv"}}}},
         "names several splits in `files: {dev: …}`; only test may have several"),
        ({"files": FILES | {"test": "a.csv"}, "test_score": "first"},
         "names `test_score`, but one test split; leave it out"),
        ({"files": FILES | {"test": {"a b": "a.csv", "c": "b.csv"}}},
         "names the test split 'a b'; write letters, digits, - and _ alone"),
        ({"files": FILES | {"test": "a.csv"}, "counts": {"train": 3, "test": {"far": 2}}},
         "counts test splits, but `files` names one; write a number"),
        ({"counts": {"train": 3, "test": {"far": 2}}},
         "counts the test splits far, but `files` names near, far"),
        ({"files": FILES | {"test": {"near": {"good": {"deep": "a.csv"}}}}}, "names no files"),
    ],
)  # fmt: skip
def test_what_cannot_be_meant_is_refused(keys, line):
    assert line in refused_entry(**({"files": FILES, "labels": LABELS} | keys))


def test_a_limit_takes_the_same_share_of_each_test_split(fetched):
    task = load_from_disk(fetched)
    near = task["test"].select([0, 1, 2] * 20)
    far = task["test"].select([3, 4] * 10)
    task = DatasetDict(task | {"test": concatenate_datasets([near, far])})
    cut = prepare_task({"two": task}, SplitSettings(max_length=32, max_test=20))["test"]
    names, counts = np.unique(cut["test_split"][:], return_counts=True)
    assert dict(zip(names, counts, strict=True)) == {"far": 5, "near": 15}


def test_the_card_tells_of_each_test_split(fetched):
    card = check_task("two", "t", [fetched], SplitSettings(max_length=32), [], [1])
    assert card["test_splits"]["far"] == {"examples": 2, "labels": {"good": 1, "bad": 1}}
    assert card["splits"]["test"]["examples"] == 5
    assert card["of_test_splits"]["far"]["in_train"]["exact"] == 1
    assert card["of_test_splits"]["near"]["in_train"]["exact"] == 0
    table = data_table([card]).data.set_index("split")
    assert list(table.index) == ["train", "dev", "test", "test: near", "test: far"]
    assert list(table["in_train"][2:]) == [1, 0, 1]
    labels = card_tables(card)[0].readable
    assert list(labels)[-3:] == ["test", "test: near", "test: far"]
    assert list(labels["test: far"]) == ["1 (50.0 %)", "1 (50.0 %)", "2"]


def test_each_test_split_is_scored_beside_the_whole(run):
    table = parquet.read_table(run / "predictions.parquet")
    assert table["test_split"].to_pylist() == ["near"] * 3 + ["far"] * 2
    right = np.array(table["label"].to_pylist()) == np.array(table["predicted"].to_pylist())
    score = score_run(run)
    assert (score.test["examples"], score.test["accuracy"]) == (5, right.mean())
    splits = score.test["test_splits"]
    assert list(splits) == ["near", "far"]
    assert (splits["near"]["examples"], splits["near"]["accuracy"]) == (3, right[:3].mean())
    assert splits["far"]["accuracy"] == right[3:].mean()
    whole = np.average([one["loss"] for one in splits.values()], weights=[3, 2])
    assert score.test["loss"] == pytest.approx(whole)


def test_a_task_s_own_score_may_be_that_of_its_first_test_split(run):
    pooled, first = score_run(run), score_run(run, test_score="first")
    assert first.test["test_splits"] == pooled.test["test_splits"]
    near = pooled.test["test_splits"]["near"]
    assert all(first.test[name] == value for name, value in near.items())
    assert first.test["majority_accuracy"] != pooled.test["majority_accuracy"]
    root = run.parents[3]
    key = ("m", "two", "full", 1)
    assert len(predictions_below(root)(*key)) == 5
    table = predictions_below(root, scored_by_first={"two"})(*key)
    assert table["id"].to_pylist() == ["near/2", "near/3", "near/4"]
    assert table.column_names == ["id", "label", "predicted"]


def test_with_one_test_split_no_file_says_of_any(tiny_model, fetched, tmp_path):
    """The same examples as one test split train and predict to the same bits."""
    task = load_from_disk(fetched)
    task["test"] = task["test"].remove_columns("test_split")
    (tmp_path / "one").mkdir()
    task.save_to_disk(tmp_path / "one")
    (tmp_path / "one/task.json").write_bytes((fetched / "task.json").read_bytes())
    encode_to_folder([tmp_path / "one"], tiny_model, SplitSettings(max_length=32), tmp_path / "e")
    train(tiny_model, tmp_path / "e", tmp_path / "run")
    table = parquet.read_table(tmp_path / "run/predictions.parquet")
    assert "test_split" not in table.column_names
    assert score_run(tmp_path / "run").test["test_splits"] == {}


def test_the_report_protocol_evaluates_several_test_splits(tiny_model, encoded, tmp_path):
    train(tiny_model, encoded, tmp_path / "run", protocol="report")
    for test_score in ("pooled", "first"):
        score = score_run(tmp_path / "run", test_score=test_score)
        assert list(score.test["test_splits"]) == ["near", "far"]
        assert score.epochs[-1]["accuracy"] == score.test["accuracy"]
        assert score.epochs[-1]["loss"] == score.test["loss"]


def summary(runs):
    return summarise(runs, [], make_intervals(runs))


def make_cards():
    """The cards of two tasks, the second with two test splits."""
    one, two = make_card("t1", "one"), make_card("t2", "two")
    held = two["splits"]["test"]
    return [one, two | {"test_splits": {"near": held, "far": held}}]


def shown(runs):
    return table_of_test_splits(runs, summary(runs), make_cards())


def test_the_table_shows_each_test_split_below_the_whole():
    table = shown(add_test_splits(make_runs()))
    assert set(table.data["task"]) == {"t2"}
    rows = table.data[(table.data["model"] == "m1") & (table.data["method"] == "full")]
    assert list(rows["test_split"]) == [POOLED, "near", "far"]
    assert list(rows["examples"]) == [6, 3, 3]
    pooled, near, far = rows["accuracy"]
    assert (near - pooled, far - pooled) == (pytest.approx(0.1), pytest.approx(-0.1))
    assert list(table.readable.columns[:4]) == ["model", "method", "task", "test split"]
    first = shown(add_test_splits(make_runs(), first=True))
    assert list(dict.fromkeys(first.data["test_split"])) == ["near", "far"]


def test_a_task_whose_runs_are_all_missing_has_its_rows_all_the_same():
    runs = make_runs()
    runs["examples"] = 6
    runs.loc[runs["task"] == "t2", ["accuracy", "examples"]] = None
    runs.loc[runs["task"] == "t2", ["state", "degenerate"]] = ["missing", False]
    table = shown(runs)
    assert list(table.data["test_split"][:3]) == [POOLED, "near", "far"]
    assert set(table.readable["runs"]) == {"missing ‡2"}


def test_the_workbook_s_sheet_of_test_splits_is_described():
    for column in shown(add_test_splits(make_runs())).data:
        assert describe_column("test splits", column).meaning, column
