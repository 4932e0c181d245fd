"""Small tables written in a test, and what a task of them holds."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from tunegrid.config.task_entry import TaskEntry
from tunegrid.errors import UserError
from tunegrid.tasks.fetching import ReadTask, read_with_drops
from tunegrid.tasks.task_file import TaskFile


def make_entry(**keys) -> TaskEntry:
    """An entry of a table of columns text and label, with these keys."""
    return TaskEntry.model_validate({"files": {"train": "x"}, "labels": ["neg", "pos"]} | keys)


def read_tables(folder: Path, files: dict[str, str | bytes], **keys) -> ReadTask:
    """The task of these files, given by `<split>.<format>`, with keys of its entry."""
    splits = {name: name.split(".")[0] for name in files}
    entry = make_entry(files={split: name for name, split in splits.items()}, **keys)
    given = {}
    for name, content in files.items():
        path = folder / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        given[splits[name]] = [TaskFile(path, entry.of_split(splits[name]))]
    return read_with_drops(entry, given)


def examples(task: ReadTask, split: str = "train") -> list[tuple[str, str, str]]:
    """Id, text and label's name of a split's examples."""
    data = task.splits[split]
    names = data.features["label"].names
    return [(row["id"], row["text"], names[row["label"]]) for row in data]


def refused(folder: Path, files: dict[str, str | bytes], **keys) -> str:
    """The one line that these files are refused with."""
    with pytest.raises(UserError) as error:
        read_tables(folder, files, **keys)
    assert len(error.value.problems) == 1, error.value.problems
    assert "\n" not in str(error.value)
    return str(error.value)


def refused_entry(**keys) -> str:
    """What an entry with these keys is refused with."""
    with pytest.raises(ValidationError) as error:
        make_entry(**keys)
    return str(error.value)
