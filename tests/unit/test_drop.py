"""Rows that are no examples: those that the entry names are counted, all others are refused."""

import json
import sys

import pytest
from own_tables import examples, make_entry, read_tables, refused

import fetch_task
from tunegrid.files import read_json

TABLE = "text,label,votes,lang\na,pos,9,en\n,neg,8,en\nb,-,7,en\nc,neg,1,en\nd,neg,5,de\ne,neg,4,\n"
LINES = [
    {"text": "a", "label": "pos"},
    {"text": "b", "label": None},
    {"text": None, "label": "neg"},
    {"label": "neg"},
    {"text": "c", "label": -1},
    {"text": "d", "label": "neg"},
]
JSON = "".join(json.dumps(line) + "\n" for line in LINES)


def test_rows_are_dropped_by_label_text_and_condition_and_counted(tmp_path):
    drop = {
        "labels": ["-"],
        "empty": ["text"],
        "where": [
            {"column": "votes", "below": 2},
            {"column": "lang", "equals": ["de"]},
            {"column": "lang", "equals": [""]},
        ],
    }
    task = read_tables(tmp_path, {"train.csv": TABLE}, drop=drop)
    assert examples(task) == [("2", "a", "pos")]
    assert task.dropped == {
        "train": {
            "label '-'": 1,
            "lang is ''": 1,
            "lang is 'de'": 1,
            "text is empty": 1,
            "votes is below 2": 1,
        }
    }


def test_null_and_absent_are_missing_and_ids_stay_the_lines(tmp_path):
    drop = {"labels": [-1], "missing": ["text", "label"]}
    task = read_tables(tmp_path, {"train.jsonl": JSON}, drop=drop)
    assert examples(task) == [("1", "a", "pos"), ("6", "d", "neg")]
    assert task.dropped["train"] == {"label '-1'": 1, "label is missing": 1, "text is missing": 2}


@pytest.mark.parametrize(
    ("condition", "kept"),
    [
        ({"equals": ["9.0", "8"]}, "bcde"),
        ({"differs_from": ["9", "5.00"]}, "ad"),
        ({"above": 4}, "ce"),
        ({"below": 5}, "abd"),
    ],
)
def test_conditions_compare_by_spelling_or_number(tmp_path, condition, kept):
    table = TABLE.replace(",neg,8", "x,neg,8").replace(",-,", ",neg,")
    drop = {"where": [{"column": "votes", **condition}]}
    task = read_tables(tmp_path, {"train.csv": table}, drop=drop)
    assert "".join(task.splits["train"]["text"]).replace("x", "") == kept


def test_of_a_pair_the_second_text_may_be_empty_or_missing(tmp_path):
    table = "text,other,label\na,b,pos\na,  ,neg\n"
    columns = {"text": "text", "text_pair": "other"}
    task = read_tables(
        tmp_path, {"train.csv": table}, columns=columns, drop={"empty": ["text_pair"]}
    )
    assert task.dropped["train"] == {"text_pair is empty": 1}


@pytest.mark.parametrize(
    ("files", "line"),
    [
        ({"train.csv": "text,label\n ,pos\n,neg\n"},
         "the text is empty (and 1 more); to leave such rows out: `drop: {empty: [text]}`"),
        ({"train.jsonl": '{"text": "a", "label": null}\n'},
         ":1: its label is null (column 'label'); to leave such rows out: `drop: {missing:"),
        ({"train.csv": "text,label\na,\n"}, "is blank (column 'label'); to leave such rows out"),
        ({"train.jsonl": '{"text": null, "label": "pos"}\n'}, "`drop: {missing: [text]}`"),
        ({"train.csv": "text,label\na,-\nb,pos\nc,-\n"},
         "unknown label '-' (and 1 more of it); known: neg, pos; to leave such rows out:"),
    ],
)  # fmt: skip
def test_what_is_not_dropped_is_refused_with_the_key_that_would_drop_it(tmp_path, files, line):
    assert line in refused(tmp_path, files)


@pytest.mark.parametrize(
    ("drop", "line"),
    [
        ({"labels": ["pos", "neg"]}, "`drop` leaves no example of train (label 'neg': 1, "),
        ({"where": [{"column": "lang", "equals": ["en"]}]}, "no row has the column 'lang' of"),
        ({"where": [{"column": "text", "above": 1}]}, "column 'text' is 'a', which is no number"),
    ],
)  # fmt: skip
def test_a_drop_that_cannot_be_meant_is_refused(tmp_path, drop, line):
    files = {"train.jsonl": '{"text": "a", "label": "pos"}\n{"text": "b", "label": "neg"}\n'}
    assert line in refused(tmp_path, files, drop=drop)


def test_task_json_and_the_log_count_what_was_dropped(tmp_path, monkeypatch, caplog):
    (tmp_path / "a.csv").write_text("text,label\na,pos\n,neg\n")
    (tmp_path / "b.csv").write_text("text,label\na,pos\nb,neg\n")
    entry = make_entry(files={"train": "a.csv", "test": "b.csv"}, drop={"empty": ["text"]})
    arguments = [
        "fetch_task", "--name", "mine", "--entry", json.dumps(entry.settings()),
        "--data-root", str(tmp_path), "--output", str(tmp_path / "out"),
    ]  # fmt: skip
    monkeypatch.setattr(sys, "argv", arguments)
    with caplog.at_level("INFO"):
        fetch_task.main()
    card = read_json(tmp_path / "out" / "task.json")
    assert card["dropped"] == {"train": {"text is empty": 1}}
    assert (card["labels"], card["examples"]) == (["neg", "pos"], {"train": 1, "test": 2})
    assert "mine train: 1 rows dropped {'text is empty': 1}" in caplog.messages
