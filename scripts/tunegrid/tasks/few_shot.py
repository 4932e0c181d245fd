"""The few examples of each label that a run of a few-shot task trains on."""

from collections.abc import Sequence
from typing import TypedDict

import numpy as np
from datasets import DatasetDict

#: The splits of which a few-shot task keeps a few examples; test stays whole.
FEW_SHOT_SPLITS = ("train", "dev")


class Draw(TypedDict):
    """A draw that makes a task, or one part of an aggregated task, few-shot.

    Attributes:
        labels: the label ids that it is of.
        examples: how many examples of each label are kept; all of them if there are no more.
        seed: of the draw; None for the run's own seed.
    """

    labels: list[int]
    examples: int
    seed: int | None


def draw_few_shot(task: DatasetDict, draws: Sequence[Draw], seed: int) -> DatasetDict:
    """The splits that a run of a few-shot task sees.

    Args:
        task: its splits, with a column label, encoded or not.
        draws: what makes it few-shot; without any, all examples stay.
        seed: the run's.

    Returns:
        Train and dev with the examples that are drawn for this seed; the other splits whole.
    """
    if not draws:
        return task
    drawn = {
        split: data.select(few_shot_sample(data["label"], draws, seed))
        for split, data in task.items()
        if split in FEW_SHOT_SPLITS
    }
    return DatasetDict(task | drawn)


def few_shot_sample(labels: Sequence[int], draws: Sequence[Draw], seed: int) -> list[int]:
    """The positions of the examples that a few-shot task keeps, in ascending order.

    Examples whose label no draw names are all kept.

    Args:
        labels: the label id of every example.
        draws: what makes the task few-shot.
        seed: the run's.
    """
    label_ids = np.asarray(labels)
    kept = np.ones(len(label_ids), dtype=bool)
    for draw in draws:
        draw_seed = seed if draw["seed"] is None else draw["seed"]
        for label in draw["labels"]:
            positions = np.flatnonzero(label_ids == label)
            # A stream for each label: one label more in the task changes no other's examples.
            order = np.random.default_rng([draw_seed, label]).permutation(positions)
            kept[order[draw["examples"] :]] = False
    return [int(position) for position in np.flatnonzero(kept)]
