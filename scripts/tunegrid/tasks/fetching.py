"""From a catalogue entry to a checked task: one form for all, whatever the files look like."""

import os
import shutil
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NotRequired, TypedDict

from datasets import Dataset, DatasetDict, Features, Value

from tunegrid.config.task_entry import TaskEntry
from tunegrid.config.task_splits import Counts
from tunegrid.config.task_values import Target
from tunegrid.errors import UserError
from tunegrid.files import sha256, write_json
from tunegrid.results import TEST_SPLIT
from tunegrid.tasks.cutting import cut_splits
from tunegrid.tasks.example_checks import problems_of_examples
from tunegrid.tasks.readers import load_reader
from tunegrid.tasks.readers.example import Dropped, Example
from tunegrid.tasks.sources import BroughtTask, bring_task
from tunegrid.tasks.splits import split_test
from tunegrid.tasks.targets import (
    SplitSummary,
    label_column,
    label_feature,
    labels_of_task,
    summarise_split,
)
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
        labels: their names in the order of their ids; null of target regression.
        examples: of each split, how many examples it has.
        test_splits: of each of several test splits, how many examples of test are of it.
        splits: of each split, how many examples have each label (of target multi_label an example
            counts at each of its labels); of target regression its numbers: count, least, greatest
            and mean.
        dropped: of each split, or of `all`, how many rows of its files were dropped, by reason
            (`label '-'`, `text is empty`, `votes is below 3`); without those that drop none.
        commit: the commit that the revision stood for, of a task of the hub.
    """

    task: str
    entry: dict[str, Any]
    files: dict[str, dict[str, str]]
    archives: NotRequired[dict[str, str]]
    test_splits: NotRequired[dict[str, int]]
    labels: list[str] | None
    examples: dict[str, int]
    splits: dict[str, SplitSummary]
    dropped: dict[str, dict[str, int]]
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
    task = read_with_drops(entry, brought.files)
    task.splits.save_to_disk(output)
    card: FetchedTask = {
        "task": name,
        "entry": entry.settings(),
        "files": _checksums(brought),
        "labels": task.labels,
        "examples": {split: len(data) for split, data in task.splits.items()},
        "splits": {split: summarise_split(data) for split, data in task.splits.items()},
        "dropped": task.dropped,
    }
    if test_splits := split_test(task.splits["test"]) if "test" in task.splits else {}:
        card["test_splits"] = {name: len(data) for name, data in test_splits.items()}
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


@dataclass(frozen=True)
class ReadTask:
    """A task as its files state it.

    Attributes:
        splits: columns id, text, text_pair (or null) and label: a ClassLabel, of target multi_label
            a list of it, of target regression a 64-bit number. Test has a column `TEST_SPLIT`, too,
            where the task has several test splits: their names, one after the other.
        labels: their names in the order of their ids; None of target regression.
        dropped: of each split, or of `all`, how many rows were dropped, by reason.
    """

    splits: DatasetDict
    labels: list[str] | None
    dropped: dict[str, dict[str, int]]


def read_task(entry: TaskEntry, files: SplitFiles) -> DatasetDict:
    """The task's splits, checked: the `splits` of `read_with_drops`, which says what it raises."""
    return read_with_drops(entry, files).splits


def read_with_drops(entry: TaskEntry, files: SplitFiles) -> ReadTask:
    """The task's splits, checked, and what was dropped.

    Args:
        entry: the catalogue entry.
        files: of each split, or of `all`. Where there are several, their examples follow each
            other, and an id begins with the name of its file. Of several test splits it begins with
            the name of the test split.

    Raises:
        UserError: a file cannot be parsed, an id repeats, a label is unknown, a text is empty, all
            rows of a split are dropped, `labels: auto` finds no labels of a task, a split has none
            or another count of examples than the catalogue's; each line names file and line.
    """
    splits: dict[str, list[Example]] = {}
    dropped: dict[str, dict[str, int]] = {}
    for split, of_split in files.items():
        rows = [row for file in of_split for row in _read_file(file, _beside(file, of_split))]
        splits[split] = [row for row in rows if isinstance(row, Example)]
        reasons = Counter(row.reason for row in rows if isinstance(row, Dropped))
        if reasons:
            dropped[split] = dict(sorted(reasons.items()))
        if not splits[split]:
            raise UserError(_all_dropped(split, reasons, of_split))
    labels = labels_of_task(entry, splits, files)
    if entry.split:
        splits = cut_splits(splits, labels or [], entry.split, files)
    if entry.counts:
        _check_counts(splits, entry.counts, files)
    tables = {split: _dataset(splits[split], labels, entry.target) for split in sorted(splits)}
    return ReadTask(DatasetDict(tables), labels, dropped)


def _all_dropped(split: str, reasons: Mapping[str, int], files: Sequence[TaskFile]) -> str:
    """The line for a split of which nothing is left."""
    counts = ", ".join(f"{reason}: {number}" for reason, number in sorted(reasons.items()))
    others = f" (and {len(files) - 1} more files)" if len(files) > 1 else ""
    return (
        f"{files[0].path}{others}: `drop` leaves no example of {split} ({counts}); correct it, or"
        " the columns that it names"
    )


def _beside(file: TaskFile, of_split: Sequence[TaskFile]) -> list[TaskFile]:
    """The files of a file's split, itself among them; of several test splits, those of its own."""
    return [other for other in of_split if other.test_split == file.test_split]


def _read_file(file: TaskFile, beside: Sequence[TaskFile]) -> list[Example | Dropped]:
    """The rows of one of a split's files, checked; `beside` are all files of the split.

    Of a task with several test splits, an example's id begins with the name of its test split.
    """
    path = file.path
    rows = list(load_reader(file.entry.reader)(file))
    if not rows:
        raise UserError(f"{path}: holds no example")
    examples = [row for row in rows if isinstance(row, Example)]
    problems = list(problems_of_examples(examples, file.entry, path))
    if problems:
        rest = len(problems) - LISTED
        more = [f"{path}: and {rest} more"] if rest > 0 else []
        raise UserError(*problems[:LISTED], *more)
    if len(beside) > 1:
        name = file.place.relative_to(os.path.commonpath([other.place.parent for other in beside]))
        rows = [_begin_id(row, str(name)) for row in rows]
    if file.test_split is None:
        return rows
    return [
        replace(row, id=f"{file.test_split}/{row.id}", test_split=file.test_split)
        if isinstance(row, Example)
        else row
        for row in rows
    ]


def _begin_id(row: Example | Dropped, name: str) -> Example | Dropped:
    """An example with its id behind a name; a dropped row as it is."""
    return replace(row, id=f"{name}/{row.id}") if isinstance(row, Example) else row


def _dataset(
    examples: Sequence[Example], labels: Sequence[str] | None, target: Target | None
) -> Dataset:
    features = Features(
        {
            "id": Value("string"),
            "text": Value("string"),
            "text_pair": Value("string"),
            "label": label_feature(target, labels),
        }
    )
    columns: dict[str, list[Any]] = {
        key: [getattr(example, key) for example in examples] for key in ("id", "text", "text_pair")
    }
    columns["label"] = label_column(examples, labels)
    if examples[0].test_split is not None:
        features[TEST_SPLIT] = Value("string")
        columns[TEST_SPLIT] = [example.test_split for example in examples]
    return Dataset.from_dict(columns, features=features)


def _check_counts(splits: dict[str, list[Example]], counts: Counts, files: SplitFiles) -> None:
    """Refuse splits that have other counts than the catalogue's; a split may have none there."""
    problems = []
    for split, expected in counts.model_dump(exclude_none=True).items():
        examples = splits.get(split, [])
        read = files.get(split) or files.get("all") or files["train"]
        if not isinstance(expected, dict):
            problems += _count_problem(f"split {split}", examples, expected, read)
            continue
        for name, count in expected.items():
            own = [example for example in examples if example.test_split == name]
            of_own = [file for file in read if file.test_split == name]
            problems += _count_problem(f"test split {name}", own, count, of_own)
    if problems:
        raise UserError(*problems)


def _count_problem(
    split: str, examples: Sequence[Example], expected: int, files: Sequence[TaskFile]
) -> list[str]:
    """The line for a split that has another count than expected; none if it has that."""
    if len(examples) == expected:
        return []
    last = max((example.line for example in examples), default=0)
    others = len(files) - 1
    more = f" (and {others} files before it)" if others else ""
    where = f"{files[-1].path}:{last}{more}"
    return [f"{where}: {split} has {len(examples)} examples; the catalogue says {expected}"]
