"""From fetched tasks to the splits that cells see: cut, limited, several joined as one."""

import logging
from collections.abc import Mapping, Sequence
from typing import Any

from datasets import ClassLabel, Dataset, DatasetDict, concatenate_datasets

from tunegrid.errors import UserError
from tunegrid.tasks.splits import few_shot_sample, label_counts, stratified_sample

#: The splits of which a few-shot task keeps a few examples; test stays whole.
FEW_SHOT_SPLITS = ("train", "dev")


def prepare_task(tasks: Mapping[str, DatasetDict], settings: Mapping[str, Any]) -> DatasetDict:
    """The splits that cells see, few-shot draws not yet made (each run may make its own).

    Args:
        tasks: as fetch_task wrote them, by name; several for an aggregated task, in the order of
            its parts.
        settings: the split settings (`SplitSettings`), or under `parts` those of each part.

    Returns:
        Columns id, text, text_pair (or null) and label. Of an aggregated task the ids and labels
        begin with `<part>/`, and a split holds the examples of all parts that have it.

    Raises:
        UserError: a label has fewer examples in train than a few-shot task is to keep.
    """
    parts = settings.get("parts")
    if parts is None:
        [(source, task)] = tasks.items()
        return _prepare_part(source, task, settings)
    prepared = {
        name: _prepare_part(source, task, own)
        for (name, own), (source, task) in zip(parts.items(), tasks.items(), strict=True)
    }
    return _join(prepared)


def _prepare_part(source: str, task: DatasetDict, settings: Mapping[str, Any]) -> DatasetDict:
    splits = prepare_splits(task, settings)
    if wanted := settings["few_shot"]:
        for split in FEW_SHOT_SPLITS:
            if split in splits:
                _check_few_shot(splits[split], split, wanted, source)
    return splits


def _check_few_shot(data: Dataset, split: str, wanted: int, task: str) -> None:
    """Train must hold so many examples of each label; of dev, what there is is taken."""
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


def prepare_splits(task: DatasetDict, settings: Mapping[str, Any]) -> DatasetDict:
    """One task's splits: dev cut from train if asked for and missing, then the limits.

    Args:
        task: as `read_task` returns it.
        settings: the split settings (`SplitSettings`).
    """
    splits = dict(task)
    seed = settings["split_seed"]
    if "dev" not in splits and settings["dev_fraction"]:
        whole = splits["train"]
        size = max(1, round(settings["dev_fraction"] * len(whole)))
        dev = stratified_sample(whole["label"], size, seed)
        inside = set(dev)
        splits["dev"] = whole.select(dev)
        splits["train"] = whole.select([at for at in range(len(whole)) if at not in inside])
    for split, data in splits.items():
        if limit := settings[f"max_{split}"]:
            splits[split] = data.select(stratified_sample(data["label"], limit, seed))
    return DatasetDict({split: splits[split] for split in sorted(splits)})


def _join(parts: Mapping[str, DatasetDict]) -> DatasetDict:
    """Several tasks as one, each part's ids and labels under its name."""
    names = [
        f"{name}/{label}"
        for name, splits in parts.items()
        for label in splits["train"].features["label"].names
    ]
    joined: dict[str, list[Dataset]] = {}
    for name, splits in parts.items():
        for split, data in splits.items():
            joined.setdefault(split, []).append(_renamed(data, name, names))
    return DatasetDict({split: concatenate_datasets(joined[split]) for split in sorted(joined)})


def _renamed(data: Dataset, part: str, names: Sequence[str]) -> Dataset:
    features = data.features.copy()
    own = features["label"].names
    features["label"] = ClassLabel(names=list(names))
    ids = [names.index(f"{part}/{label}") for label in own]
    columns = {key: list(data[key]) for key in features}
    columns["id"] = [f"{part}/{example}" for example in columns["id"]]
    columns["label"] = [ids[label] for label in columns["label"]]
    return Dataset.from_dict(columns, features=features)


def draw_few_shot(task: DatasetDict, draws: Sequence[Mapping[str, Any]], seed: int) -> DatasetDict:
    """The splits that a run of a few-shot task sees: of train and dev, what is drawn for its seed.

    Args:
        task: with a column label, encoded or not.
        draws: as `few_shot_draws` returns them; without any all examples stay.
        seed: the run's.
    """
    if not draws:
        return task
    drawn = {
        split: data.select(few_shot_sample(data["label"], draws, seed))
        for split, data in task.items()
        if split in FEW_SHOT_SPLITS
    }
    return DatasetDict(task | drawn)


def label_parts(settings: Mapping[str, Any], labels: Sequence[str]) -> dict[str, list[int]]:
    """The label ids of each part of an aggregated task; of another task, none."""
    return {
        part: [at for at, label in enumerate(labels) if label.startswith(f"{part}/")]
        for part in settings.get("parts", ())
    }


def few_shot_draws(settings: Mapping[str, Any], labels: Sequence[str]) -> list[dict[str, Any]]:
    """The draws that make a task few-shot, for `draw_few_shot`: one for each part that is.

    Returns:
        labels (ids), examples (of each label) and seed (null: the run's own).
    """
    parts = settings.get("parts")
    if parts is None:
        owns = [(settings, list(range(len(labels))))]
    else:
        ids = label_parts(settings, labels)
        owns = [(own, ids[part]) for part, own in parts.items()]
    return [
        {"labels": chosen, "examples": own["few_shot"], "seed": own["few_shot_seed"]}
        for own, chosen in owns
        if own["few_shot"]
    ]
