"""From fetched tasks to the splits that cells see: cut, limited, several joined as one."""

import logging
from collections.abc import Mapping, Sequence

from datasets import ClassLabel, Dataset, DatasetDict, concatenate_datasets

from tunegrid.config.schema import SplitSettings
from tunegrid.errors import UserError
from tunegrid.settings import TaskSettings
from tunegrid.tasks.few_shot import FEW_SHOT_SPLITS, Draw
from tunegrid.tasks.splits import label_counts, stratified_sample


def prepare_task(tasks: Mapping[str, DatasetDict], settings: TaskSettings) -> DatasetDict:
    """The splits that cells see, before a few-shot task's examples are drawn (each run may draw).

    Args:
        tasks: as fetch_task wrote them, by name; several for an aggregated task, in the order of
            its parts.
        settings: what is made of their splits.

    Returns:
        Columns id, text, text_pair (or null) and label. Of an aggregated task the ids and labels
        begin with `<part>/`, and a split holds the examples of all parts that have it.

    Raises:
        UserError: a label has fewer examples in train than a few-shot task is to keep.
    """
    if isinstance(settings, SplitSettings):
        [(name, task)] = tasks.items()
        return _prepare_part(name, task, settings)
    prepared = {
        part: _prepare_part(name, task, settings_of_part)
        for (part, settings_of_part), (name, task) in zip(
            settings.parts.items(), tasks.items(), strict=True
        )
    }
    return _join(prepared)


def _prepare_part(name: str, task: DatasetDict, settings: SplitSettings) -> DatasetDict:
    splits = prepare_splits(task, settings)
    if settings.few_shot:
        for split in FEW_SHOT_SPLITS:
            if split in splits:
                _check_few_shot(splits[split], split, settings.few_shot, name)
    return splits


def _check_few_shot(data: Dataset, split: str, wanted: int, task: str) -> None:
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
    logging.warning("%s: has %d of label %s, not %d: all are kept", split, there, label, wanted)


def prepare_splits(task: DatasetDict, settings: SplitSettings) -> DatasetDict:
    """One task's splits: dev is cut from train if asked for and missing; then come the limits.

    Args:
        task: as `read_task` returns it.
        settings: what is made of its splits.
    """
    splits = dict(task)
    if "dev" not in splits and settings.dev_fraction:
        whole = splits["train"]
        size = max(1, round(settings.dev_fraction * len(whole)))
        dev = stratified_sample(whole["label"], size, settings.split_seed)
        inside = set(dev)
        splits["dev"] = whole.select(dev)
        splits["train"] = whole.select([at for at in range(len(whole)) if at not in inside])
    limits = {
        "train": settings.max_train,
        "dev": settings.max_dev,
        "test": settings.max_test,
    }
    for split, data in splits.items():
        limit = limits[split]
        if limit:
            kept = stratified_sample(data["label"], limit, settings.split_seed)
            splits[split] = data.select(kept)
    return DatasetDict({split: splits[split] for split in sorted(splits)})


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
