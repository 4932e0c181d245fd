"""Splits: cutting them by a fixed seed, the same on every machine, and counting what is in them."""

from collections import Counter
from collections.abc import Sequence
from typing import TypedDict

import numpy as np
import numpy.typing as npt
from datasets import Dataset

from tunegrid.results import TEST_SPLIT
from tunegrid.tasks.label_kinds import label_kind, names_of_labels

#: Numbers of examples, of each label.
Counts = npt.NDArray[np.int64]


def stratified_sample(
    labels: Sequence[int],
    size: int,
    seed: int,
    *,
    take_each: bool = False,
    leave_each: bool = False,
) -> list[int]:
    """Positions of `size` examples, each label in proportion, in ascending order.

    Shares are rounded by the largest remainder (Hamilton's method; Balinski & Young 2001, Fair
    Representation), and of equal remainders the smaller label's comes first. The two options change
    nothing where the shares take, or leave, one of each label anyway.

    Args:
        labels: the label id of every example.
        size: how many to take; all of them if there are no more.
        seed: of the draw within each label.
        take_each: whether a label whose share is rounded to none gives one example, at the expense
            of the label that gives most; as far as `size` goes, the most frequent labels first.
        leave_each: whether one example of each label is left, for which others give more, or, where
            they have no more, fewer than `size` are taken.
    """
    label_ids = np.asarray(labels)
    if size >= len(label_ids) and not leave_each:
        return list(range(len(label_ids)))
    generator = np.random.default_rng(seed)
    kinds, counts = np.unique(label_ids, return_counts=True)
    take = _shares(counts, min(size, len(label_ids)))
    if take_each:
        _take_one_of_each(take, counts)
    if leave_each:
        _leave_one_of_each(take, counts)
    chosen = [
        generator.choice(np.flatnonzero(label_ids == kind), number, replace=False)
        for kind, number in zip(kinds, take, strict=True)
    ]
    return sorted(int(position) for position in np.concatenate(chosen))


def _shares(counts: Counts, size: int) -> Counts:
    """How many of `size` examples each label gives, by the largest remainder."""
    quotas = counts * size / counts.sum()
    take = np.floor(quotas).astype(int)
    by_remainder = np.argsort(-(quotas - take), kind="stable")
    take[by_remainder[: size - take.sum()]] += 1
    return take


def _take_one_of_each(take: Counts, counts: Counts) -> None:
    """Let labels that give none give one, the most frequent first, for one of the largest share."""
    for label in np.argsort(-counts, kind="stable"):
        largest = int(np.argmax(take))
        if take[label] == 0 and take[largest] > 1:
            take[label] += 1
            take[largest] -= 1


def _leave_one_of_each(take: Counts, counts: Counts) -> None:
    """Let labels that would give all give one less, and those that have most left one more."""
    room = counts - 1
    lacking = int(np.maximum(take - room, 0).sum())
    np.minimum(take, room, out=take)
    for _ in range(lacking):
        most_left = int(np.argmax(room - take))
        if take[most_left] < room[most_left]:
            take[most_left] += 1


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


def split_test(data: Dataset) -> dict[str, Dataset]:
    """The examples of each test split by its name, in their order; none where there is one alone.

    Args:
        data: the split test.
    """
    if TEST_SPLIT not in data.column_names:
        return {}
    names = list(data[TEST_SPLIT])
    return {
        name: data.select([at for at, other in enumerate(names) if other == name])
        for name in dict.fromkeys(names)
    }


def label_counts(data: Dataset) -> dict[str, int]:
    """How often each label stands in a split, in the order of the label ids; empty for numbers."""
    kind = label_kind(data)
    if kind == "regression":
        return {}
    values = data["label"]
    ids = (
        values if kind == "single_label" else (label for labels in values for label in set(labels))
    )
    seen = Counter(ids)
    return {name: seen[at] for at, name in enumerate(names_of_labels(data))}


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
