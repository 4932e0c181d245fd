"""From a catalogue entry to a checked task: one form for all, whatever the files look like."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from datasets import ClassLabel, Dataset, DatasetDict, Features, Value

from tunegrid.errors import UserError
from tunegrid.tasks.readers import load_reader
from tunegrid.tasks.readers.example import Example
from tunegrid.tasks.sources import SplitFiles
from tunegrid.tasks.splits import grouped_sample, stratified_sample

#: Problems of one file that are listed before the rest are only counted.
LISTED = 5


def read_task(entry: dict[str, Any], files: SplitFiles) -> DatasetDict:
    """The task's splits, checked: columns id, text, text_pair (or null) and label (ClassLabel).

    Args:
        entry: the catalogue entry (`TaskEntry.settings`).
        files: of each split, or of `all`. Of several, their examples follow each other, and an id
            begins with its file's name.

    Raises:
        UserError: a file cannot be parsed, an id repeats, a label is unknown, a text is empty, or
            a split has another count than the catalogue's; each names file and line.
    """
    labels = entry["labels"]
    splits = {}
    for split, paths in files.items():
        splits[split] = [example for path in paths for example in _read(path, entry, paths)]
    if "all" in splits:
        splits = _split(splits["all"], labels, entry["split"])
    _check_counts(splits, entry.get("counts"), files)
    return DatasetDict({split: _dataset(splits[split], labels) for split in sorted(splits)})


def _read(path: Path, entry: dict[str, Any], beside: Sequence[Path]) -> list[Example]:
    """The examples of one of a split's files, checked."""
    examples = list(load_reader(entry["reader"])(path, entry))
    _check(examples, entry["labels"], path)
    if len(beside) == 1:
        return examples
    name = path.relative_to(os.path.commonpath([other.parent for other in beside]))
    return [replace(example, id=f"{name}/{example.id}") for example in examples]


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


def _check(examples: Sequence[Example], labels: Sequence[str], path: Path) -> None:
    problems = list(_problems(examples, labels, path))
    if problems:
        rest = len(problems) - LISTED
        more = [f"{path}: and {rest} more"] if rest > 0 else []
        raise UserError(*problems[:LISTED], *more)


def _problems(examples: Sequence[Example], labels: Sequence[str], path: Path) -> Iterator[str]:
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


def _split(
    examples: list[Example], labels: Sequence[str], how: dict[str, Any]
) -> dict[str, list[Example]]:
    """One file's examples as train, test and, where it has a share, dev."""
    rest, splits = examples, {}
    for split in ("test", "dev"):
        if how[split]:
            rest, splits[split] = _cut(rest, labels, how["by"], how[split], how["seed"])
    return splits | {"train": rest}


def _cut(
    examples: list[Example], labels: Sequence[str], by: str, share: float, seed: int
) -> tuple[list[Example], list[Example]]:
    """The examples without a share of them, and that share."""
    if by == "example":
        # The library's own shuffle: it is what the report's source split AG News with.
        both = Dataset.from_dict({"at": range(len(examples))}).train_test_split(share, seed=seed)
        return [examples[at] for at in both["train"]["at"]], [
            examples[at] for at in both["test"]["at"]
        ]
    if by == "label":
        ids = [labels.index(example.label) for example in examples]
        taken = stratified_sample(ids, round(share * len(examples)), seed)
    else:
        taken = grouped_sample([example.group or example.id for example in examples], share, seed)
    inside = set(taken)
    kept = [example for at, example in enumerate(examples) if at not in inside]
    return kept, [examples[at] for at in taken]


def _check_counts(
    splits: dict[str, list[Example]], counts: dict[str, int] | None, files: SplitFiles
) -> None:
    problems = []
    for split, examples in splits.items():
        if counts and len(examples) != counts.get(split):
            paths = files.get(split) or files["all"]
            last = max((example.line for example in examples), default=0)
            more = f" (and {len(paths) - 1} files before it)" if len(paths) > 1 else ""
            problems.append(
                f"{paths[-1]}:{last}{more}: split {split} has {len(examples)} examples;"
                f" the catalogue says {counts.get(split)}"
            )
    if problems:
        raise UserError(*problems)
