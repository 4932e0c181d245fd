"""What the pages on tasks and readers show is run: every configuration, the reader, its tests."""

import gzip
import re
import subprocess
import sys

import pytest
import yaml
from paths import ROOT

from tunegrid.config.task_entry import TaskEntry
from tunegrid.errors import UserError
from tunegrid.path_patterns import LABEL_IN_PATH
from tunegrid.planning import checks
from tunegrid.planning.grid import expand_grid
from tunegrid.planning.loading import load_project
from tunegrid.tasks import readers
from tunegrid.tasks.fetching import read_task
from tunegrid.tasks.source_paths import files_under_root
from tunegrid.tasks.sources import task_files

PAGES = ("add-a-task.md", "add-a-reader.md")


def blocks(page, language):
    text = (ROOT / "docs" / page).read_text()
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


def reader_and_tests():
    """The two modules that the page on readers shows."""
    reader, tests = blocks("add-a-reader.md", "python")
    return reader, tests


@pytest.fixture
def with_reader(tmp_path, monkeypatch):
    """The reader of the page stands beside the others."""
    reader, _ = reader_and_tests()
    folder = tmp_path / "readers"
    folder.mkdir()
    (folder / "fasttext.py").write_text(reader)
    monkeypatch.setattr(readers, "__path__", [*readers.__path__, str(folder)])
    known = [*readers.reader_names(), "fasttext"]
    monkeypatch.setattr(checks, "reader_names", lambda: known)
    yield
    sys.modules.pop("tunegrid.tasks.readers.fasttext", None)


@pytest.mark.parametrize("block", [block for page in PAGES for block in blocks(page, "yaml")])
def test_every_configuration_of_the_pages_is_planned(block, with_reader, tmp_path):
    root = tmp_path / "corpora"
    for entry in yaml.safe_load(block).get("tasks", {}).values():
        for path in TaskEntry.model_validate(entry).source_paths():
            there = root / path.replace(LABEL_IN_PATH, "some").replace("*", "some")
            there.parent.mkdir(parents=True, exist_ok=True)
            there.touch()
    (tmp_path / "my.yaml").write_text(block.replace("/data/corpora", str(root)))
    cells = list(expand_grid(load_project([tmp_path / "my.yaml"])))
    assert cells


def test_the_reader_of_the_page_passes_the_tests_of_the_page(with_reader, tmp_path):
    """In a process of its own, whose conftest puts the reader beside the others."""
    _, tests = reader_and_tests()
    folder = tmp_path / "tests"
    folder.mkdir()
    (folder / "test_fasttext.py").write_text(tests)
    (folder / "conftest.py").write_text(
        f"import sys\nsys.path.insert(0, {str(ROOT / 'scripts')!r})\n"
        "from tunegrid.tasks import readers\n"
        f"readers.__path__.append({str(tmp_path / 'readers')!r})\n"
    )
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", folder],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout
    assert "4 passed" in run.stdout


def written(tmp_path, changes=None):
    """The task of the page, in a data root with its files: (entry, data root)."""
    (block,) = blocks("add-a-reader.md", "yaml")
    entry = yaml.safe_load(block)["tasks"]["cooking"] | (changes or {})
    root = tmp_path / "root"
    (root / "cooking").mkdir(parents=True)
    (root / "cooking/names.tsv").write_text("7\tbaking\n9\tequipment\n")
    lines = "#7 How long?\n#9 Which pan?\n"
    (root / "cooking/test.txt").write_text(lines)
    (root / "cooking/train.txt.gz").write_bytes(gzip.compress(lines.encode()))
    return TaskEntry.model_validate(entry), root


def test_the_task_of_the_page_is_read_by_the_reader_of_the_page(with_reader, tmp_path):
    entry, root = written(tmp_path)
    task = read_task(entry, task_files("cooking", entry, root))
    assert task["train"]["text"] == ["How long?", "Which pan?"]
    assert task["train"]["label"] == [0, 1]


def test_all_files_of_the_task_of_the_page_are_watched(with_reader, tmp_path):
    entry, root = written(tmp_path)
    watched = [path.name for path in files_under_root(entry, root)]
    assert watched == ["train.txt.gz", "test.txt", "names.tsv"]


def test_options_that_the_reader_of_the_page_does_not_know_are_refused(with_reader, tmp_path):
    (block,) = blocks("add-a-reader.md", "yaml")
    written(tmp_path)
    text = block.replace("/data/corpora", str(tmp_path / "root"))
    for given, problem in (
        ("{marc: x}", "marc: unknown key; did you mean 'mark'? known: mark"),
        ("{mark: 7}", "mark: 7 is not text"),
    ):
        (tmp_path / "my.yaml").write_text(text.replace('{mark: "#"}', given))
        with pytest.raises(UserError) as refused:
            load_project([tmp_path / "my.yaml"])
        (line,) = refused.value.problems
        assert line == f"{tmp_path}/my.yaml: tasks.cooking.options: {problem}"
    (tmp_path / "my.yaml").write_text(text.replace("reader: fasttext", "reader: citations"))
    with pytest.raises(UserError, match="options: reader citations has none; take them out"):
        load_project([tmp_path / "my.yaml"])


def test_what_the_reader_of_the_page_misses_is_one_line_at_the_fetch(with_reader, tmp_path):
    entry, root = written(tmp_path, {"also": None})
    with pytest.raises(UserError, match="reader fasttext needs the file 'names'; name it as `also"):
        read_task(entry, task_files("cooking", entry, root))
    entry, root = written(tmp_path / "again", {"options": {"marc": "#"}})
    with pytest.raises(UserError, match="options: marc: unknown key; did you mean 'mark'"):
        read_task(entry, task_files("cooking", entry, root))
