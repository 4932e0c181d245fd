"""Splits: cutting them by a fixed seed, the same on every machine, and counting what is in them."""

from collections import Counter
from collections.abc import Sequence

import numpy as np
from datasets import Dataset, DatasetDict


def stratified_sample(labels: Sequence[int], size: int, seed: int) -> list[int]:
    """Positions of `size` examples, each label in proportion, in ascending order.

    Shares are rounded by the largest remainder (Hamilton's method), ties to the smaller label.

    Args:
        labels: label id of every example.
        size: how many to take; all of them if there are no more.
        seed: of the draw within each label.
    """
    labels = np.asarray(labels)
    if size >= len(labels):
        return list(range(len(labels)))
    generator = np.random.default_rng(seed)
    kinds, counts = np.unique(labels, return_counts=True)
    quotas = counts * size / len(labels)
    take = np.floor(quotas).astype(int)
    remainders = np.argsort(-(quotas - take), kind="stable")
    take[remainders[: size - take.sum()]] += 1
    chosen = [
        generator.choice(np.flatnonzero(labels == kind), number, replace=False)
        for kind, number in zip(kinds, take, strict=True)
    ]
    return sorted(int(position) for position in np.concatenate(chosen))


def grouped_sample(groups: Sequence[str], share: float, seed: int) -> list[int]:
    """Positions of whole groups, drawn at random until they hold `share` of the examples.

    Args:
        groups: group of every example.
        share: of the examples, in (0, 1); reached or passed by less than one group.
        seed: of the order in which groups are drawn.
    """
    groups = np.asarray(groups)
    kinds, counts = np.unique(groups, return_counts=True)
    order = np.random.default_rng(seed).permutation(len(kinds))
    enough = int(np.searchsorted(np.cumsum(counts[order]), share * len(groups))) + 1
    return [int(position) for position in np.flatnonzero(np.isin(groups, kinds[order[:enough]]))]


def label_counts(data: Dataset) -> dict[str, int]:
    """How often each label stands in a split, in the order of the label ids."""
    names = data.features["label"].names
    seen = Counter(data["label"])
    return {name: seen[index] for index, name in enumerate(names)}


def shared_texts(task: DatasetDict) -> dict[str, int]:
    """How many examples of each other split have a text (or pair) that stands in train too."""
    train = set(zip(task["train"]["text"], task["train"]["text_pair"], strict=True))
    return {
        split: sum(pair in train for pair in zip(data["text"], data["text_pair"], strict=True))
        for split, data in task.items()
        if split != "train"
    }
