"""From a file to the entry that reads it: what is guessed, tried, printed and refused."""

import json
import subprocess
import sys
import zipfile
from pathlib import Path

import forked
import pytest
import yaml
from paths import ROOT

from tunegrid.config.task_entry import TaskEntry
from tunegrid.errors import UserError
from tunegrid.tasks.fetching import read_task
from tunegrid.tasks.sources import task_files
from tunegrid.tasks.trying.column_guess import guess_columns
from tunegrid.tasks.trying.entry_guess import guess_entry
from tunegrid.tasks.trying.found_files import find_files
from tunegrid.tasks.trying.table_guess import guess_table
from tunegrid.tasks.trying.try_files import try_files

ROWS = [
    (f"a text of {at} words{', or so' if at % 2 else ''}", "pos" if at % 3 else "neg")
    for at in range(60)
]


def write(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def entry_of(*paths, text=None, label=None, splits=(), folder):
    _, found = find_files(list(paths), splits, folder / "unpacked")
    return guess_entry(found, text, label).entry


def quoted(value):
    return '"' + value.replace('"', '""') + '"'


@pytest.mark.parametrize(
    ("name", "content", "dialect"),
    [
        ("a.csv", "text,label\n" + "".join(f"{quoted(t)},{y}\n" for t, y in ROWS),
         {"quoting": "minimal"}),
        ("a.csv", "text;label\n" + "".join(f"{t};{y}\n" for t, y in ROWS), {"separator": ";"}),
        ("a.csv", "text\tlabel\n" + "".join(f"{t}\t{y}\n" for t, y in ROWS), {"separator": "\t"}),
        ("a.tsv", "text\tlabel\n" + "".join(f"{t}\t{y}\n" for t, y in ROWS), {}),
        ("a.tsv", 'text\tlabel\n"We were late.\tneg\nIt was cold.\tneg\nWe left."\tpos\n',
         {"quoting": "none"}),
        ("a.txt", "".join(f"{t}\t{y}\n" for t, y in ROWS), {"format": "tsv", "quoting": "minimal"}),
        ("a.txt", "".join(f"{t}@{y}\n" for t, y in ROWS),
         {"format": "csv", "separator": "@", "quoting": "minimal"}),
        ("a.csv", "text,label\n" + "".join(f"'{t}',{y}\n" for t, y in ROWS),
         {"quoting": "minimal", "quotechar": "'"}),
        ("a.csv", "text,label\ncaf\u00e9,pos\nbad,neg\n".encode("latin-1"),
         {"encoding": "cp1252"}),
        ("a.csv", "text,label\ncaf\u00e9,pos\nbad,neg\n".encode("utf-16"), {"encoding": "utf-16"}),
        ("a.csv", "text, label\na, pos\nb,neg \n", {"strip": True}),
        ("a.json", '{"text": "a", "label": "pos"}\n{"text": "b", "label": "neg"}\n',
         {"format": "jsonl"}),
        ("a.json", '{"data": [{"text": "a", "label": "pos"}]}', {"records": "data"}),
        ("a.jsonl", '{"text": ["a", "b"], "label": "pos"}\n', {"join": " "}),
        ("a.CSV", "text,label\na,pos\nb,neg\n", {}),
    ],
)  # fmt: skip
def test_the_dialect_is_told_from_the_content(name, content, dialect, tmp_path):
    entry = entry_of(write(tmp_path / name, content), folder=tmp_path)
    assert entry.get("dialect", {}) == dialect
    TaskEntry.model_validate(entry)


@pytest.mark.parametrize(
    ("header", "rows", "columns"),
    [
        ("text,label", [("a b", "x"), ("b", "y")], {"text": "text", "label": "label"}),
        ("id,review,stars", [("1", "good one", "5"), ("2", "bad", "1")],
         {"text": "review", "label": "stars", "id": "id"}),
        ("premise,hypothesis,gold_label", [("a b", "b", "entailment"), ("c", "d", "neutral")],
         {"text": "premise", "text_pair": "hypothesis", "label": "gold_label"}),
        (None, [("a longer text", "spam"), ("one more text", "ham"), ("and so on", "ham")],
         {"text": 0, "label": 1}),
        ("what,which", [(f"words of {at}", "x" if at % 2 else "z") for at in range(9)],
         {"text": "what", "label": "which"}),
        ("text,label,split", [("a", "x", "train"), ("b", "y", "test")],
         {"text": "text", "label": "label", "split": "split"}),
        ("text,label,text", [("full text", "x", "q"), ("full text two", "y", "r")],
         {"text": 0, "label": 1}),
    ],
)  # fmt: skip
def test_the_columns_are_told_by_their_names_and_values(header, rows, columns, tmp_path):
    lines = [header] if header else []
    path = write(tmp_path / "a.csv", "\n".join([*lines, *(",".join(row) for row in rows)]) + "\n")
    entry = entry_of(path, folder=tmp_path)
    assert entry["columns"] == columns
    TaskEntry.model_validate(entry)


def test_columns_that_are_told_win(tmp_path):
    path = write(tmp_path / "a.csv", "text,other,label,kind\na,long words here,x,k\nb,more,y,l\n")
    entry = entry_of(path, text="other", label="kind", folder=tmp_path)
    assert entry["columns"] == {"text": "other", "label": "kind"}
    with pytest.raises(UserError, match="--label-column: there is no column no; has: text, other"):
        entry_of(path, label="no", folder=tmp_path)


def test_rows_that_are_no_examples_are_dropped_by_the_key_that_says_so(tmp_path):
    path = write(tmp_path / "a.csv", "text,label\n,pos\nb,neg\nc,pos\nd,-\n   ,neg\n")
    entry = entry_of(path, folder=tmp_path)
    assert entry["drop"] == {"empty": ["text"], "labels": ["-"]}
    assert entry["labels"] == ["neg", "pos"]
    nulls = write(tmp_path / "b.jsonl", '{"text": "a", "label": null}\n{"text": "b", "label": "x"}')
    assert entry_of(nulls, folder=tmp_path)["drop"] == {"missing": ["label"]}


def test_files_are_splits_by_their_names_and_dev_is_asked_for_where_none_ships(tmp_path):
    table = "text,label\n" + "".join(f"{quoted(t)},{y}\n" for t, y in ROWS)
    for name in ("x_train", "x_valid", "x_test"):
        write(tmp_path / f"{name}.csv", table)
    write(tmp_path / "README.md", "none of the data")
    entry = entry_of(tmp_path, folder=tmp_path)
    assert entry["files"] == {"train": "x_train.csv", "dev": "x_valid.csv", "test": "x_test.csv"}
    assert "split" not in entry
    told = entry_of(
        tmp_path / "x_test.csv", tmp_path / "x_train.csv", splits=["train", "test"], folder=tmp_path
    )
    assert told["files"] == {"train": "x_test.csv", "test": "x_train.csv"}


def test_columns_that_differ_between_splits_stand_per_split(tmp_path):
    write(tmp_path / "train.csv", "sentence,label\na b c,x\nb,y\n")
    write(tmp_path / "test.csv", "text;label\na b c;x\nb;y\n")
    entry = entry_of(tmp_path, folder=tmp_path)
    assert entry["per_split"] == {
        "test": {
            "columns": {"text": "text", "label": "label"},
            "dialect": {"separator": ";"},
        }
    }
    TaskEntry.model_validate(entry)


def test_folders_and_files_that_are_their_labels(tmp_path):
    for split in ("train", "test"):
        for label in ("neg", "pos"):
            write(tmp_path / f"imdb/{split}/{label}/0_1.txt", "a text")
            write(tmp_path / f"imdb/{split}/{label}/1_1.txt", "a text")
    entry = entry_of(tmp_path / "imdb", folder=tmp_path)
    assert entry["files"] == {"train": "train/{label}/*.txt", "test": "test/{label}/*.txt"}
    assert (entry["dialect"], entry["labels"]) == ({"format": "document"}, ["neg", "pos"])
    for label in ("neg", "pos"):
        write(tmp_path / f"rt/rt-polarity.{label}", "a line\nanother line\n")
    entry = entry_of(tmp_path / "rt", folder=tmp_path)
    assert entry["files"] == {"all": {"neg": "rt-polarity.neg", "pos": "rt-polarity.pos"}}
    assert entry["dialect"] == {"format": "lines"}
    TaskEntry.model_validate(entry)


def test_splits_in_one_file_of_json(tmp_path):
    value = {"train": [["a b", "pos"], ["c", "neg"]], "val": [["d", "pos"]]}
    entry = entry_of(write(tmp_path / "a.json", json.dumps(value)), folder=tmp_path)
    assert entry["files"] == {"train": "a.json", "dev": "a.json"}
    assert entry["columns"] == {"text": 0, "label": 1}
    assert entry["per_split"]["dev"] == {"dialect": {"records": "val"}}
    TaskEntry.model_validate(entry)


def test_members_of_a_zip_are_named_behind_it(tmp_path):
    with zipfile.ZipFile(tmp_path / "c.zip", "w") as archive:
        archive.writestr("c/train.csv", "text,label\na b,x\nb,y\n")
        archive.writestr("c/test.csv", "text,label\na b,x\nb,y\n")
    entry = entry_of(tmp_path / "c.zip", folder=tmp_path)
    assert entry["files"] == {"train": "c.zip/c/train.csv", "test": "c.zip/c/test.csv"}


def test_numbers_of_many_values_are_a_regression(tmp_path):
    rows = "".join(f"text of {at},{at / 7:.2f}\n" for at in range(50))
    entry = entry_of(write(tmp_path / "a.csv", "text,score\n" + rows), folder=tmp_path)
    assert entry["target"] == {"kind": "regression"}
    assert "labels" not in entry
    TaskEntry.model_validate(entry)


def test_a_file_without_labels_is_refused_with_the_option_that_names_them(tmp_path):
    path = write(tmp_path / "a.csv", "one,two\n" + "".join(f"{at} x,{at} y\n" for at in range(400)))
    with pytest.raises(UserError, match=r"no column looks like a label .*--label-column"):
        guess_columns(guess_table(path), None, None)


@pytest.mark.parametrize("suffix", [".csv", ".jsonl"])
def test_what_is_printed_reads_the_file_as_it_stands(suffix, tmp_path):
    records = [{"text": text, "label": label} for text, label in ROWS]
    if suffix == ".csv":
        content = "text,label\n" + "".join(f"{quoted(t)},{y}\n" for t, y in ROWS)
    else:
        content = "".join(json.dumps(record) + "\n" for record in records)
    path = write(tmp_path / f"My Data{suffix}", content)
    tried = try_files([path], tmp_path / "unpacked")
    assert tried.problems == []
    assert any("words, or so" in line for line in tried.lines)
    config = yaml.safe_load(tried.configuration)
    entry = TaskEntry.model_validate(config["tasks"]["my-data"])
    task = read_task(entry, task_files("my-data", entry, Path(config["data_root"])))
    texts = [text for split in task.values() for text in split["text"]]
    assert sorted(texts) == sorted(text for text, _ in ROWS)


def run(*arguments):
    return subprocess.run(
        [forked.interpreter(), ROOT / "scripts/try_task.py", *map(str, arguments)],
        capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip


def test_the_program_writes_what_it_prints_and_words_of_yaml_stay_words(tmp_path):
    rows = "".join(f"text {at} is here,{'OFF' if at % 2 else 'NOT'}\n" for at in range(60))
    path = write(tmp_path / "tweets.csv", "tweet,subtask_a\n" + rows)
    done = run("--file", path, "--output", tmp_path / "my.yaml")
    assert done.returncode == 0, done.stderr
    assert "OFF  text " in done.stdout
    config = yaml.safe_load((tmp_path / "my.yaml").read_text())
    assert config["tasks"]["tweets"]["labels"] == ["NOT", "OFF"]


def test_the_program_says_so_where_its_guess_does_not_read(tmp_path):
    write(tmp_path / "train.csv", "id,text,label\n1,a b,x\n2,c,y\n")
    write(tmp_path / "test.csv", "id,text,label\n1,a b,x\n2,c\n")
    done = run("--file", tmp_path / "train.csv", "--file", tmp_path / "test.csv")
    assert done.returncode == 1
    assert "this guess does not read the files" in done.stderr
    assert f"error: {tmp_path / 'test.csv'}:3" in done.stderr
    assert "Traceback" not in done.stderr
    missing = run("--file", tmp_path / "no.csv")
    assert missing.stderr == f"error: --file: {tmp_path / 'no.csv'} is not there\n"


def test_nothing_heavy_is_imported_before_the_files_are_read():
    code = (
        "import sys; import tunegrid.tasks.trying.try_files;"
        " print([m for m in ('torch', 'transformers', 'datasets') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True,
        env={"PYTHONPATH": str(ROOT / "scripts")},
    )  # fmt: skip
    assert done.stdout == "[]\n"


#: The kinds of small files that public data sets brought, and the keys that read them.
CASES = ROOT.parent / "shared" / "cases" / "files"
READS = [
    "quote_swallow.tsv", "quote_whole_only.tsv", "csvquoted.txt", "dupcol2.csv",
    "hf_classlabel.parquet", "semi.csv", "jsonl.json", "pairs.json", "spaces.csv", "float.csv",
    "bool.jsonl", "ws.csv", "split_column.csv", "two",
]  # fmt: skip


@pytest.mark.parametrize("name", READS)
def test_a_file_of_each_kind_is_read_by_the_entry_that_is_printed(name, tmp_path):
    if not CASES.is_dir():
        pytest.skip("the small files are not here")
    tried = try_files([CASES / name], tmp_path)
    assert tried.problems == []


#: The kinds whose small files hold one label or one example, which is no task: with more rows.
LARGER = {
    "latin1.csv": ("text,label\n" + "caf\u00e9 now,pos\nbad day,neg\n" * 5).encode("latin-1"),
    "nested.json": json.dumps({"data": [{"text": t, "label": y} for t, y in ROWS]}).encode(),
    "emptytext.csv": b"text,label\n,pos\n   ,neg\n" + b"b,neg\nc,pos\n" * 5,
    "null.jsonl": b'{"text":"a","label":null}\n' + b'{"text":"b","label":"pos"}\n'
                  b'{"text":"c","label":"neg"}\n' * 3,
    "tokens.jsonl": b'{"text":["a","b"],"label":"pos"}\n{"text":["c"],"label":"neg"}\n' * 5,
    "upper.CSV": b"text,label\n" + b"a b,pos\nb,neg\n" * 5,
}  # fmt: skip


@pytest.mark.parametrize("name", LARGER)
def test_a_file_of_such_a_kind_is_read_by_the_entry_that_is_printed(name, tmp_path):
    tried = try_files([write(tmp_path / name, LARGER[name])], tmp_path / "unpacked")
    assert tried.problems == []


def test_a_list_of_the_labels_beside_a_table_is_left_out(tmp_path):
    write(tmp_path / "c/classes.txt", "World\nSports\n")
    write(tmp_path / "c/data.csv", "text,label\n" + "a b,pos\nb,neg\n" * 5)
    assert entry_of(tmp_path / "c", folder=tmp_path)["files"] == {"all": "data.csv"}
