"""From fetched tasks to the splits that cells see: cut, limited, several joined as one."""

import logging
from collections.abc import Callable, Mapping, Sequence

from datasets import ClassLabel, Dataset, DatasetDict, concatenate_datasets

from tunegrid.config.schema import SplitSettings
from tunegrid.errors import UserError
from tunegrid.results import TEST_SPLIT
from tunegrid.settings import TaskSettings
from tunegrid.tasks.few_shot import FEW_SHOT_SPLITS, Draw
from tunegrid.tasks.label_kinds import strata
from tunegrid.tasks.splits import label_counts, stratified_sample

#: Takes a sentence that is to be known of the splits.
Warn = Callable[[str], None]


def prepare_task(
    tasks: Mapping[str, DatasetDict], settings: TaskSettings, warn: Warn = logging.warning
) -> DatasetDict:
    """The splits that cells see, before a few-shot task's examples are drawn (each run may draw).

    Args:
        tasks: as fetch_task wrote them, by name; several for an aggregated task, in the order of
            its parts.
        settings: what is made of their splits.
        warn: is told which labels a cut has left no example of, and the like.

    Returns:
        Columns id, text, text_pair (or null) and label; test also `TEST_SPLIT`, where there are
        several test splits. Of an aggregated task the ids and labels begin with `<part>/`, a split
        holds the examples of all parts that have it, and test splits are not told apart.

    Raises:
        UserError: a label has fewer examples in train than a few-shot task is to keep, or train is
            too small for dev to be cut from it.
    """
    if isinstance(settings, SplitSettings):
        [(name, task)] = tasks.items()
        return _prepare_part(name, task, settings, warn)
    prepared = {
        part: _prepare_part(name, task, settings_of_part, warn)
        for (part, settings_of_part), (name, task) in zip(
            settings.parts.items(), tasks.items(), strict=True
        )
    }
    return _join(prepared)


def _prepare_part(name: str, task: DatasetDict, settings: SplitSettings, warn: Warn) -> DatasetDict:
    splits = prepare_splits(task, settings, lambda problem: warn(f"{name}: {problem}"))
    if settings.few_shot:
        for split in FEW_SHOT_SPLITS:
            if split in splits:
                _check_few_shot(splits[split], split, settings.few_shot, name, warn)
    return splits


def _check_few_shot(data: Dataset, split: str, wanted: int, task: str, warn: Warn) -> None:
    """Train must hold so many examples of each label; of dev, all there are will do."""
    counts = label_counts(data)
    label, there = min(counts.items(), key=lambda item: item[1])
    if there >= wanted:
        return
    if split == "train":
        raise UserError(
            f"data.few_shot: {wanted} examples of each label, but train of task {task!r} has"
            f" {there} of label {label!r}; set it to {there} at most"
        )
    warn(f"{task}: {split}: has {there} of label {label}, not {wanted}: all are kept")


def prepare_splits(
    task: DatasetDict, settings: SplitSettings, warn: Warn = logging.warning
) -> DatasetDict:
    """One task's splits: dev is cut from train if asked for and missing; then come the limits.

    Every cut takes the same share of each label. Beyond that, train keeps one example at least of
    each label, where its limit allows so many.

    Args:
        task: as `read_task` returns it.
        settings: what is made of its splits.
        warn: is told which labels a cut has left no example of.

    Raises:
        UserError: dev is to be cut from a train split that has one example of each label.
    """
    splits = dict(task)
    if "dev" not in splits and settings.dev_fraction:
        splits["train"], splits["dev"] = _cut_dev(splits["train"], settings, warn)
    limits = {
        "train": settings.max_train,
        "dev": settings.max_dev,
        "test": settings.max_test,
    }
    for split, data in splits.items():
        limit = limits[split]
        if limit:
            splits[split] = _limited(data, split, limit, settings.split_seed, warn)
    return DatasetDict({split: splits[split] for split in sorted(splits)})


def _cut_dev(train: Dataset, settings: SplitSettings, warn: Warn) -> tuple[Dataset, Dataset]:
    """What is left of train, and dev; the last example of a label stays in train."""
    size = max(1, round(settings.dev_fraction * len(train)))
    dev = stratified_sample(strata(train), size, settings.split_seed, leave_each=True)
    if not dev:
        raise UserError(
            "data.dev_fraction: dev cannot be cut from train, which has one example of each label;"
            " set it to 0, or add examples to train"
        )
    if len(dev) < size:
        warn(
            f"dev: has {len(dev)} examples, not the {size} that data.dev_fraction asks for; train"
            " keeps one example of each label"
        )
    inside = set(dev)
    rest = [at for at in range(len(train)) if at not in inside]
    return train.select(rest), train.select(dev)


def _limited(data: Dataset, split: str, limit: int, seed: int, warn: Warn) -> Dataset:
    """A split with so many examples at most; `warn` is told of labels that it loses."""
    kept = stratified_sample(_groups(data), limit, seed, take_each=split == "train")
    cut = data.select(kept)
    before, after = label_counts(data), label_counts(cut)
    if lost := [label for label, count in before.items() if count and not after[label]]:
        labels = "label" if len(lost) == 1 else "labels"
        warn(f"{split}: data.max_{split}: {limit} leaves no example of {labels} {', '.join(lost)}")
    return cut


def _groups(data: Dataset) -> list[int]:
    """The group of every example, each of which a limit takes the same share of.

    That of its label (`strata`); of several test splits, of its label in its own test split.
    """
    groups = strata(data)
    if TEST_SPLIT not in data.column_names:
        return groups
    numbers: dict[tuple[str, int], int] = {}
    pairs = zip(data[TEST_SPLIT], groups, strict=True)
    return [numbers.setdefault(pair, len(numbers)) for pair in pairs]


def _join(parts: Mapping[str, DatasetDict]) -> DatasetDict:
    """Several tasks as one, the ids and labels of each part under its name."""
    names = [
        f"{part}/{label}"
        for part, splits in parts.items()
        for label in splits["train"].features["label"].names
    ]
    joined: dict[str, list[Dataset]] = {}
    for part, splits in parts.items():
        for split, data in splits.items():
            joined.setdefault(split, []).append(_renamed(data, part, names))
    return DatasetDict({split: concatenate_datasets(joined[split]) for split in sorted(joined)})


def _renamed(data: Dataset, part: str, names: Sequence[str]) -> Dataset:
    """The examples with ids and labels that begin with their part's name.

    Args:
        data: a split of the part.
        part: its name.
        names: the labels of the aggregated task, in the order of their ids.
    """
    features = data.features.copy()
    features.pop(TEST_SPLIT, None)  # an aggregated task is told of by its parts
    names_of_part = features["label"].names
    features["label"] = ClassLabel(names=list(names))
    ids = [names.index(f"{part}/{label}") for label in names_of_part]
    columns = {key: list(data[key]) for key in features}
    columns["id"] = [f"{part}/{example}" for example in columns["id"]]
    columns["label"] = [ids[label] for label in columns["label"]]
    return Dataset.from_dict(columns, features=features)


def label_parts(settings: TaskSettings, labels: Sequence[str]) -> dict[str, list[int]]:
    """The label ids of each part of an aggregated task; empty for another task.

    Args:
        settings: the task's.
        labels: its labels in the order of their ids.
    """
    if isinstance(settings, SplitSettings):
        return {}
    return {
        part: [at for at, label in enumerate(labels) if label.startswith(f"{part}/")]
        for part in settings.parts
    }


def few_shot_draws(settings: TaskSettings, labels: Sequence[str]) -> list[Draw]:
    """The draws that make a task few-shot: one for each part that is, none for another task.

    Args:
        settings: the task's.
        labels: its labels in the order of their ids.
    """
    if isinstance(settings, SplitSettings):
        parts = [(settings, list(range(len(labels))))]
    else:
        ids = label_parts(settings, labels)
        parts = [(settings.parts[part], ids[part]) for part in settings.parts]
    draws: list[Draw] = []
    for of_part, label_ids in parts:
        if of_part.few_shot:
            draws.append(
                {
                    "labels": label_ids,
                    "examples": of_part.few_shot,
                    "seed": of_part.few_shot_seed,
                }
            )
    return draws
