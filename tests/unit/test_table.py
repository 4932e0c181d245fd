"""Tables of a user's own: every format by columns, and one line for what is wrong."""

import bz2
import gzip
import json
import lzma

import pandas as pd
import pytest
from pydantic import ValidationError

from tunegrid.config.task_entry import TaskEntry
from tunegrid.errors import UserError
from tunegrid.tasks.fetching import read_task
from tunegrid.tasks.readers.table import read
from tunegrid.tasks.task_file import TaskFile

ROWS = [
    {"body": "Good, and\nlong.", "stars": "1", "of": "review a"},
    {"body": 'Bad "soup"; é', "stars": "0", "of": "review b"},
]
ENTRY = {
    "reader": "table",
    "files": {"train": "a.csv", "test": "b.csv"},
    "columns": {"text": "body", "label": "stars"},
    "labels": ["bad", "good"],
    "values": {"0": "bad", "1": "good"},
}


def entry(**changes):
    return TaskEntry.model_validate(ENTRY | changes)


def csv_text(separator=","):
    return pd.DataFrame(ROWS).to_csv(index=False, sep=separator).encode()


def json_lines():
    return "".join(json.dumps(row) + "\n" for row in ROWS).encode()


def found(path, **changes):
    return [(e.text, e.text_pair, e.label) for e in read(TaskFile(path, entry(**changes)))]


EXPECTED = [("Good, and\nlong.", None, "good"), ('Bad "soup"; é', None, "bad")]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("x.csv", csv_text()),
        ("mark.csv", b"\xef\xbb\xbf" + csv_text()),
        ("dos.csv", csv_text().replace(b"\n1,", b"\r\n1,")),
        ("x.tsv", csv_text("\t")),
        ("x.jsonl", json_lines()),
        ("x.json", json.dumps(ROWS).encode()),
        ("x.csv.gz", gzip.compress(csv_text(), mtime=0)),
        ("x.jsonl.bz2", bz2.compress(json_lines())),
        ("x.tsv.xz", lzma.compress(csv_text("\t"))),
    ],
)
def test_every_format_gives_the_same_examples(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    assert found(tmp_path / name) == EXPECTED


def test_parquet_gives_them_too_and_numbers_are_mapped_by_value(tmp_path):
    data = pd.DataFrame(ROWS).astype({"stars": int})
    data.to_parquet(tmp_path / "x.parquet")
    assert found(tmp_path / "x.parquet") == EXPECTED


def test_a_pair_an_id_a_group_and_columns_without_names(tmp_path):
    (tmp_path / "x.csv").write_text("7,soup,Good soup.,good,review 1\n")
    columns = {"id": 0, "text": 1, "text_pair": 2, "label": 3, "group": 4}
    (example,) = read(TaskFile(tmp_path / "x.csv", entry(columns=columns)))
    assert (example.id, example.text, example.text_pair) == ("7", "soup", "Good soup.")
    assert (example.label, example.group, example.line) == ("good", "review 1", 1)


def test_plain_lines_keep_their_quotation_marks(tmp_path):
    (tmp_path / "x.txt").write_text('good\t"Fine," he said.\nbad\tNot "so.\n')
    columns = {"label": 0, "text": 1}
    assert found(tmp_path / "x.txt", columns=columns) == [
        ('"Fine," he said.', None, "good"),
        ('Not "so.', None, "bad"),
    ]


def test_a_text_of_ten_megabytes_is_read(tmp_path):
    (tmp_path / "x.csv").write_text(f"body,stars\n{'a' * 10_000_000},1\n")
    ((text, _, label),) = found(tmp_path / "x.csv")
    assert (len(text), label) == (10_000_000, "good")


@pytest.mark.parametrize(
    ("name", "content", "line"),
    [
        ("x.csv", b"body,stars\na\xff,1\n", ":2: not UTF-8"),
        ("x.csv", b"body,rating\na,1\n", ":1: has no column 'stars'; has: 'body', 'rating'"),
        ("x.csv", b"body,stars\na,b,1\n", ":2: has 3 columns, the first row 2; quote a text"),
        ("x.csv", b'body,stars\n"a,1\n', ": not valid CSV"),
        ("x.csv", b"", ": holds no example"),
        ("x.csv", b"body,stars\na,2\n", ":2: example '2': unknown label '2'; known: bad, good"),
        ("x.csv.gz", gzip.compress(csv_text(), mtime=0)[:-9], ": is damaged or cut short"),
        ("x.csv.gz", csv_text(), ": cannot be read: Not a gzipped file"),
        ("x.csv.xz", lzma.compress(csv_text())[:-9], ": is damaged or cut short"),
        ("x.jsonl", b'{"body": 3, "stars": 1}\n', ":1: column 'body' is 3, not text"),
        ("x.json", b"{}", ":1: holds no list of objects"),
        ("x.parquet", b"PAR1", ": not valid Parquet"),
        ("x.doc", b"a", ": its name tells no format; name it: `dialect"),
    ],
)
def test_what_is_wrong_is_one_line(tmp_path, name, content, line):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(UserError) as error:
        read_task(entry(), {"train": [TaskFile(path, entry())]})
    assert str(error.value).startswith(str(path))
    assert line in str(error.value)
    assert "\n" not in str(error.value)


def test_a_parquet_file_without_a_column_names_what_it_has(tmp_path):
    pd.DataFrame({"body": ["a"]}).to_parquet(tmp_path / "x.parquet")
    with pytest.raises(UserError, match=r"has no column stars; has: body"):
        list(read(TaskFile(tmp_path / "x.parquet", entry())))


def test_an_entry_needs_no_counts():
    assert entry().counts is None


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"reader": "questions"}, "names `columns`, which only reader table knows"),
        ({"values": {"0": "worse"}}, "maps values to worse, which `labels` does not name"),
        ({"columns": {"text": "body", "label": 1}}, "mixes names and positions"),
    ],
)
def test_a_wrong_entry_is_refused(changes, line):
    with pytest.raises(ValidationError, match=line):
        entry(**changes)
