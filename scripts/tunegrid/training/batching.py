"""From encoded examples to padded tensors: which examples share a batch, and how it is computed.

Batches are drawn at random. Only inside a batch are the examples sorted by length and cut into
micro-batches, each padded to its own longest example: the gradient is that of the whole batch,
with little padding.
"""

import copy
from typing import Literal

import numpy as np
import torch
from datasets import Dataset

from tunegrid.metrics import Integers, TargetKind
from tunegrid.results import TEST_SPLIT
from tunegrid.tasks.label_kinds import label_array, label_kind
from tunegrid.training.host_answers import answered_by_host, in_pinned_memory
from tunegrid.training.randomness import stream_seed

Tensors = dict[str, torch.Tensor]

#: Batches that `group_by_length` sorts together; the Transformers Trainer's own number.
GROUPED = 50
#: What a micro-batch costs beside its tokens, in tokens. On a CPU its gradients are added to those
#: before: measured on two processors, 16 to 64 differ by less than 2 %, 4 and 128 cost 5 to 8 %. A
#: GPU waits for some thousand kernels to start: an estimate, not measured.
OVERHEAD = {"cpu": 32.0, "cuda": 2048.0}


class EncodedSplit:
    """One split's token ids, memory-mapped, with their labels.

    Args:
        data: columns id, label, those of `padding` (lists of int32) and, of a task with several
            test splits, `TEST_SPLIT`.
        padding: the padding value of each tokenizer column that the model takes.
        padding_side: where a shorter example of a batch is padded.
        masked: whether the model takes an attention mask.

    Attributes:
        side: the same.
        ids: example ids, (n,).
        target: what the task asks for.
        labels: label ids, int64 (n,); of several labels which are true, (n, k); numbers, (n,).
        lengths: tokens of each example, int64 (n,).
        test_splits: the test split that each example is of, (n,); None where there is one alone.
    """

    def __init__(
        self,
        data: Dataset,
        padding: dict[str, int],
        padding_side: Literal["left", "right"] = "right",
        *,
        masked: bool = True,
    ) -> None:
        table = data.with_format("arrow")[:]
        self.ids: list[str] = table["id"].to_pylist()
        self.target: TargetKind = label_kind(data)
        self.labels = label_array(data)
        self.test_splits: list[str] | None = None
        if TEST_SPLIT in table.column_names:
            self.test_splits = table[TEST_SPLIT].to_pylist()
        self.side = padding_side
        self._padding = padding
        self._masked = masked
        self._columns = {}
        for key in padding:
            lists = table[key].combine_chunks()
            self._columns[key] = (lists.values.to_numpy(), lists.offsets.to_numpy())
        offsets = next(iter(self._columns.values()))[1]
        self.lengths = np.diff(offsets).astype(np.int64)

    def __len__(self) -> int:
        return len(self.ids)

    def padded_on_the_other_side(self) -> "EncodedSplit":
        """The same examples with padding at the other end."""
        other = copy.copy(self)
        other.side = "left" if self.side == "right" else "right"
        return other

    def collate(self, positions: Integers) -> Tensors:
        """The model's inputs for these examples, padded on their side to the longest.

        Returns:
            Each tokenizer column and, where the model takes it, attention_mask: int64
            (len(positions), longest).
        """
        lengths = self.lengths[positions]
        shape = (len(positions), int(lengths.max()))
        batch = {}
        for key, (values, offsets) in self._columns.items():
            padded = np.full(shape, self._padding[key], dtype=np.int64)
            for row, position in enumerate(positions):
                start, end = offsets[position], offsets[position + 1]
                first = shape[1] - (end - start) if self.side == "left" else 0
                padded[row, first : first + end - start] = values[start:end]
            batch[key] = torch.from_numpy(padded)
        if not self._masked:
            return batch
        columns = np.arange(shape[1])
        if self.side == "left":
            mask = columns >= shape[1] - lengths[:, None]
        else:
            mask = columns < lengths[:, None]
        return batch | {"attention_mask": torch.from_numpy(mask.astype(np.int64))}


def epoch_batches(
    lengths: Integers, *, batch_size: int, seed: int, epoch: int, grouped: bool = False
) -> list[Integers]:
    """The batches of one epoch: a random order of all examples, the last batch maybe shorter.

    The order depends on the run's seed and the epoch (from 0) alone, so all methods of a seed
    see the examples in the same order.

    Args:
        lengths: tokens of each example, (n,).
        batch_size: examples of a batch.
        seed: the run's.
        epoch: from 0.
        grouped: sort every `GROUPED` batches' worth of the random order by length before it is
            cut, so that a batch holds examples of like length; the batches' order stays random.
    """
    generator = np.random.default_rng(stream_seed(seed, "order", epoch))
    order = generator.permutation(len(lengths))
    if not grouped:
        return _cut(order, batch_size)
    batches = []
    for pool in _cut(order, GROUPED * batch_size):
        batches += _cut(_longest_first(pool, lengths), batch_size)
    return [batches[position] for position in generator.permutation(len(batches))]


def micro_batches(
    positions: Integers, lengths: Integers, *, most: int, overhead: float
) -> list[Integers]:
    """A batch cut into micro-batches of at most `most` examples of like length, longest first.

    Of all cuts of the sorted batch it is the cheapest: a micro-batch costs its padded tokens and
    `overhead` (dynamic programming; Bellman 1957's segmentation). Longest first, so that too
    little memory shows at the first micro-batch. Ties keep their random order.

    Args:
        positions: of the batch's examples in the split, (b,).
        lengths: tokens of each example of the split, (n,).
        most: examples of a micro-batch, at most.
        overhead: what a micro-batch costs beside its tokens, in tokens.
    """
    order = _longest_first(positions, lengths)
    longest = lengths[order]
    cost = np.zeros(len(order) + 1)
    cuts = np.zeros(len(order) + 1, dtype=int)
    for end in range(1, len(order) + 1):
        starts = np.arange(max(0, end - most), end)
        costs = cost[starts] + longest[starts] * (end - starts) + overhead
        best = int(costs.argmin())
        cost[end], cuts[end] = costs[best], starts[best]
    parts, end = [], len(order)
    while end:
        parts.append(order[cuts[end] : end])
        end = cuts[end]
    return parts[::-1]


def micro_batch_overhead(device: torch.device) -> float:
    """What a micro-batch costs on a device beside its tokens, in tokens."""
    return OVERHEAD.get(device.type, OVERHEAD["cuda"])


def _longest_first(positions: Integers, lengths: Integers) -> Integers:
    return positions[np.argsort(-lengths[positions], kind="stable")]


def _cut(order: Integers, size: int) -> list[Integers]:
    return [order[start : start + size] for start in range(0, len(order), size)]


def to_device(batch: Tensors, device: torch.device) -> Tensors:
    """The tensors on a device, such that the host waits for nothing.

    On a GPU they are copied from pinned memory without waiting
    (https://docs.pytorch.org/tutorials/intermediate/pinmem_nonblock.html), and what a model's code
    asks of their values is answered by the host (`tunegrid.training.host_answers`).

    Args:
        batch: the tensors on the host, pinned already or not; they must not change any more.
        device: where to.
    """
    if device.type == "cpu":
        return batch
    pinned = {key: in_pinned_memory(value) for key, value in batch.items()}
    moved = {key: value.to(device, non_blocking=True) for key, value in pinned.items()}
    return answered_by_host(moved, pinned)
