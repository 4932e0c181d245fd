"""Where splits come from: a column that names them, or a cut of train where no test file is."""

import pytest
from own_tables import examples, make_entry, read_tables, refused, refused_entry

from tunegrid.errors import UserError
from tunegrid.tasks.fetching import read_with_drops
from tunegrid.tasks.task_file import TaskFile

TABLE = "text,label,part\na,pos,train\nb,neg,train\nc,pos,test\nd,neg,validation\n"
BY_COLUMN = {
    "columns": {"split": "part"},
    "split": {"by": "column", "values": {"train": "train", "validation": "dev", "test": "test"}},
}
TWENTY = "text,label\n" + "".join(f"t{at},{('neg', 'pos')[at % 2]}\n" for at in range(20))
CUT = {"by": "label", "test": 0.2, "seed": 1}


def test_a_column_names_the_split(tmp_path):
    task = read_tables(tmp_path, {"all.csv": TABLE}, **BY_COLUMN)
    assert examples(task, "train") == [("2", "a", "pos"), ("3", "b", "neg")]
    assert examples(task, "dev") == [("5", "d", "neg")]
    assert examples(task, "test") == [("4", "c", "pos")]


def test_it_may_be_spelled_as_a_number(tmp_path):
    table = "text,label,part\na,pos,0.0\nb,neg,1\n"
    split = {"by": "column", "values": {0: "train", 1: "test"}}
    task = read_tables(tmp_path, {"all.csv": table}, columns={"split": "part"}, split=split)
    assert task.splits["train"]["text"] == ["a"]
    assert set(task.splits) == {"train", "test"}


def test_a_value_that_stands_for_no_split_is_refused_once(tmp_path):
    line = refused(tmp_path, {"all.csv": TABLE}, columns={"split": "part"}, split={"by": "column"})
    assert ":5: example '5' is of split 'validation'; known: train, dev, test;" in line
    assert "name in `split: {values: {'validation': …}}` what it stands for" in line


def test_rows_of_such_a_value_may_be_dropped(tmp_path):
    drop = {"where": [{"column": "part", "equals": ["validation"]}]}
    split = {"by": "column", "values": {"train": "train", "test": "test"}}
    task = read_tables(
        tmp_path, {"all.csv": TABLE}, columns={"split": "part"}, split=split, drop=drop
    )
    assert set(task.splits) == {"train", "test"}
    assert task.dropped == {"all": {"part is 'validation'": 1}}


def test_a_split_that_the_entry_promises_and_no_row_has_is_refused(tmp_path):
    table = TABLE.replace("validation", "train")
    line = refused(tmp_path, {"all.csv": table}, **BY_COLUMN)
    assert "no row is of split dev (the column has: train, test)" in line


@pytest.mark.parametrize("by", ["label", "example", "group"])
def test_test_is_cut_from_train_where_no_file_of_it_ships(tmp_path, by):
    files = {"train.csv": TWENTY, "dev.csv": "text,label\nx,pos\n"}
    task = read_tables(tmp_path, files, split=CUT | {"by": by})
    ids = {split: set(data["id"]) for split, data in task.splits.items()}
    assert task.splits["dev"]["text"] == ["x"]
    assert not ids["train"] & ids["test"]
    assert ids["train"] | ids["test"] == {str(line) for line in range(2, 22)}
    assert len(ids["test"]) == 4


def test_dev_may_be_cut_too_and_the_cut_is_that_of_a_file_of_all(tmp_path):
    split = CUT | {"dev": 0.25}
    cut = read_tables(tmp_path, {"train.csv": TWENTY}, split=split).splits
    whole = read_tables(tmp_path, {"all.csv": TWENTY}, split=split).splits
    assert {name: data["id"] for name, data in cut.items()} == {
        name: data["id"] for name, data in whole.items()
    }
    assert {name: len(data) for name, data in cut.items()} == {"train": 12, "dev": 4, "test": 4}


@pytest.mark.parametrize("by", ["label", "example", "group"])
def test_a_cut_that_leaves_a_split_empty_is_refused(tmp_path, by):
    table = "text,label\na,pos\n"
    line = refused(tmp_path, {"train.csv": table}, split=CUT | {"by": by, "test": 0.1})
    assert "`split` leaves no example for" in line


def test_columns_and_values_may_differ_between_splits(tmp_path):
    files = {"train.csv": "text,label\na,1\nb,0\n", "test.csv": "sentence,gold\nc,yes\nd,no\n"}
    task = read_tables(
        tmp_path, files,
        values={1: "pos", 0: "neg"},
        per_split={
            "test": {
                "columns": {"text": "sentence", "label": "gold"},
                "values": {"yes": "pos", "no": "neg"},
            }
        },
    )  # fmt: skip
    assert examples(task, "test") == [("2", "c", "pos"), ("3", "d", "neg")]


def test_counts_need_no_test(tmp_path):
    task = read_tables(tmp_path, {"train.csv": TWENTY}, counts={"train": 20})
    assert set(task.splits) == {"train"}
    line = refused(tmp_path, {"train.csv": TWENTY}, counts={"train": 20, "test": 5})
    assert "split test has 0 examples; the catalogue says 5" in line


def test_of_several_files_the_line_names_the_example(tmp_path):
    for name, part in (("a", "train"), ("b", "other")):
        (tmp_path / f"{name}.csv").write_text(f"text,label,part\nx,pos,{part}\ny,neg,test\n")
    entry = make_entry(files={"all": "."}, columns={"split": "part"}, split={"by": "column"})
    files = [TaskFile(tmp_path / name, entry) for name in ("a.csv", "b.csv")]
    with pytest.raises(UserError, match=r"files beside it: example 'b\.csv/2' is of split 'other'"):
        read_with_drops(entry, {"all": files})


def test_a_target_that_is_not_one_label_is_not_split_by_label():
    keys = {"files": {"all": "x"}, "split": CUT, "target": {"kind": "multi_label"}}
    assert "is split by label, but its target is not one label" in refused_entry(**keys)
