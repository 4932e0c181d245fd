"""Which sums of gradients autograd writes into one of the two, as it does with real tensors.

Where a tensor has several uses, autograd adds up the gradients that they give it, and writes the
sum into the first one if nothing else holds that (`can_accumulate_inplace` in
torch/csrc/autograd/input_buffer.cpp). Of tensors of another class, as fakes are, and under a mode
that watches operations it takes a new tensor for each sum instead: of tied embeddings a whole
matrix too many.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import torch
from torch._prims_common import is_non_overlapping_and_dense_or_false
from torch._subclasses.fake_tensor import FakeTensor, FakeTensorMode
from torch.autograd.function import BackwardCFunction
from torch.utils._python_dispatch import TorchDispatchMode, _disable_current_modes

_ATEN = torch.ops.aten
#: How many hold a tensor, and how many its storage.
Holders = tuple[int, int]


def written_in_place(func: Any, args: tuple[Any, ...], *, alone: Holders) -> Any:
    """The operation that real tensors would see in the place of one on fakes.

    Args:
        func: an operation that a mode above all others is asked for.
        args: its arguments.
        alone: of `holders_of_one_alone`.

    Returns:
        The sum into the first argument, where autograd would write it there; else `func`, and
        always on tensors that have values.
    """
    if func is _ATEN.add.Tensor and isinstance(args[0], FakeTensor) and _adds_gradients():
        gradient = args[0]
        if _holders(gradient) == alone and is_non_overlapping_and_dense_or_false(gradient):
            return _ATEN.add_.Tensor
    return func


@cache
def holders_of_one_alone() -> Holders:
    """How many hold a gradient in a sum that nothing else holds, as this version of torch has it.

    To be asked where autograd is at work, not in a mode's own operations.
    """
    with _disable_current_modes(), torch.enable_grad(), FakeTensorMode(), _Watch() as watch:  # type: ignore[no-untyped-call]
        weight = torch.ones(1, requires_grad=True)
        used_twice = weight * 2
        total = (used_twice.sin() + used_twice.cos()).sum()
        total.backward()  # type: ignore[no-untyped-call]
    return watch.holders


def _adds_gradients() -> bool:
    """Whether a backward pass is under way, in an operation that autograd knows by itself."""
    if torch.is_grad_enabled():
        return False
    node = torch._C._current_autograd_node()  # noqa: SLF001
    return node is not None and not isinstance(node, BackwardCFunction)


def _holders(tensor: torch.Tensor) -> Holders:
    """How many hold a tensor and its storage, those among them that ask."""
    storage = tensor.untyped_storage()
    return (
        tensor._use_count(),  # type: ignore[attr-defined] # noqa: SLF001
        torch._C._storage_Use_Count(storage._cdata),  # noqa: SLF001
    )


class _Watch(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Notes who holds the first gradient of the last sum."""

    holders: Holders

    def __torch_dispatch__(
        self,
        func: Any,
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        if func is _ATEN.add.Tensor and _adds_gradients():
            self.holders = _holders(args[0])
        return func(*args, **(kwargs or {}))
