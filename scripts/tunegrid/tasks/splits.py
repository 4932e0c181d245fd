"""Cutting splits and subsets: by a fixed seed, the same on every machine and for every cell."""

from collections.abc import Sequence

import numpy as np


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
