"""What the pages on tasks and readers show is run: every configuration, the reader, its tests."""

import re
import subprocess
import sys

import pytest
import yaml
from paths import ROOT

from tunegrid.config.task_entry import TaskEntry
from tunegrid.planning import checks
from tunegrid.planning.grid import expand_grid
from tunegrid.planning.loading import load_project
from tunegrid.tasks import readers
from tunegrid.tasks.fetching import read_task
from tunegrid.tasks.task_file import TaskFile

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
        if "hub" not in entry:
            for path in entry["files"].values():
                (root / path).parent.mkdir(parents=True, exist_ok=True)
                (root / path).touch()
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
    assert "3 passed" in run.stdout


def test_the_task_of_the_page_is_read_by_the_reader_of_the_page(with_reader, tmp_path):
    (block,) = blocks("add-a-reader.md", "yaml")
    entry = TaskEntry.model_validate(yaml.safe_load(block)["tasks"]["cooking"])
    files = {split: [TaskFile(tmp_path / f"{split}.txt", entry)] for split in ("train", "test")}
    for (file,) in files.values():
        file.path.write_text("__label__baking How long?\n__label__equipment Which pan?\n")
    task = read_task(entry, files)
    assert task["train"]["text"] == ["How long?", "Which pan?"]
    assert task["train"]["label"] == [0, 1]
