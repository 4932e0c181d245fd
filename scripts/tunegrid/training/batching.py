"""From encoded examples to padded tensors: which examples share a batch, and how it is computed.

Batches are drawn at random. Only inside a batch are the examples sorted by length and cut into
micro-batches, each padded to its own longest example: the gradient is that of the whole batch,
with little padding.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from datasets import Dataset

from tunegrid.training.randomness import stream_seed

Tensors = dict[str, torch.Tensor]


class EncodedSplit:
    """One split's token ids, memory-mapped, with their labels.

    Args:
        data: columns id, label and those of `padding` (lists of int32).
        padding: the padding value of each tokenizer column.

    Attributes:
        ids: example ids, (n,).
        labels: label ids, int64 (n,).
        lengths: tokens of each example, int64 (n,).
    """

    def __init__(self, data: Dataset, padding: dict[str, int]) -> None:
        table = data.with_format("arrow")[:]
        self.ids: list[str] = table["id"].to_pylist()
        self.labels = table["label"].to_numpy()
        self._padding = padding
        self._columns = {}
        for key in padding:
            lists = table[key].combine_chunks()
            self._columns[key] = (lists.values.to_numpy(), lists.offsets.to_numpy())
        offsets = next(iter(self._columns.values()))[1]
        self.lengths = np.diff(offsets).astype(np.int64)

    def __len__(self) -> int:
        return len(self.ids)

    def collate(self, positions: np.ndarray) -> Tensors:
        """The model's inputs for these examples, padded on the right to their longest.

        Returns:
            Each tokenizer column and attention_mask, int64 (len(positions), longest).
        """
        lengths = self.lengths[positions]
        shape = (len(positions), int(lengths.max()))
        batch = {}
        for key, (values, offsets) in self._columns.items():
            padded = np.full(shape, self._padding[key], dtype=np.int64)
            for row, position in enumerate(positions):
                start, end = offsets[position], offsets[position + 1]
                padded[row, : end - start] = values[start:end]
            batch[key] = torch.from_numpy(padded)
        mask = np.arange(shape[1]) < lengths[:, None]
        return batch | {"attention_mask": torch.from_numpy(mask.astype(np.int64))}


def epoch_batches(examples: int, batch_size: int, seed: int, epoch: int) -> list[np.ndarray]:
    """The batches of one epoch: a random order of all examples, the last batch maybe shorter.

    The order depends on the run's seed and the epoch (from 0) alone, so all methods of a seed
    see the examples in the same order.
    """
    generator = np.random.default_rng(stream_seed(seed, "order", epoch))
    order = generator.permutation(examples)
    return [order[start : start + batch_size] for start in range(0, examples, batch_size)]


def micro_batches(positions: np.ndarray, lengths: np.ndarray, size: int) -> Iterator[np.ndarray]:
    """A batch cut into micro-batches of at most `size` examples of like length, longest first.

    Longest first, so that too little memory shows at the first micro-batch. Ties keep their
    random order.
    """
    order = positions[np.argsort(-lengths[positions], kind="stable")]
    for start in range(0, len(order), size):
        yield order[start : start + size]


def to_device(batch: Tensors, device: torch.device) -> dict[str, Any]:
    """The tensors on `device`, copied without waiting where it can."""
    return {key: value.to(device, non_blocking=True) for key, value in batch.items()}
