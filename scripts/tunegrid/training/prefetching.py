"""Micro-batches on the run's device, collated on a thread while those before are computed."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import NamedTuple, Self, TypeVar

import torch

from tunegrid.metrics import Integers
from tunegrid.training.batching import EncodedSplit, Tensors, to_device
from tunegrid.training.host_answers import in_pinned_memory

Item = TypeVar("Item")


class MicroBatch(NamedTuple):
    """The model's inputs for some examples, and their labels, on one device."""

    inputs: Tensors
    labels: torch.Tensor


class MicroBatchLoader:
    """Loads micro-batches of a split; those of a batch that is expected, ahead of time.

    What is loaded is the same with and without that, since collating draws nothing at random. On a
    GPU the expected ones are collated into pinned memory on a thread. On a CPU they are not: a
    thread would take time from the computing one.

    Args:
        split: whose examples are loaded.
        device: where to.
        share: cuts a batch into the micro-batches of this process.
    """

    def __init__(
        self,
        split: EncodedSplit,
        device: torch.device,
        share: Callable[[Integers], list[Integers]],
    ) -> None:
        self._split = split
        self._device = device
        self._share = share
        self._thread: ThreadPoolExecutor | None = None
        #: What is collated of the batch that is computed and of the one after it, by the examples'
        #: positions.
        self._current: dict[bytes, Future[MicroBatch]] = {}
        self._next: dict[bytes, Future[MicroBatch]] = {}

    def __enter__(self) -> Self:
        if self._device.type != "cpu":
            self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="collate")
        return self

    def __exit__(self, *_: object) -> None:
        """Stop collating, also what is expected."""
        if self._thread is not None:
            self._thread.shutdown(wait=True, cancel_futures=True)
        self._thread, self._current, self._next = None, {}, {}

    def expect(self, batch: Integers | None) -> None:
        """Say which batch comes after the one that is computed from now on; None: none is known.

        Args:
            batch: positions of its examples.
        """
        if self._thread is None:
            return
        self._current, self._next = self._next, {}
        if batch is not None:
            self._next = {
                rows.tobytes(): self._thread.submit(self._collate, rows)
                for rows in self._share(batch)
            }

    def load(self, rows: Integers) -> MicroBatch:
        """The examples at some positions, on the device.

        Those that were not expected, as after memory ran out, are collated now.
        """
        ahead = self._current.pop(rows.tobytes(), None)
        inputs, labels = ahead.result() if ahead else self._collate(rows)
        if self._device.type == "cpu":
            return MicroBatch(inputs, labels)
        return MicroBatch(
            inputs=to_device(inputs, self._device),
            labels=labels.to(self._device, non_blocking=True),
        )

    def _collate(self, rows: Integers) -> MicroBatch:
        """The examples on the host; in pinned memory if they are to be copied to a GPU."""
        inputs, labels = self._split.collate(rows), torch.from_numpy(self._split.labels[rows])
        if self._device.type == "cpu":
            return MicroBatch(inputs, labels)
        pinned = {key: in_pinned_memory(value) for key, value in inputs.items()}
        return MicroBatch(pinned, in_pinned_memory(labels))


def with_following(items: Iterable[Item]) -> Iterator[tuple[Item, Item | None]]:
    """Each item with the one after it; the last with None."""
    before: Item | None = None
    for item in items:
        if before is not None:
            yield before, item
        before = item
    if before is not None:
        yield before, None
