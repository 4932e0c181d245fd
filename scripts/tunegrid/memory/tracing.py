"""Counting the storage that tensors take, from each one's birth to its death.

What a kernel takes for itself while it runs is not seen, nor what an allocator rounds up.
"""

from __future__ import annotations

import weakref
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from tunegrid.memory import KINDS


@dataclass
class Storage:
    """One storage.

    Attributes:
        size: bytes.
        born: when, in births and deaths before it.
        died: likewise; None: it lives.
        kind: one of `KINDS`; a temporary until something says what it is for.
    """

    size: int
    born: int
    died: int | None = None
    kind: str = "temporaries"


class StorageCounter(TorchDispatchMode):
    """Counts the bytes of all live storages that operations under it return.

    Attributes:
        live: bytes now.
        peak: the most that there were since `reset_peak`.
    """

    def __init__(self) -> None:
        super().__init__()
        self.live = self.peak = 0
        self._clock = self._peak_clock = 0
        self._all: list[Storage] = []
        self._living: dict[int, Storage] = {}

    def reset_peak(self) -> None:
        """Begin a new measurement from what is live now."""
        self.peak, self._peak_clock = self.live, self._clock

    def at_peak(self) -> dict[str, int]:
        """The bytes of each kind of storage at the peak."""
        found = Counter(dict.fromkeys(KINDS, 0))
        for one in self._all:
            if one.born <= self._peak_clock and (one.died is None or one.died > self._peak_clock):
                found[one.kind] += one.size
        return dict(found)

    def mark(self, tensors: Iterable[torch.Tensor], kind: str) -> None:
        """Say what tensors are for; they may be new, and the first to say it counts."""
        for tensor in tensors:
            storage = self._count(tensor)
            if storage.kind == "temporaries":
                storage.kind = kind

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        result = func(*args, **(kwargs or {}))
        for leaf in tree_leaves(result):
            if isinstance(leaf, torch.Tensor):
                self._count(leaf)
        return result

    def _count(self, tensor: torch.Tensor) -> Storage:
        storage = tensor.untyped_storage()
        key = storage._cdata  # noqa: SLF001 (a storage's identity has no public name)
        if key not in self._living:
            self._clock += 1
            self._living[key] = Storage(storage.nbytes(), self._clock)
            self._all.append(self._living[key])
            self.live += storage.nbytes()
            weakref.finalize(storage, self._bury, key)
            if self.live > self.peak:
                self.reset_peak()
        return self._living[key]

    def _bury(self, key: int) -> None:
        self._clock += 1
        storage = self._living.pop(key)
        storage.died = self._clock
        self.live -= storage.size
