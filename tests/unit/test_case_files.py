"""Small files of kinds that public data sets have, each with the YAML by which it arrives whole.

What the entry would have to say, and does not, is refused in one line that names it.
"""

import io

import pytest
from datasets import ClassLabel, Dataset, Features, Value, load_from_disk

from tunegrid.config.task_entry import TaskEntry
from tunegrid.errors import UserError
from tunegrid.tasks.fetching import fetch_task

DEFAULTS = {"columns": {"text": "text", "label": "label"}, "labels": ["neg", "pos"]}
UNQUOTED = {"dialect": {"quoting": "none"}}
QUOTED = {"dialect": {"quoting": "minimal"}}
SWALLOWED = (
    'text\tlabel\n"We were late.\tneg\nThe soup was cold.\tneg\nWe left at once."\tneg\n'
    "Fine place.\tpos\n"
)
WHOLE = 'text\tlabel\n"Wonderful"\tpos\nBad\tneg\n'
DOUBLED = 'text\tlabel\n"He said ""no"" twice"\tneg\nGood\tpos\n'
PAIRS = '{"train":[["a","pos"],["b","neg"]],"val":[["c","pos"]]}'
SPLIT_COLUMN = "text,label,split\na,pos,train\nb,neg,train\nc,pos,test\nd,neg,validation\n"


def class_label_parquet():
    features = Features({"text": Value("string"), "label": ClassLabel(names=["neg", "pos"])})
    content = io.BytesIO()
    data = Dataset.from_dict({"text": ["awful", "great"], "label": [0, 1]}, features=features)
    data.to_parquet(content)
    return content.getvalue()


#: Of one file: its name and content, what the entry says beside `DEFAULTS`, the train examples.
ARRIVES = [
    (
        "quote_swallow.tsv",
        SWALLOWED,
        UNQUOTED,
        [
            ('"We were late.', "neg"),
            ("The soup was cold.", "neg"),
            ('We left at once."', "neg"),
            ("Fine place.", "pos"),
        ],
    ),
    ("quote_whole_only.tsv", WHOLE, UNQUOTED, [('"Wonderful"', "pos"), ("Bad", "neg")]),
    ("quote_whole_only.tsv", WHOLE, QUOTED, [("Wonderful", "pos"), ("Bad", "neg")]),
    ("csvquoted.txt", DOUBLED, QUOTED, [('He said "no" twice', "neg"), ("Good", "pos")]),
    (
        "hf_classlabel.parquet",
        class_label_parquet(),
        {},
        [("awful", "neg"), ("great", "pos")],
    ),
    (
        "latin1.csv",
        b"text,label\ncaf\xe9,pos\n",
        {"dialect": {"encoding": "latin-1"}},
        [("café", "pos")],
    ),
    (
        "semi.csv",
        'text;label\nhello, you;pos\n"a;b";neg\n',
        {"dialect": {"separator": ";"}},
        [("hello, you", "pos"), ("a;b", "neg")],
    ),
    (
        "jsonl.json",
        '{"text":"a","label":"pos"}\n{"text":"b","label":"neg"}\n',
        {},
        [("a", "pos"), ("b", "neg")],
    ),
    (
        "nested.json",
        '{"data":[{"text":"a","label":"pos"}]}',
        {"dialect": {"records": "data"}},
        [("a", "pos")],
    ),
    (
        "emptytext.csv",
        "text,label\n,pos\nb,neg\n   ,neg\n",
        {"drop": {"empty": ["text"]}},
        [("b", "neg")],
    ),
    (
        "null.jsonl",
        '{"text":"a","label":null}\n{"text":"b","label":"pos"}\n',
        {"drop": {"missing": ["label"]}},
        [("b", "pos")],
    ),
    (
        "spaces.csv",
        "text, label\na, pos\nb,neg \n",
        {"dialect": {"strip": True}},
        [("a", "pos"), ("b", "neg")],
    ),
    (
        "float.csv",
        "text,label\na,1.0\nb,0.0\n",
        {"values": {"1": "pos", "0": "neg"}},
        [("a", "pos"), ("b", "neg")],
    ),
    (
        "float.csv",
        "text,label\na,1.0\nb,0.0\n",
        {"values": {1: "pos", 0: "neg"}},
        [("a", "pos"), ("b", "neg")],
    ),
    (
        "bool.jsonl",
        '{"text":"a","label":true}\n{"text":"b","label":false}\n',
        {"values": {"true": "pos", "false": "neg"}},
        [("a", "pos"), ("b", "neg")],
    ),
    (
        "bool.jsonl",
        '{"text":"a","label":true}\n{"text":"b","label":false}\n',
        {"values": {True: "pos", False: "neg"}},
        [("a", "pos"), ("b", "neg")],
    ),
    ("ws.csv", "text,label\na,pos\nb,neg\n   \n\n", {}, [("a", "pos"), ("b", "neg")]),
    (
        "tokens.jsonl",
        '{"text":["a","b"],"label":"pos"}\n',
        {"dialect": {"join": " "}},
        [("a b", "pos")],
    ),
    ("upper.CSV", "text,label\na,pos\n", {}, [("a", "pos")]),
]

#: Of one file: what must be refused without a word of the entry, and what the line says.
REFUSED = [
    ("quote_swallow.tsv", SWALLOWED, {}, ("quote_swallow.tsv:", "quoting: none")),
    ("quote_whole_only.tsv", WHOLE, {}, ("quote_whole_only.tsv:2", "quoting: none", "minimal")),
    ("csvquoted.txt", DOUBLED, {}, ("csvquoted.txt:2", "quoting: minimal")),
    (
        "dupcol2.csv",
        "text,label,text\nfull text one,pos,x\nfull text two,neg,y\n",
        {},
        ("dupcol2.csv:1", "'text'", "2 columns"),
    ),
    (
        "hf_classlabel.parquet",
        class_label_parquet(),
        {"values": {"0": "pos", "1": "neg"}},
        ("neg", "pos", "values"),
    ),
    (
        "sur.jsonl",
        '{"text":"a\\ud83d","label":"pos"}\n{"text":"b","label":"neg"}\n',
        {},
        ("sur.jsonl:1:",),
    ),
    ("latin1.csv", b"text,label\ncaf\xe9,pos\n", {}, ("latin1.csv:2", "encoding")),
    ("semi.csv", 'text;label\nhello, you;pos\n"a;b";neg\n', {}, ("separator", ";")),
    ("emptytext.csv", "text,label\n,pos\nb,neg\n", {}, ("emptytext.csv:2", "empty", "drop")),
    ("null.jsonl", '{"text":"a","label":null}\n', {}, ("null.jsonl:1", "drop", "missing")),
    ("spaces.csv", "text,label\na, pos\n", {}, ("spaces.csv:2", "strip")),
    ("tokens.jsonl", '{"text":["a","b"],"label":"pos"}\n', {}, ("tokens.jsonl:1", "join")),
]


def fetched(folder, files, settings):
    """The splits of a task whose entry has these settings, by its files' names and contents."""
    for name, content in files.items():
        (folder / "data").mkdir(exist_ok=True)
        path = folder / "data" / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    entry = TaskEntry.model_validate(settings)
    fetch_task("mine", entry, folder / "data", folder / "task")
    task = load_from_disk(str(folder / "task"))
    return {
        split: [
            (text, data.features["label"].int2str(label))
            for text, label in zip(data["text"], data["label"], strict=True)
        ]
        for split, data in task.items()
    }


@pytest.mark.parametrize(("name", "content", "says", "examples"), ARRIVES)
def test_a_file_arrives_by_yaml_alone(tmp_path, name, content, says, examples):
    settings = DEFAULTS | {"files": {"train": name}} | says
    assert fetched(tmp_path, {name: content}, settings) == {"train": examples}


@pytest.mark.parametrize(("name", "content", "says", "words"), REFUSED)
def test_what_an_entry_does_not_say_is_no_guess(tmp_path, name, content, says, words):
    settings = DEFAULTS | {"files": {"train": name}} | says
    with pytest.raises(UserError) as error:
        fetched(tmp_path, {name: content}, settings)
    line = error.value.problems[0]
    assert "\n" not in line
    assert [word for word in words if word not in line] == []


def test_splits_of_one_json_file(tmp_path):
    settings = DEFAULTS | {
        "files": {"train": "pairs.json", "dev": "pairs.json"},
        "columns": {"text": 0, "label": 1},
        "per_split": {
            "train": {"dialect": {"records": "train"}},
            "dev": {"dialect": {"records": "val"}},
        },
    }
    assert fetched(tmp_path, {"pairs.json": PAIRS}, settings) == {
        "train": [("a", "pos"), ("b", "neg")],
        "dev": [("c", "pos")],
    }


def test_a_column_names_the_split(tmp_path):
    settings = DEFAULTS | {
        "files": {"all": "split_column.csv"},
        "columns": {"text": "text", "label": "label", "split": "split"},
        "split": {
            "by": "column",
            "values": {"train": "train", "validation": "dev", "test": "test"},
        },
    }
    assert fetched(tmp_path, {"split_column.csv": SPLIT_COLUMN}, settings) == {
        "train": [("a", "pos"), ("b", "neg")],
        "dev": [("d", "neg")],
        "test": [("c", "pos")],
    }


@pytest.mark.parametrize("files", ["two", "two/*.csv", ["two/a.csv", "two/b.csv"]])
def test_several_files_of_one_split(tmp_path, files):
    contents = {"two/a.csv": "text,label\na,pos\n", "two/b.csv": "text,label\nb,neg\n"}
    settings = DEFAULTS | {"files": {"train": files}}
    assert fetched(tmp_path, contents, settings) == {"train": [("a", "pos"), ("b", "neg")]}
