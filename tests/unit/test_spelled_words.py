"""Words of a task's entry that YAML would make truth values, numbers or dates of."""

import pytest
from paths import ROOT

from tunegrid.config.origin import read_yaml
from tunegrid.errors import UserError
from tunegrid.planning.loading import load_project

GRID = "grid: [{models: [minilm-l6], tasks: [questions], methods: [full], seeds: [1]}]\n"
TASK = "tasks:\n  mine:\n    files: {train: a.csv, test: b.csv}\n    labels: [neg, pos]\n"


def task(tmp_path, text):
    path = tmp_path / "my.yaml"
    path.write_text(GRID + text)
    return load_project([path]).tasks["mine"]


def of(tmp_path, **keys):
    """The task of an entry whose keys are written in YAML."""
    written = {"files": "{train: a.csv, test: b.csv}", "labels": "[neg, pos]"} | keys
    lines = "".join(f"    {key}: {value}\n" for key, value in written.items())
    return task(tmp_path, f"tasks:\n  mine:\n{lines}")


WORDS = ["NOT", "OFF", "on", "no", "Yes", "true", "False", "010", "12:30", "2020-01-01", "1.10"]


def test_labels_arrive_as_they_are_spelled(tmp_path):
    assert of(tmp_path, labels=f"[{', '.join(WORDS)}]").labels == WORDS


def test_values_files_splits_and_drops_do_too(tmp_path):
    entry = of(
        tmp_path,
        labels="[no, yes]",
        values="{true: yes, off: no, 0: no}",
        drop="{labels: [OFF, -1], where: [{column: on, equals: [no]}]}",
        per_split="{test: {values: {1: yes}, columns: {label: no}}}",
    )
    assert entry.values == {"true": "yes", "off": "no", "0": "no"}
    assert entry.drop.labels == ["OFF", "-1"]
    assert (entry.drop.where[0].column, entry.drop.where[0].equals) == ("on", ["no"])
    assert entry.per_split["test"].values == {"1": "yes"}
    assert entry.per_split["test"].columns.label == "no"
    by_label = of(tmp_path, labels="[no, yes]", files="{train: {no: a.txt, yes: b.txt}, test: c}")
    assert list(by_label.files["train"]) == ["no", "yes"]
    by_column = of(
        tmp_path,
        files="{all: a.csv}",
        columns="{split: part}",
        split="{by: column, values: {on: train, 2: test}}",
    )
    assert by_column.split.values == {"on": "train", "2": "test"}


def test_truth_values_and_positions_stay_what_they_are(tmp_path):
    entry = of(tmp_path, dialect="{header: no, strip: yes}", columns="{text: 1, label: 0}")
    assert (entry.dialect.header, entry.dialect.strip) == (False, True)
    assert (entry.columns.text, entry.columns.label) == (1, 0)


def test_a_null_label_and_a_null_value_say_what_to_write(tmp_path):
    for keys in ({"labels": "[neg, ~]"}, {"values": "{~: neg}"}, {"values": "{a: null}"}):
        with pytest.raises(UserError, match="write the word in quotes") as error:
            of(tmp_path, **keys)
        assert len(error.value.problems) == 1


def test_a_label_that_is_no_word_is_one_line(tmp_path):
    with pytest.raises(UserError, match="is no label; write each label as one word") as error:
        of(tmp_path, labels="[neg, {pos: 1}]")
    assert len(error.value.problems) == 1


def test_a_range_is_a_list(tmp_path):
    text = TASK.replace("labels: [neg, pos]", "target: {kind: regression, range: [0, 5]}")
    assert task(tmp_path, text).target.range == [0.0, 5.0]


def test_other_files_are_read_as_yaml_has_them(tmp_path):
    (tmp_path / "a.yaml").write_text("labels: [no]")
    assert read_yaml(tmp_path / "a.yaml", "a") == {"labels": [False]}
    assert read_yaml(ROOT / "config/tasks.yaml", "a", tasks=[])["acl_sup"]["labels"]
