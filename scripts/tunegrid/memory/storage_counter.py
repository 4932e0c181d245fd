"""What lives at which moment of a step: every tensor's storage is counted from birth to death."""

from __future__ import annotations

import weakref
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import flop_registry

from tunegrid.memory import KINDS
from tunegrid.memory.fake_tensors import EFFICIENT_ATTENTION
from tunegrid.memory.in_place import holders_of_one_alone, written_in_place
from tunegrid.memory.known_values import WHICH_DEVICE, device_of
from tunegrid.memory.timeline import Timeline


@dataclass
class Storage:
    """The storage of one tensor or of several views.

    Attributes:
        size: bytes.
        born: when it was made, in births and deaths of storages before it.
        died: when it was freed, likewise; None as long as it lives.
        kind: one of `tunegrid.memory.KINDS`; a temporary until something says what it is for.
    """

    size: int
    born: int
    died: int | None = None
    kind: str = "temporaries"


def tensors_beside_weights(model: nn.Module) -> Iterator[torch.Tensor]:
    """A model's buffers, and tensors that its modules keep as plain attributes.

    CodeGen's tables of positions are such attributes; its first step moves them to the GPU.
    """
    yield from model.buffers()
    for module in model.modules():
        yield from (value for value in vars(module).values() if isinstance(value, torch.Tensor))


class StorageCounter(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Counts the bytes of all live storages that operations under it return.

    Attributes:
        live: bytes that live now.
        peak: the most bytes that lived at once since `reset_peak`.
        fused_attention: whether an operation was the memory-efficient kernel of attention.
        flops: floating-point operations since `reset_work`.

    Args:
        count_flops: whether they are counted.
    """

    def __init__(self, *, count_flops: bool = False) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.live = 0
        self.peak = 0
        self._alone = holders_of_one_alone()
        self.fused_attention = False
        self.flops = 0
        self._flop_formulas = flop_registry if count_flops else {}
        self._clock = 0
        self._peak_clock = 0
        self._began = 0
        self._live_at_start = 0
        self._all: list[Storage] = []
        self._living: dict[int, Storage] = {}

    def reset_peak(self) -> None:
        """Begin a new measurement from what is live now."""
        self._began = self._clock
        self._live_at_start = self.live
        self._note_peak()

    def _note_peak(self) -> None:
        self.peak, self._peak_clock = self.live, self._clock

    def reset_work(self) -> None:
        """Begin a new count of floating-point operations."""
        self.flops = 0

    def at_peak(self) -> dict[str, int]:
        """The bytes of each kind of storage at the peak."""
        sizes = Counter(dict.fromkeys(KINDS, 0))
        for one in self._all:
            if one.born <= self._peak_clock and (one.died is None or one.died > self._peak_clock):
                sizes[one.kind] += one.size
        return dict(sizes)

    def history(self) -> list[Storage]:
        """The storages that lived at some moment since `reset_peak`."""
        return [one for one in self._all if one.died is None or one.died > self._began]

    def timeline(self) -> Timeline:
        """Every birth and death of a storage since `reset_peak`."""
        events = []
        for one in self.history():
            storage = one.born - self._began
            if storage > 0:
                events.append((one.born, one.size, storage))
            if one.died is not None:
                events.append((one.died, -one.size, storage))
        events.sort()
        return Timeline(
            at_start=self._live_at_start,
            changes=tuple(change for _, change, _ in events),
            storages=tuple(storage for _, _, storage in events),
        )

    def mark(self, tensors: Iterable[torch.Tensor], kind: str) -> None:
        """Say what tensors are for. They may be new; where several say it, the first counts."""
        for tensor in tensors:
            storage = self._count(tensor)
            if storage.kind == "temporaries":
                storage.kind = kind

    def __torch_dispatch__(
        self,
        func: Any,
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        if func is WHICH_DEVICE:
            return device_of(args[0])
        func = written_in_place(func, args, alone=self._alone)
        if func is EFFICIENT_ATTENTION:
            self.fused_attention = True
        result = func(*args, **(kwargs or {}))
        count_flops = self._flop_formulas.get(func.overloadpacket)
        if count_flops is not None:
            self.flops += count_flops(*args, **(kwargs or {}), out_val=result)
        if isinstance(result, torch.Tensor) and result.layout == torch.strided:
            self._count(result)
            return result
        for leaf in tree_leaves(result):
            if isinstance(leaf, torch.Tensor):
                for part in _stored_parts(leaf):
                    self._count(part)
        return result

    def _count(self, tensor: torch.Tensor) -> Storage:
        """The record of a tensor's storage; a new storage is counted from now on."""
        storage = tensor.untyped_storage()
        key = storage._cdata  # noqa: SLF001 (a storage's identity has no public name)
        if key not in self._living:
            self._clock += 1
            self._living[key] = Storage(storage.nbytes(), born=self._clock)
            self._all.append(self._living[key])
            self.live += storage.nbytes()
            weakref.finalize(storage, self._bury, key)
            if self.live > self.peak:
                self._note_peak()
        return self._living[key]

    def _bury(self, key: int) -> None:
        """Count a storage no longer: it was freed."""
        self._clock += 1
        storage = self._living.pop(key)
        storage.died = self._clock
        self.live -= storage.size


def _stored_parts(tensor: torch.Tensor) -> list[torch.Tensor]:
    """The tensors whose storage holds a tensor: itself, or a sparse one's indices and values."""
    if tensor.layout == torch.sparse_coo:
        return [tensor._indices(), tensor._values()]  # noqa: SLF001 (public ones ask to coalesce)
    return [tensor]
