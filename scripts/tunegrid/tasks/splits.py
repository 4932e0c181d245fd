"""Splits: cutting them by a fixed seed, the same on every machine, and counting what is in them."""

from collections import Counter
from collections.abc import Sequence
from typing import TypedDict

import numpy as np
from datasets import Dataset


def stratified_sample(labels: Sequence[int], size: int, seed: int) -> list[int]:
    """Positions of `size` examples, each label in proportion, in ascending order.

    Shares are rounded by the largest remainder (Hamilton's method; Balinski & Young 2001, Fair
    Representation), and of equal remainders the smaller label's comes first.

    Args:
        labels: the label id of every example.
        size: how many to take; all of them if there are no more.
        seed: of the draw within each label.
    """
    label_ids = np.asarray(labels)
    if size >= len(label_ids):
        return list(range(len(label_ids)))
    generator = np.random.default_rng(seed)
    kinds, counts = np.unique(label_ids, return_counts=True)
    quotas = counts * size / len(label_ids)
    take = np.floor(quotas).astype(int)
    by_remainder = np.argsort(-(quotas - take), kind="stable")
    take[by_remainder[: size - take.sum()]] += 1
    chosen = [
        generator.choice(np.flatnonzero(label_ids == kind), number, replace=False)
        for kind, number in zip(kinds, take, strict=True)
    ]
    return sorted(int(position) for position in np.concatenate(chosen))


def grouped_sample(groups: Sequence[str], share: float, seed: int) -> list[int]:
    """Positions of whole groups, drawn at random until they hold `share` of the examples.

    Args:
        groups: the group of every example.
        share: of the examples, in (0, 1); it is reached, or passed by less than one group.
        seed: of the order in which groups are drawn.
    """
    names = np.asarray(groups)
    kinds, counts = np.unique(names, return_counts=True)
    order = np.random.default_rng(seed).permutation(len(kinds))
    enough = int(np.searchsorted(np.cumsum(counts[order]), share * len(names))) + 1
    return [int(position) for position in np.flatnonzero(np.isin(names, kinds[order[:enough]]))]


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


class EncodedCounts(TypedDict):
    """What an encoded split holds.

    Attributes:
        examples: how many there are.
        labels: how many examples have each label, in the order of the label ids.
        tokens: of all examples, after the cut to `max_length`.
        truncated: how many examples were cut.
        control_tokens: how many examples spell a control token of the tokenizer (`<s>`, `[SEP]`)
            in their texts; they were read as text.
        median: of the lengths in tokens before the cut.
        p95: the length that 95 % of the examples do not exceed.
        longest: the length of the longest example.
    """

    examples: int
    labels: dict[str, int]
    tokens: int
    truncated: int
    control_tokens: int
    median: float
    p95: float
    longest: int


def count_encoded(data: Dataset) -> EncodedCounts:
    """Count what an encoded split holds.

    Args:
        data: columns label, length (tokens before the cut), control (whether the texts spell a
            control token) and input_ids.
    """
    lengths = np.asarray(data["length"])
    kept = np.asarray([len(ids) for ids in data["input_ids"]])
    return {
        "examples": len(data),
        "labels": label_counts(data),
        "tokens": int(kept.sum()),
        "truncated": int((lengths > kept).sum()),
        "control_tokens": sum(data["control"]),
        "median": float(np.median(lengths)),
        "p95": float(np.quantile(lengths, 0.95)),
        "longest": int(lengths.max()),
    }
