"""Trying files: the guess is made, really read, and written as YAML."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from pydantic import ValidationError

from tunegrid.config.messages import explain_problems
from tunegrid.config.origin import render_key
from tunegrid.config.task_entry import TaskEntry
from tunegrid.config.task_splits import SPLITS
from tunegrid.errors import UserError
from tunegrid.tasks.text_signs import SIGNS, shortened, visible
from tunegrid.tasks.trying.entry_guess import DEV_FRACTION, GuessedEntry, guess_entry
from tunegrid.tasks.trying.found_files import find_files

if TYPE_CHECKING:
    from datasets import DatasetDict

#: Rows that are shown as they were read.
SHOWN_ROWS = 10
#: Characters of a text in such a row.
WIDTH = 90


@dataclass(frozen=True)
class TriedFiles:
    """What came of trying files.

    Attributes:
        configuration: the YAML to paste.
        lines: what was read, for people.
        problems: why the entry does not read the files; empty if it does.
    """

    configuration: str
    lines: list[str]
    problems: list[str] = field(default_factory=list)


def try_files(
    paths: Sequence[Path],
    unpacked: Path,
    *,
    name: str | None = None,
    splits: Sequence[str] = (),
    text: str | None = None,
    label: str | None = None,
) -> TriedFiles:
    """Guess the entry that reads the files, and read them by it.

    Args:
        paths: files, folders or zip archives.
        unpacked: a folder for what archives hold.
        name: the task's name; None to take it from the files.
        splits: the split of each of the paths; empty where their names are to tell.
        text: the column of the text; None to guess it.
        label: the column of the label; None to guess it.

    Raises:
        UserError: nothing can be guessed of the files.
    """
    root, found = find_files(paths, splits, unpacked)
    task = name or _task_name(paths[0])
    guess = guess_entry(found, text, label)
    problems: list[str] = []
    for labels in dict.fromkeys([str(guess.entry.get("labels")), "auto"]):
        entry = guess.entry if labels != "auto" else guess.entry | {"labels": "auto"}
        try:
            splits_read = _read(task, entry, root, unpacked / "members")
        except UserError as error:
            problems = problems or error.problems
            continue
        configuration = _configuration(task, entry, root, guess)
        return TriedFiles(configuration, _describe(splits_read, guess))
    return TriedFiles(_configuration(task, guess.entry, root, guess), [], problems)


def _task_name(path: Path) -> str:
    stem = path.name.partition(".")[0]
    return re.sub(r"[^A-Za-z0-9_-]+", "-", stem).strip("-_").lower() or "mine"


def _read(task: str, entry: dict[str, Any], root: Path, folder: Path) -> "DatasetDict":
    """The task as `fetch_task` reads it.

    Args:
        task: its name.
        entry: its keys.
        root: the data root.
        folder: that members of archives are put into.

    Raises:
        UserError: the entry, or a file, is not what it should be.
    """
    from tunegrid.tasks.fetching import read_task
    from tunegrid.tasks.sources import task_files

    try:
        checked = TaskEntry.model_validate(entry)
    except ValidationError as error:
        raise UserError(
            *(
                f"{render_key(('tasks', task, *key))}: {explanation}"
                for key, explanation in explain_problems(error, TaskEntry)
            )
        ) from None
    return read_task(checked, task_files(task, checked, root, folder))


def _configuration(task: str, entry: dict[str, Any], root: Path, guess: GuessedEntry) -> str:
    """The YAML to paste: data root, task and what is made of its splits."""
    title = {"title": f"{task} (say what is classified)", "reader": "table"}
    whole: dict[str, Any] = {"data_root": str(root), "tasks": {task: title | entry}}
    if guess.needs_dev:
        whole["data"] = {"tasks": {task: {"dev_fraction": DEV_FRACTION}}}
    return yaml.safe_dump(
        whole, sort_keys=False, allow_unicode=True, default_flow_style=None, width=100
    )


def _describe(task: "DatasetDict", guess: GuessedEntry) -> list[str]:
    """What was read: counts, the first rows, what is odd in texts, what was left out."""
    lines = [
        f"{split}: {len(task[split])} examples{_label_counts(task[split])}"
        for split in SPLITS
        if split in task
    ]
    lines += ["", f"the first {SHOWN_ROWS} rows of train, as they were read:"]
    train = task["train"]
    for at in range(min(SHOWN_ROWS, len(train))):
        row = train[at]
        texts = [one for one in (row["text"], row["text_pair"]) if one is not None]
        shown = " | ".join(visible(shortened(one, WIDTH)) for one in texts)
        lines.append(f"  {row['id']}  {_label_of(train, row['label'])}  {shown}")
    for sign, find in SIGNS.items():
        count = sum(find(text) is not None for data in task.values() for text in data["text"])
        if count:
            lines.append(f"look at: {count} texts hold {sign}")
    lines += [f"left out: {count} rows by `{key}`" for key, count in guess.dropped.items()]
    lines += [f"note: {note}" for note in guess.notes]
    return lines


def _label_of(data: Any, value: Any) -> str:
    from tunegrid.tasks.label_kinds import label_text

    return label_text(data, value)


def _label_counts(data: Any) -> str:
    from tunegrid.tasks.splits import label_counts

    counts = Counter(label_counts(data)).most_common(10)
    return f" ({', '.join(f'{name}: {count}' for name, count in counts)})" if counts else ""
