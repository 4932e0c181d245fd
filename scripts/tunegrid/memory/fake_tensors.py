"""Fake tensors that take the storage that CUDA's kernels would take, without a GPU.

A fake tensor has a shape, a type and a lifetime, but no data. On a pretended CUDA device it aborts
the program where there is no CUDA; so the fakes are on a pretended CPU, and where CUDA has other
kernels than a CPU, CUDA's are called.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from typing import Any
from unittest.mock import patch

import torch
from torch import nn
from torch._subclasses.fake_tensor import FakeTensor, FakeTensorMode
from torch.nn import functional
from transformers import PreTrainedModel
from transformers.modeling_utils import TORCH_INIT_FUNCTIONS

from tunegrid.memory.known_values import KnownValues

#: Numbers of a row of a mask that the memory-efficient kernel reads at once.
MASK_ALIGNMENT = 8
#: CUDA's memory-efficient kernel of attention.
EFFICIENT_ATTENTION = torch.ops.aten._scaled_dot_product_efficient_attention.default  # noqa: SLF001


def _dropout(
    values: torch.Tensor,
    p: float = 0.5,
    training: bool = True,
    inplace: bool = False,  # noqa: ARG001 (models do not use it)
) -> torch.Tensor:
    """Dropout as CUDA computes it: its mask takes a byte for a value."""
    if not training or not p:
        return values
    return torch.native_dropout(values, p, training)[0]


def _attention(
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attn_mask: torch.Tensor | None = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> torch.Tensor:
    """Attention by CUDA's memory-efficient kernel, which keeps one logarithm for each row."""
    if enable_gqa:
        key, value = (
            part.repeat_interleave(query.size(1) // part.size(1), dim=1) for part in (key, value)
        )
    if torch.is_autocast_enabled("cpu"):
        dtype = torch.get_autocast_dtype("cpu")
        query, key, value = (part.to(dtype) for part in (query, key, value))
    if attn_mask is not None:
        attn_mask = _additive_mask(attn_mask, query.dtype)
        attn_mask = attn_mask.expand(*query.shape[:2], query.size(2), key.size(2))
    return EFFICIENT_ATTENTION(
        query, key, value, attn_mask, True, dropout_p, is_causal, scale=scale
    )[0]


def _additive_mask(mask: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    """A mask as the memory-efficient kernel takes it, and keeps it for the backward pass.

    A boolean one becomes one that is added to the scores, anew in every layer. Rows whose length is
    no multiple of 8 are padded (`convert_boolean_attn_mask` and `preprocess_mask`,
    https://github.com/pytorch/pytorch/blob/v2.13.0/aten/src/ATen/native/transformers/attention.cpp).

    Args:
        mask: boolean or of floating point, (…, queries, keys).
        dtype: of the queries, which is also the result's.
    """
    if mask.dtype == torch.bool:
        zero, masked = torch.zeros((), dtype=dtype), torch.full((), -torch.inf, dtype=dtype)
        mask = torch.where(mask, zero, masked)
    mask = mask.to(dtype)
    keys = mask.size(-1)
    if any(stride % MASK_ALIGNMENT for stride in mask.stride()[:-1]):
        mask = functional.pad(mask, (0, -keys % MASK_ALIGNMENT))[..., :keys]
    return mask


def _in_fp32(kernel: Callable[..., torch.Tensor]) -> Callable[..., torch.Tensor]:
    """A kernel that computes in fp32 under autocast, as autocast has it on CUDA, not on a CPU."""

    def compute(values: torch.Tensor, *rest: Any, **more: Any) -> torch.Tensor:
        if not torch.is_autocast_enabled("cpu"):
            return kernel(values, *rest, **more)
        with torch.autocast("cpu", enabled=False):
            return kernel(values.float(), *rest, **more)

    return compute


@contextmanager
def cuda_kernels() -> Iterator[None]:
    """Let models call the kernels of CUDA where a CPU has others.

    The mask of dropout takes a byte for a value. Attention is the memory-efficient kernel, which
    keeps one logarithm for each row (flash attention takes no mask). Under autocast softmax and
    layer norms compute in fp32
    (https://docs.pytorch.org/docs/stable/amp.html#cuda-ops-that-can-autocast-to-float32).
    """
    with ExitStack() as stack:
        for name, kernel in {
            "dropout": _dropout,
            "scaled_dot_product_attention": _attention,
            "softmax": _in_fp32(functional.softmax),
            "layer_norm": _in_fp32(functional.layer_norm),
        }.items():
            stack.enter_context(patch.object(functional, name, kernel))
        yield


@contextmanager
def _without_drawing() -> Iterator[None]:
    """Let models be built without drawing weights: a fake has no values, and drawing takes time."""
    with ExitStack() as stack:
        for name in TORCH_INIT_FUNCTIONS:
            stack.enter_context(patch.object(nn.init, name, lambda tensor, *_, **__: tensor))
        # It draws; what ties weights to each other stands beside it.
        stack.enter_context(patch.object(PreTrainedModel, "initialize_weights", lambda _: None))
        yield


_AS_TENSOR = torch.as_tensor


def _as_tensor(data: Any, *rest: Any, **more: Any) -> torch.Tensor:
    """`torch.as_tensor`, which would read tensors among numbers from memory, where fakes have none.

    TAPAS makes shapes in this way.
    """
    if isinstance(data, list | tuple):
        data = [
            one.item() if isinstance(one, torch.Tensor) and not one.ndim else one for one in data
        ]
    return _AS_TENSOR(data, *rest, **more)


def _copy_of_fake(tensor: FakeTensor, memo: dict[int, Any]) -> torch.Tensor:
    """What `copy.deepcopy` makes of a fake: another fake, which knows the same number, if any.

    Torch would ask where its data lie, and copy the tensor with its number, which is no fake.
    CodeGen's layers hold such a number, and are copied where an adapter is added.
    """
    copied: Any = tensor.detach().clone()
    if isinstance(tensor, nn.Parameter):
        copied = nn.Parameter(copied, requires_grad=tensor.requires_grad)
    copied.constant = tensor.constant
    memo[id(tensor)] = copied
    return copied


@contextmanager
def fake_tensors(*, cuda: bool, mode: FakeTensorMode | None = None) -> Iterator[KnownValues]:
    """Let all tensors that are made here be fakes.

    Yields:
        What is known of their values.

    Args:
        cuda: whether they take the storage of CUDA's kernels; otherwise that of a CPU's.
        mode: of the fakes that were made before and are used here, too; fakes of two modes cannot
            be in one operation. Default: a new one.
    """
    # A fake has no data to move, and the `to` of some libraries fails on fakes.
    without_moving = patch.object(nn.Module, "to", lambda module, *_, **__: module)
    kernels = cuda_kernels() if cuda else nullcontext()
    fakes = mode or FakeTensorMode()
    # A copy of a layer is of the same mode; by itself each copied tensor would bring a mode of its
    # own.
    one_mode = patch.object(FakeTensorMode, "__deepcopy__", lambda _, __: fakes, create=True)
    copied = patch.object(FakeTensor, "__deepcopy__", _copy_of_fake)
    read = patch.object(torch, "as_tensor", _as_tensor)
    values = KnownValues()
    with fakes, values, _without_drawing(), without_moving, one_mode, copied, kernels, read:
        yield values
