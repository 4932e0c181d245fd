"""Targets beyond one label: any number of labels, or a number; read, checked and counted."""

import json

import pytest
from datasets import ClassLabel, List, Value
from own_tables import read_tables, refused, refused_entry

from tunegrid.tasks.targets import summarise_split

MULTI = {"target": {"kind": "multi_label"}, "labels": ["anger", "joy"]}
NUMBER = {"target": {"kind": "regression", "range": [0, 5]}, "labels": None}
ROWS = [["joy", "anger"], [], ["joy"]]


def lines(labels):
    return "".join(json.dumps({"text": f"t{at}", "label": one}) + "\n"
                   for at, one in enumerate(labels))  # fmt: skip


def columns_of(rows):
    cells = [("1" if "anger" in row else "0", "1" if "joy" in row else "0") for row in rows]
    return "text,x,y\n" + "".join(f"t,{anger},{joy}\n" for anger, joy in cells)


@pytest.mark.parametrize(
    ("files", "keys"),
    [
        ({"train.jsonl": lines(ROWS)}, {}),
        ({"train.jsonl": lines([[1, 0.0], [], ["1"]])}, {"values": {1: "joy", 0: "anger"}}),
        (
            {"train.csv": "text,label\na,joy;anger\nb,\nc,joy\n"},
            {"target": {"kind": "multi_label", "separator": ";"}},
        ),
        ({"train.csv": columns_of(ROWS)}, {"columns": {"label": ["x", "y"]}}),
        ({"train.jsonl": lines(ROWS)}, {"labels": "auto"}),
    ],
    ids=["a list", "numbers", "a separator", "a column each", "auto"],
)
def test_any_number_of_labels_is_read(tmp_path, files, keys):
    task = read_tables(tmp_path, files, **(MULTI | keys))
    data = task.splits["train"]
    assert data.features["label"] == List(ClassLabel(names=["anger", "joy"]))
    assert list(data["label"]) == [[0, 1], [], [1]]
    assert summarise_split(data) == {"anger": 1, "joy": 2}


def test_columns_name_the_labels_where_auto_asks_for_them(tmp_path):
    content = "".join(json.dumps({"text": "t", "b": joy, "a": False, "c": 1}) + "\n"
                      for joy in (True, False))  # fmt: skip
    keys = MULTI | {"labels": "auto", "columns": {"label": ["b", "a", "c"]}}
    task = read_tables(tmp_path, {"train.jsonl": content}, **keys)
    assert task.labels == ["b", "a", "c"]
    assert list(task.splits["train"]["label"]) == [[0, 2], [2]]


@pytest.mark.parametrize(
    ("files", "keys", "line"),
    [
        ({"train.jsonl": lines([["joy", "joy"]])}, {}, "names the label 'joy' twice"),
        ({"train.jsonl": lines([["fear"]])}, {}, "unknown label 'fear'; known: anger, joy"),
        ({"train.jsonl": lines(["joy"])}, {}, "not a list; name what stands between the labels in"),
        ({"train.jsonl": lines([None])}, {}, "its label is null (column 'label'); to leave such"),
        ({"train.csv": "text,x,y\nt,2,0\n"}, {"columns": {"label": ["x", "y"]}},
         "column 'x' is '2'; of a column for each label it must be 0 or 1"),
        ({"train.csv": "text,x,y\nt,,0\n"}, {"columns": {"label": ["x", "y"]}}, "is blank (column"),
        ({"train.jsonl": lines([["joy"]])}, {"target": {"kind": "multi_label", "separator": ","}},
         "take `separator` out of `target`"),
        ({"train.csv": "text,label\nt,joy,\n".replace("joy,", '"joy,"')},
         {"target": {"kind": "multi_label", "separator": ","}}, "unknown label ''"),
    ],
)  # fmt: skip
def test_labels_that_are_wrong_are_one_line(tmp_path, files, keys, line):
    assert line in refused(tmp_path, files, **(MULTI | keys))


def test_a_list_is_not_one_label(tmp_path):
    line = refused(tmp_path, {"train.jsonl": lines([["joy"]])})
    assert "not one label; name `target: {kind: multi_label}`" in line


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("train.csv", "text,label\na,1\nb,2.50\nc,4e0\n"),
        ("train.jsonl", lines([1, 2.5, "4"])),
    ],
)
def test_numbers_are_read(tmp_path, name, content):
    data = read_tables(tmp_path, {name: content}, **NUMBER).splits["train"]
    assert data.features["label"] == Value("float64")
    assert list(data["label"]) == [1.0, 2.5, 4.0]
    assert summarise_split(data) == {"count": 3, "least": 1.0, "greatest": 4.0, "mean": 2.5}


@pytest.mark.parametrize(
    ("cell", "line"),
    [
        ("abc", """the target 'abc' is no finite number; to leave such rows out: `drop: {labels"""),
        ("nan", "the target 'nan' is no finite number"),
        ("1e999", "is no finite number"),
        ("5.5", "the target 5.5 is outside the range [0, 5] of `target`"),
        ("1,5", "the target '1,5' is no finite number"),
        ("", "its label is blank (column 'label'); to leave such rows out"),
    ],
)
def test_what_is_no_number_of_the_range_is_one_line(tmp_path, cell, line):
    files = {"train.csv": f'text,label\na,1\nb,"{cell}"\n'}
    assert line in refused(tmp_path, files, **NUMBER)


def test_rows_are_dropped_by_number_and_by_one_of_several_labels(tmp_path):
    files = {"train.csv": "text,label\na,1\nb,-1.0\n"}
    task = read_tables(tmp_path, files, drop={"labels": ["-1"]}, **NUMBER)
    assert (len(task.splits["train"]), task.labels) == (1, None)
    assert task.dropped["train"] == {"label '-1'": 1}
    task = read_tables(tmp_path, {"train.jsonl": lines(ROWS)}, drop={"labels": ["anger"]}, **MULTI)
    assert list(task.splits["train"]["label"]) == [[], [1]]


@pytest.mark.parametrize(
    ("keys", "line"),
    [
        ({"columns": {"label": ["a", "b"]}}, "names a list of columns of `label`, for which"),
        (MULTI | {"columns": {"label": ["a", "b", "c"]}}, "names 3 columns of `label` and 2"),
        (
            MULTI | {"labels": "auto", "columns": {"text": 0, "label": [1, 2]}},
            "by position, and `labels: auto`; list `labels`",
        ),
        (NUMBER | {"labels": ["a", "b"]}, "names labels or values, but its target is a number"),
        (NUMBER | {"target": {"kind": "regression", "range": [5, 0]}}, "write [least, greatest]"),
    ],
)
def test_entries_that_contradict_themselves_are_refused(keys, line):
    assert line in refused_entry(**keys)
