"""Counts where a training step would wait for its device, without a device.

The tensors of a run stand on PyTorch's device `meta`, which has shapes and no values. What a
program asks of values there fails, so no question can pass unseen; here it is counted and answered.
"""

import importlib
from collections import Counter
from contextlib import nullcontext
from typing import Any

import torch
from torch.utils import _foreach_utils
from torch.utils._python_dispatch import TorchDispatchMode

ATEN = torch.ops.aten
DEVICE = torch.device("meta")
#: Types of tensors that, as an index, pick what is true.
MASKS = (torch.bool, torch.uint8)


class Pinned:
    """Stands in for pinned memory: knows which tensors of the host were put there."""

    def __init__(self) -> None:
        self._kept: dict[int, torch.Tensor] = {}

    def pin(self, tensor: torch.Tensor) -> torch.Tensor:
        """In the place of `torch.Tensor.pin_memory`."""
        self._kept[tensor.data_ptr()] = tensor
        return tensor

    def __contains__(self, tensor: torch.Tensor) -> bool:
        return tensor.data_ptr() in self._kept


def at_device(accelerator):
    """An accelerator of a CPU that says to be one of the device."""
    stand_in = {"device": DEVICE}
    accelerator.__class__ = type("AtDevice", (type(accelerator),), stand_in)
    return accelerator


def as_on_a_gpu(monkeypatch) -> Pinned:
    """Let libraries do on the device what they do on a GPU; what is put into pinned memory.

    AdamW has a fused kernel there, and autocast can be turned off.
    """
    supported = [*_foreach_utils._get_fused_kernels_supported_devices(), DEVICE.type]
    module = importlib.import_module("torch.optim.optimizer")
    monkeypatch.setattr(module, "_get_fused_kernels_supported_devices", lambda: supported)
    monkeypatch.setattr(torch, "autocast", lambda *_, **__: nullcontext())
    pinned = Pinned()

    def pin_memory(tensor):
        return pinned.pin(tensor)

    monkeypatch.setattr(torch.Tensor, "pin_memory", pin_memory)
    return pinned


def is_on_device(value: Any) -> bool:
    """Whether a value is a tensor on the device."""
    return isinstance(value, torch.Tensor) and value.device.type == DEVICE.type


class Waits(TorchDispatchMode):
    """Counts the operations for which a program must wait until the device has computed.

    These are a number that is asked for (`.item()`, `if tensor:`), a result whose shape depends on
    values (`nonzero`, a mask as an index), a copy to the host, and a copy to the device that is not
    from pinned memory or that is waited for.

    Args:
        pinned: the tensors of the host that lie in pinned memory.

    Attributes:
        found: how often each was met, by its name.
    """

    def __init__(self, pinned: Pinned) -> None:
        super().__init__()
        self._pinned = pinned
        self.found: Counter[str] = Counter()

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        if func is ATEN._local_scalar_dense.default and is_on_device(args[0]):
            self.found["a number"] += 1
            return args[0].dtype == torch.bool or 1
        if func is ATEN._to_copy.default and self._moves(args[0], kwargs.get("device")):
            return self._copy(func, args[0], kwargs)
        if func is ATEN.copy_.default and is_on_device(args[0]) and not is_on_device(args[1]):
            self._count_copy(args[1], waited_for=len(args) < 3 or not args[2])
            return args[0]
        if func in (ATEN.index.Tensor, ATEN.index_put_.default, ATEN.index_put.default):
            masks = [index for index in args[1] if is_on_device(index) and index.dtype in MASKS]
            self.found["a mask as an index"] += len(masks)
        elif torch.Tag.dynamic_output_shape in func.tags and is_on_device(args[0]):
            self.found[func.name()] += 1
        return func(*args, **kwargs)

    @staticmethod
    def _moves(tensor, device):
        return device is not None and torch.device(device).type != tensor.device.type

    def _copy(self, func, tensor, kwargs):
        if is_on_device(tensor):
            self.found["copy to the host"] += 1
            return torch.zeros(tensor.shape, dtype=kwargs.get("dtype") or tensor.dtype)
        self._count_copy(tensor, waited_for=not kwargs.get("non_blocking"))
        return func(tensor, **kwargs)

    def _count_copy(self, tensor, *, waited_for):
        if waited_for or tensor not in self._pinned:
            self.found["copy to the device"] += 1
