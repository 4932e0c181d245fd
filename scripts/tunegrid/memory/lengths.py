"""A step's memory where examples differ in length: how training batches and pads them.

Training draws batches at random and cuts each into micro-batches of like length, which are padded
to their own longest example (`tunegrid.training.batching`). So hardly any micro-batch is full of
examples as long as the longest, and the largest that there is decides the peak.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from tunegrid.errors import UserError
from tunegrid.memory.records import LengthsMemory, TrainingStep

#: Tokens of each example, (n,).
Lengths = npt.NDArray[np.int64]

#: The seed and the epoch whose batches are looked at.
SEED, EPOCH = 1, 0


class MicroBatch(NamedTuple):
    """The shape of a micro-batch.

    Attributes:
        examples: how many.
        tokens: of the longest one, to which all are padded.
        is_later: whether others of its batch were before it, so that there are gradients.
    """

    examples: int
    tokens: int
    is_later: bool


def read_lengths(path: Path, most: int) -> Lengths:
    """The tokens of each training example, (n,).

    Args:
        path: a folder of encode_task, or a text file with a whole number on each line.
        most: tokens that the model takes; longer examples are cut to so many.

    Raises:
        UserError: it is neither, or holds no length.
    """
    lengths = _encoded_lengths(path) if path.is_dir() else _listed_lengths(path)
    return np.minimum(lengths, most)


def _encoded_lengths(folder: Path) -> Lengths:
    from datasets import DatasetDict, load_from_disk

    problem = (
        f"--lengths: {folder}: holds no encoded task with a train split; give a folder that"
        " encode_task wrote, or a file with a number of tokens on each line"
    )
    try:
        data = load_from_disk(folder)
    except FileNotFoundError:
        raise UserError(problem) from None
    if not isinstance(data, DatasetDict) or "train" not in data:
        raise UserError(problem)
    column = data["train"].with_format("arrow")[:]["input_ids"].combine_chunks()
    return np.diff(column.offsets.to_numpy()).astype(np.int64)


def _listed_lengths(path: Path) -> Lengths:
    if not path.is_file():
        raise UserError(f"--lengths: {path}: no such file or folder")
    lines = path.read_text(encoding="utf-8").split("\n")
    lengths = []
    for number, line in enumerate(lines, start=1):
        text = line.strip()
        if not text:
            continue
        if not text.isdecimal() or int(text) < 1:
            raise UserError(
                f"--lengths: {path}:{number}: {text[:40]!r} is no length; write a whole number of"
                " tokens, 1 or more, on each line"
            )
        lengths.append(int(text))
    if not lengths:
        raise UserError(f"--lengths: {path}: is empty; write a whole number of tokens on each line")
    return np.array(lengths)


def shapes_of_an_epoch(lengths: Lengths, step: TrainingStep) -> list[MicroBatch]:
    """The micro-batches of an epoch, as training makes them on a GPU.

    Args:
        lengths: tokens of each example, (n,).
        step: `batch` examples of a micro-batch at most, `accumulated` times as many of a batch.
    """
    from tunegrid.training.batching import OVERHEAD, epoch_batches, micro_batches

    shapes = []
    size = step.batch * step.accumulated
    for batch in epoch_batches(lengths, batch_size=size, seed=SEED, epoch=EPOCH):
        parts = micro_batches(batch, lengths, most=step.batch, overhead=OVERHEAD["cuda"])
        shapes += [
            MicroBatch(len(rows), int(lengths[rows].max()), is_later=index > 0)
            for index, rows in enumerate(parts)
        ]
    return shapes


def largest_shapes(shapes: list[MicroBatch]) -> list[MicroBatch]:
    """The shapes that no other one is as large as in every respect, of which one has the peak."""
    distinct = sorted(set(shapes), reverse=True)
    return [
        one
        for one in distinct
        if not any(
            other != one
            and other.examples >= one.examples
            and other.tokens >= one.tokens
            and other.is_later >= one.is_later
            for other in distinct
        )
    ]


def memory_of_lengths(
    lengths: Lengths, step: TrainingStep, peak_of: Callable[[TrainingStep], int]
) -> LengthsMemory:
    """What the steps of an epoch take at most, and how much of their tokens is padding.

    Args:
        lengths: tokens of each example, (n,).
        step: as of `shapes_of_an_epoch`; its `tokens` do not count.
        peak_of: from a step to the bytes at its peak. It may raise.
    """
    shapes = shapes_of_an_epoch(lengths, step)
    peaks = {
        shape: peak_of(
            replace(
                step,
                batch=shape.examples,
                tokens=shape.tokens,
                accumulated=2 if shape.is_later else 1,
            )
        )
        for shape in largest_shapes(shapes)
    }
    largest = max(peaks, key=lambda shape: peaks[shape])
    padded = sum(shape.examples * shape.tokens for shape in shapes)
    return LengthsMemory(
        examples=len(lengths),
        mean=float(lengths.mean()),
        longest=int(lengths.max()),
        padding=1 - float(lengths.sum()) / padded,
        batch=largest.examples,
        tokens=largest.tokens,
        peak=peaks[largest],
    )
