"""From a catalogue entry to a checked task: one form for all, whatever the files look like."""

import os
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NotRequired, TypedDict

from datasets import ClassLabel, Dataset, DatasetDict, Features, Value

from tunegrid.config.task_entry import Counts, Split, TaskEntry
from tunegrid.errors import UserError
from tunegrid.files import sha256, write_json
from tunegrid.tasks.readers import load_reader
from tunegrid.tasks.readers.example import Example
from tunegrid.tasks.sources import BroughtTask, bring_task
from tunegrid.tasks.splits import grouped_sample, label_counts, stratified_sample
from tunegrid.tasks.task_file import SplitFiles, TaskFile
from tunegrid.web import STORE

#: How many problems of one file are listed before the rest are only counted.
LISTED = 5


class FetchedTask(TypedDict):
    """What task.json says of a fetched task.

    Attributes:
        task: its name.
        entry: the keys of its catalogue entry that decide a result.
        files: of each split, or of `all`, the SHA-256 of every file that was read, also of labels;
            under `also`, of the further files that the entry names.
        archives: the SHA-256 of the archives that some of them are in.
        splits: of each split, how many examples have each label.
        commit: the commit that the revision stood for, of a task of the hub.
    """

    task: str
    entry: dict[str, Any]
    files: dict[str, dict[str, str]]
    archives: NotRequired[dict[str, str]]
    splits: dict[str, dict[str, int]]
    commit: NotRequired[str]


def fetch_task(name: str, entry: TaskEntry, data_root: Path | None, output: Path) -> FetchedTask:
    """Bring in a task, check it, and write it in the form that all tasks share.

    Args:
        name: the task's name.
        entry: its catalogue entry.
        data_root: the folder of the files that neither a package nor the hub holds.
        output: folder to write: the splits (Arrow, `datasets.load_from_disk`) and task.json.

    Returns:
        What task.json says.

    Raises:
        UserError: the files cannot be had, or are not as the catalogue says.
    """
    # Not in the output, which holds what was read and not what it was read from.
    downloads = output.parent / ".sources" / name
    brought = bring_task(name, entry, data_root, downloads, output.parent / STORE)
    task = read_task(entry, brought.files)
    task.save_to_disk(output)
    card: FetchedTask = {
        "task": name,
        "entry": entry.settings(),
        "files": _checksums(brought),
        "splits": {split: label_counts(data) for split, data in task.items()},
    }
    if brought.archives:
        card["archives"] = {
            brought.public_name(archive): sha256(archive) for archive in brought.archives
        }
    if brought.commit:
        card["commit"] = brought.commit
    write_json(output / "task.json", card)
    shutil.rmtree(downloads, ignore_errors=True)
    return card


def _checksums(brought: BroughtTask) -> dict[str, dict[str, str]]:
    """The SHA-256 of all files that a task was read from, by split."""
    read: dict[str, list[Path]] = {}
    for split, files in brought.files.items():
        labels = dict.fromkeys(file.label_file for file in files if file.label_file)
        read[split] = [*(file.path for file in files), *labels]
        if also := files[0].also:
            read["also"] = list(also.values())
    return {
        key: {brought.public_name(path): sha256(path) for path in paths}
        for key, paths in read.items()
    }


def read_task(entry: TaskEntry, files: SplitFiles) -> DatasetDict:
    """The task's splits, checked: columns id, text, text_pair (or null) and label (ClassLabel).

    Args:
        entry: the catalogue entry.
        files: of each split, or of `all`. Where there are several, their examples follow each
            other, and an id begins with the name of its file.

    Raises:
        UserError: a file cannot be parsed, an id repeats, a label is unknown, a text is empty, or
            a split has another count than the catalogue's; each line names file and line.
    """
    splits = {
        split: [example for file in of_split for example in _read_file(file, of_split)]
        for split, of_split in files.items()
    }
    labels = entry.label_names or []
    if entry.split:
        splits = _split(splits["all"], labels, entry.split)
    if entry.counts:
        _check_counts(splits, entry.counts, files)
    return DatasetDict({split: _dataset(splits[split], labels) for split in sorted(splits)})


def _read_file(file: TaskFile, beside: Sequence[TaskFile]) -> list[Example]:
    """The examples of one of a split's files, checked; `beside` are all files of the split."""
    path = file.path
    examples = list(load_reader(file.entry.reader)(file))
    problems = list(_problems(examples, file.entry.label_names or [], path))
    if problems:
        rest = len(problems) - LISTED
        more = [f"{path}: and {rest} more"] if rest > 0 else []
        raise UserError(*problems[:LISTED], *more)
    if len(beside) == 1:
        return examples
    name = file.place.relative_to(os.path.commonpath([other.place.parent for other in beside]))
    return [replace(example, id=f"{name}/{example.id}") for example in examples]


def _problems(examples: Sequence[Example], labels: Sequence[str], path: Path) -> Iterator[str]:
    """What is wrong with the examples of a file, one line each."""
    if not examples:
        yield f"{path}: holds no example"
    first: dict[str, int] = {}
    for example in examples:
        where = f"{path}:{example.line}: example {example.id!r}"
        if example.id in first:
            yield f"{where}: the id stands already on line {first[example.id]}; ids must be unique"
        first.setdefault(example.id, example.line)
        if example.label not in labels:
            yield f"{where}: unknown label {example.label!r}; known: {', '.join(labels)}"
        if not example.text.strip():
            yield f"{where}: the text is empty"
        if example.text_pair is not None and not example.text_pair.strip():
            yield f"{where}: the second text is empty"


def _dataset(examples: Sequence[Example], labels: Sequence[str]) -> Dataset:
    features = Features(
        {
            "id": Value("string"),
            "text": Value("string"),
            "text_pair": Value("string"),
            "label": ClassLabel(names=list(labels)),
        }
    )
    columns = {key: [getattr(example, key) for example in examples] for key in features}
    return Dataset.from_dict(columns, features=features)


def _split(examples: list[Example], labels: Sequence[str], how: Split) -> dict[str, list[Example]]:
    """The examples of one file as train, test and, where it has a share, dev."""
    splits = {}
    rest, splits["test"] = _cut(examples, labels, how, share=how.test or 0.0)
    if how.dev:
        rest, splits["dev"] = _cut(rest, labels, how, share=how.dev)
    return splits | {"train": rest}


def _cut(
    examples: list[Example], labels: Sequence[str], how: Split, *, share: float
) -> tuple[list[Example], list[Example]]:
    """The examples without a share of them, and that share."""
    if how.by == "example":
        # The data sets library's own shuffle: published splits of AG News were made with it.
        positions = Dataset.from_dict({"at": range(len(examples))})
        both = positions.train_test_split(share, seed=how.seed or 0)
        kept, taken = both["train"]["at"], both["test"]["at"]
        return [examples[at] for at in kept], [examples[at] for at in taken]
    if how.by == "label":
        ids = [labels.index(example.label) for example in examples]
        taken = stratified_sample(ids, round(share * len(examples)), how.seed or 0)
    else:
        groups = [example.group or example.id for example in examples]
        taken = grouped_sample(groups, share, how.seed or 0)
    inside = set(taken)
    kept = [at for at in range(len(examples)) if at not in inside]
    return [examples[at] for at in kept], [examples[at] for at in taken]


def _check_counts(splits: dict[str, list[Example]], counts: Counts, files: SplitFiles) -> None:
    """Refuse splits that have other counts than the catalogue's."""
    expected = {"train": counts.train, "dev": counts.dev, "test": counts.test}
    problems = []
    for split, examples in splits.items():
        if len(examples) == expected[split]:
            continue
        paths = [file.path for file in files.get(split) or files["all"]]
        last = max((example.line for example in examples), default=0)
        others = len(paths) - 1
        more = f" (and {others} files before it)" if others else ""
        problems.append(
            f"{paths[-1]}:{last}{more}: split {split} has {len(examples)} examples;"
            f" the catalogue says {expected[split]}"
        )
    if problems:
        raise UserError(*problems)
