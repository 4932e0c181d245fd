"""Splits: cutting them by a fixed seed, the same on every machine, and counting what is in them."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from datasets import Dataset


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


def joined_texts(data: Dataset, separator: str) -> list[str]:
    """Every example's text; of a pair both, with `separator` between them."""
    return [
        text if pair is None else f"{text}{separator}{pair}"
        for text, pair in zip(data["text"], data["text_pair"], strict=True)
    ]


def label_counts(data: Dataset) -> dict[str, int]:
    """How often each label stands in a split, in the order of the label ids."""
    names = data.features["label"].names
    seen = Counter(data["label"])
    return {name: seen[index] for index, name in enumerate(names)}


def few_shot_sample(
    labels: Sequence[int], draws: Sequence[Mapping[str, Any]], seed: int
) -> list[int]:
    """Positions of the examples that a few-shot task keeps, in ascending order.

    Examples whose label no draw names are all kept.

    Args:
        labels: label id of every example.
        draws: `labels` (ids), `examples` to keep of each, all of them if there are no more, and
            `seed`, None for the run's own.
        seed: the run's.
    """
    labels = np.asarray(labels)
    kept = np.ones(len(labels), dtype=bool)
    for draw in draws:
        own = seed if draw["seed"] is None else draw["seed"]
        for label in draw["labels"]:
            there = np.flatnonzero(labels == label)
            # A stream for each label: a label more in the task changes no other's examples.
            order = np.random.default_rng([own, label]).permutation(there)
            kept[order[draw["examples"] :]] = False
    return [int(position) for position in np.flatnonzero(kept)]


def count_encoded(data: Dataset) -> dict[str, Any]:
    """What an encoded split holds.

    Args:
        data: columns label, length (tokens before the cut) and input_ids.

    Returns:
        examples, labels (examples of each), tokens (after the cut), truncated (examples that were
        cut), and of the lengths before it median, p95 and longest.
    """
    lengths = np.asarray(data["length"])
    kept = np.asarray([len(ids) for ids in data["input_ids"]])
    return {
        "examples": len(data),
        "labels": label_counts(data),
        "tokens": int(kept.sum()),
        "truncated": int((lengths > kept).sum()),
        "median": float(np.median(lengths)),
        "p95": float(np.quantile(lengths, 0.95)),
        "longest": int(lengths.max()),
    }
