"""Where labels come from: columns, the file's own names, a file of labels, all files (auto)."""

import gzip
import json

import pyarrow
import pytest
from datasets import ClassLabel, Dataset, Features, Value
from own_tables import examples, make_entry, read_tables, refused, refused_entry
from pyarrow import parquet

from tunegrid.errors import UserError
from tunegrid.tasks.fetching import read_with_drops
from tunegrid.tasks.spelling import find_word, in_order, spellings
from tunegrid.tasks.task_file import TaskFile


def with_classes(names, ids=(0, 1)):
    """The bytes of a Parquet file of the `datasets` library."""
    features = Features({"text": Value("string"), "label": ClassLabel(names=names)})
    data = Dataset.from_dict({"text": [f"t{at}" for at in ids], "label": list(ids)}, features)
    sink = pyarrow.BufferOutputStream()
    schema = features.arrow_schema
    parquet.write_table(pyarrow.Table.from_pylist(data.to_list(), schema=schema), sink)
    return sink.getvalue().to_pybytes()


@pytest.mark.parametrize(
    ("value", "words", "found"),
    [
        ("1.0", ["1", "0"], "1"),
        (1, ["1.0"], "1.0"),
        (1.0, ["1"], "1"),
        ("01", ["1", "01"], "01"),
        ("1", ["1.0", "1.00"], None),
        (True, ["true"], "true"),
        (True, ["True", "false"], "True"),
        ("1_0", ["10"], None),
        (" 1", ["1"], None),
        ("9007199254740993", ["9007199254740992"], None),
        ("nan", ["nan"], "nan"),
    ],
)
def test_a_value_is_a_word_by_its_spelling_else_by_its_number(value, words, found):
    assert find_word(spellings(value), words) == found


def test_numbers_are_sorted_as_numbers():
    assert in_order({"10", "9", "-1"}) == ["-1", "9", "10"]
    assert in_order({"10", "9", "b"}) == ["10", "9", "b"]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("train.csv", "text,label\na,1.0\nb,0.0\n"),
        ("train.jsonl", '{"text": "a", "label": 1}\n{"text": "b", "label": 0}\n'),
    ],
)
@pytest.mark.parametrize("values", [{"1": "pos", "0": "neg"}, {1.0: "pos", 0.0: "neg"}])
def test_numbers_are_mapped_however_they_are_spelled(tmp_path, name, content, values):
    task = read_tables(tmp_path, {name: content}, values=values)
    assert [label for _, _, label in examples(task)] == ["pos", "neg"]


@pytest.mark.parametrize("values", [{"true": "pos", "false": "neg"}, {True: "pos", False: "neg"}])
def test_truth_values_are_spelled_as_json_spells_them(tmp_path, values):
    content = '{"text": "a", "label": true}\n{"text": "b", "label": false}\n'
    task = read_tables(tmp_path, {"train.jsonl": content}, values=values)
    assert [label for _, _, label in examples(task)] == ["pos", "neg"]


@pytest.mark.parametrize(
    ("label", "remedy"),
    [
        (" pos", "to cut blanks off: `dialect: {strip: true}`"),
        ("POS", 'spelled otherwise: `values: {"POS": "pos"}`'),
        ("Pos ", 'spelled otherwise: `values: {"Pos ": "pos"}`'),
    ],
)
def test_a_label_of_another_spelling_names_the_true_remedy(tmp_path, label, remedy):
    files = {"train.csv": f"text,label\na,{label}\nb,{label}\nc,neg\n"}
    line = refused(tmp_path, files)
    assert f":2: example '2': unknown label {label!r} (and 1 more of it)" in line
    assert line.endswith(remedy)
    keys = {"dialect": {"strip": True}} if "strip" in remedy else {"values": {label: "pos"}}
    assert len(read_tables(tmp_path, files, **keys).splits["train"]) == 3


def test_texts_of_several_columns_and_lists_are_joined(tmp_path):
    columns = {"text": ["title", "text"]}
    content = json.dumps({"title": ["a", "b"], "text": "c", "label": "pos"}) + "\n"
    content += json.dumps({"title": ["d"], "text": "e", "label": "neg"}) + "\n"
    task = read_tables(tmp_path, {"train.jsonl": content}, columns=columns, dialect={"join": " "})
    assert task.splits["train"]["text"] == ["a b c", "d e"]
    assert '`dialect: {join: " "}`' in refused_entry(columns=columns)
    line = refused(tmp_path, {"train.jsonl": content}, columns={"text": "title"})
    assert line.endswith('is a list; name what stands between its words: `dialect: {join: " "}`')
    line = refused(
        tmp_path, {"train.jsonl": '{"text": ["a", 1], "label": "pos"}\n'}, dialect={"join": " "}
    )
    assert "is ['a', 1], not text" in line


def test_the_file_s_own_names_are_its_labels(tmp_path):
    files = {"train.parquet": with_classes(["pos", "neg", "none"])}
    assert [label for *_, label in examples(read_tables(tmp_path, files))] == ["pos", "neg"]
    renamed = read_tables(tmp_path, files, labels=["x", "y"], values={"pos": "x", "1": "y"})
    assert [label for *_, label in examples(renamed)] == ["x", "y"]
    found = read_tables(tmp_path, files, labels="auto")
    assert found.labels == ["pos", "neg"]


def test_names_that_are_numbers_are_names(tmp_path):
    files = {"train.parquet": with_classes(["1", "2"])}
    task = read_tables(tmp_path, files, labels=["low", "high"], values={"1": "low", "2": "high"})
    assert [label for *_, label in examples(task)] == ["low", "high"]
    assert "contradicts it" in refused(
        tmp_path, files, labels=["low", "high"], values={"0": "low", "1": "high"}
    )


@pytest.mark.parametrize(
    "values", [{"0": "pos", "1": "neg"}, {"neg": "pos", "pos": "neg"}, {"0": "pos"}]
)
@pytest.mark.parametrize("names", [["neg", "pos"], ["Neg", "Pos"]])
def test_values_that_contradict_the_file_s_own_names_are_refused(tmp_path, values, names):
    if names[0] not in values and "0" not in values:
        values = {key.title(): label for key, label in values.items()}
    line = refused(tmp_path, {"train.parquet": with_classes(names)}, values=values)
    assert f"names its values itself (0 {names[0]}, 1 {names[1]})" in line
    assert "`values` contradicts it" in line


def test_a_number_without_a_name_is_dropped_by_its_number(tmp_path):
    files = {"train.parquet": with_classes(["neg", "pos"], ids=(0, -1, 1))}
    task = read_tables(tmp_path, files, drop={"labels": ["-1"]})
    assert [label for *_, label in examples(task)] == ["neg", "pos"]


def label_file(tmp_path, rows, labels, **keys):
    """A task whose labels are the lines of a file."""
    (tmp_path / "x.csv").write_text("text\n" + "".join(f"{row}\n" for row in rows))
    path = tmp_path / "labels.txt.gz"
    path.write_bytes(gzip.compress(labels.encode()))
    entry = make_entry(label_files={"train": "labels.txt.gz"}, **keys)
    return read_with_drops(entry, {"train": [TaskFile(tmp_path / "x.csv", entry, None, path)]})


def test_labels_of_a_file_keep_their_positions_where_rows_are_dropped(tmp_path):
    task = label_file(
        tmp_path, ["a", "skip", '" "', "b"], "1\n0\n1\r\n0\n",
        values={1: "pos", 0: "neg"},
        drop={"empty": ["text"], "where": [{"column": "text", "equals": ["skip"]}]},
    )  # fmt: skip
    assert examples(task) == [("2", "a", "pos"), ("5", "b", "neg")]


@pytest.mark.parametrize(
    ("labels", "line"),
    [
        ("pos\nneg\n", r"labels\.txt\.gz: has 2 labels, but .*x\.csv has 3 rows"),
        ("pos\nneg\npos\nneg\n", r"has 4 labels, but .*x\.csv has 3 rows"),
        ("pos\n\nneg\npos\n", r"labels\.txt\.gz:2: is blank"),
        ("", r"labels\.txt\.gz: has 0 labels, but"),
    ],
)
def test_labels_that_are_not_one_for_each_row_are_refused(tmp_path, labels, line):
    with pytest.raises(UserError, match=line) as error:
        label_file(tmp_path, ["a", "b", "c"], labels)
    assert len(error.value.problems) == 1


def test_the_label_of_a_path_is_every_example_s(tmp_path):
    files = {}
    for label in ("neg", "pos"):
        files[label] = tmp_path / f"{label}.csv"
        files[label].write_text(f"text\n{label} text\n")
    entry = make_entry(files={"train": {"neg": "neg.csv", "pos": "pos.csv"}})
    given = [TaskFile(path, entry, label) for label, path in files.items()]
    assert [row[2] for row in examples(read_with_drops(entry, {"train": given}))] == ["neg", "pos"]


def test_auto_finds_the_labels_of_all_splits(tmp_path):
    files = {"train.csv": "text,label\na,10\nb,9\n", "test.csv": "text,label\na,2\n"}
    task = read_tables(tmp_path, files, labels="auto")
    assert task.labels == ["2", "9", "10"]
    assert task.splits["test"].features["label"].names == task.labels


@pytest.mark.parametrize(
    ("labels", "line"),
    [
        (["a", "a"], "finds the label 'a' alone"),
        ([f"text {at}" for at in range(1001)], "finds 1001 labels, such as 'text 0'"),
        (["1", "1.0", "x"], "finds '1' and '1.0', which are the same number"),
    ],
)
def test_auto_refuses_what_is_no_set_of_labels(tmp_path, labels, line):
    rows = "".join(f"t,{label}\n" for label in labels)
    assert line in refused(tmp_path, {"train.csv": f"text,label\n{rows}"}, labels="auto")
