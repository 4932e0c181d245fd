"""Answers from the host to what a model's code asks of its inputs.

Models ask whether a batch has any padding (`if mask.all():`), which tokens are padding, or how
long the longest text is. On a GPU each such question waits until all that was begun before is
computed. But the host knows the inputs: they come from it. So an input on a device carries its copy
on the host along. What the device computes is not touched: the same operations in the same order.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch.utils._pytree import tree_leaves, tree_map_only

#: Operations whose results follow from their arguments alone and draw nothing at random: the host
#: can compute them, too, if it is asked.
FOLLOWS = {
    "__and__", "__eq__", "__ge__", "__getitem__", "__gt__", "__invert__", "__le__", "__lt__",
    "__mul__", "__ne__", "__or__", "__rmul__", "__rsub__", "__sub__", "all", "amax", "amin", "any",
    "argmax", "argmin", "bitwise_not", "bool", "clone", "contiguous", "cumsum", "detach", "diff",
    "eq", "expand", "expand_as", "flatten", "float", "ge", "gt", "int", "isin", "le", "logical_and",
    "logical_not", "logical_or", "long", "lt", "max", "min", "mul", "ne", "permute", "reshape",
    "squeeze", "sub", "sum", "to", "transpose", "type", "unsqueeze", "view",
}  # fmt: skip
#: Questions whose answer is no tensor.
ASKS = {
    "__bool__", "__contains__", "__float__", "__index__", "__int__", "equal", "is_nonzero", "item",
    "tolist",
}  # fmt: skip
#: Operations whose results have a shape that depends on values: the host computes it, and the
#: result is copied.
SHAPED_BY_VALUES = {"nonzero", "unique", "unique_consecutive"}


@dataclass
class _Batch:
    """What the tensors that follow from one batch share.

    Attributes:
        overwritten: whether one of them was written into, so that the host no longer knows them.
    """

    overwritten: bool = False


@dataclass(frozen=True)
class _Later:
    """In the place of a tensor: what computes its values on the host."""

    host: Callable[[], torch.Tensor]


class HostKnown(torch.Tensor):
    """A tensor on a device whose values the host can tell without asking the device.

    Attributes:
        host: computes its values on the host.
        batch: what it shares with the other tensors of its batch.
    """

    host: Callable[[], torch.Tensor]
    batch: _Batch

    @classmethod
    def __torch_function__(
        cls,
        func: Any,
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        kwargs = kwargs or {}
        known = [value for value in tree_leaves((args, kwargs)) if isinstance(value, HostKnown)]
        name = getattr(func, "__name__", "")
        with torch._C.DisableTorchFunctionSubclass():  # noqa: SLF001 (as PyTorch's own documentation)
            if _writes(name) or "out" in kwargs:
                for value in known:
                    value.batch.overwritten = True
            if not known or known[0].batch.overwritten or not _all_known(args, kwargs):
                return func(*args, **kwargs)
            # What is computed later does not keep the device's tensors.
            later = tree_map_only(HostKnown, lambda value: _Later(value.host), (args, kwargs))
            if name in ASKS or name in SHAPED_BY_VALUES:
                return _copied(_compute(func, *later), known[0].device)
            result = func(*args, **kwargs)
            if name not in FOLLOWS or type(result) is not torch.Tensor:
                return result
            return _known_by(result, lambda: _compute(func, *later), known[0].batch)


def answered_by_host(
    on_device: dict[str, torch.Tensor], on_host: dict[str, torch.Tensor]
) -> dict[str, torch.Tensor]:
    """The inputs of a batch, such that the host answers what is asked of their values.

    Args:
        on_device: the inputs.
        on_host: their copies there, which must not change; by the same names.
    """
    batch = _Batch()

    def returned(tensor: torch.Tensor) -> Callable[[], torch.Tensor]:
        return lambda: tensor

    return {
        name: _known_by(value, returned(on_host[name]), batch) for name, value in on_device.items()
    }


def _known_by(
    tensor: torch.Tensor, host: Callable[[], torch.Tensor], batch: _Batch
) -> torch.Tensor:
    known: HostKnown = tensor.as_subclass(HostKnown)
    known.host, known.batch = host, batch
    return known


def _writes(name: str) -> bool:
    """Whether a function of this name writes into its arguments."""
    return name in ("__setitem__", "__set__") or (name.endswith("_") and not name.endswith("__"))


def _all_known(args: Any, kwargs: Any) -> bool:
    """Whether every tensor among the arguments is known to the host, or is a number of its own."""
    return all(
        isinstance(value, HostKnown) or (value.device.type == "cpu" and value.ndim == 0)
        for value in tree_leaves((args, kwargs))
        if isinstance(value, torch.Tensor)
    )


def _compute(func: Any, args: Any, kwargs: Any) -> Any:
    """What an operation returns on the host, where its arguments say how tensors are computed."""
    arguments = tree_map_only(_Later, lambda later: later.host(), (args, kwargs))
    args, kwargs = tree_map_only(torch.device, lambda _: torch.device("cpu"), arguments)
    return func(*args, **kwargs)


def _copied(result: Any, device: torch.device) -> Any:
    """What the host has computed; tensors on the device, which is not waited for."""
    return tree_map_only(
        torch.Tensor, lambda tensor: in_pinned_memory(tensor).to(device, non_blocking=True), result
    )


def in_pinned_memory(tensor: torch.Tensor) -> torch.Tensor:
    """A host's tensor in memory from which a GPU copies without the host waiting for it."""
    return tensor.pin_memory()
