"""Fake tensors that take the storage that CUDA's kernels would, on a machine without a GPU.

Fakes on a pretended CUDA device abort where there is none; so they are on a pretended CPU, and
where CUDA has other kernels, these are called for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from typing import Any
from unittest.mock import patch

import torch
from torch import nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.nn import functional
from torch.utils._python_dispatch import TorchDispatchMode


class Answers(TorchDispatchMode):
    """Answers the two questions about values that change no shape.

    Whether all tokens are real, which models ask: no. Which step it is, which optimizers ask: the
    first. Any other is an error, as fakes have no values.
    """

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        if func is torch.ops.aten._local_scalar_dense.default:  # noqa: SLF001
            if args[0].dtype == torch.bool:
                return False
            if args[0].dtype.is_floating_point:
                return 1.0
        return func(*args, **(kwargs or {}))


def _dropout(
    values: torch.Tensor,
    p: float = 0.5,
    training: bool = True,
    inplace: bool = False,  # noqa: ARG001 (models do not use it)
) -> torch.Tensor:
    return torch.native_dropout(values, p, training)[0] if training and p else values


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
    if enable_gqa:
        key, value = (
            part.repeat_interleave(query.size(1) // part.size(1), dim=1) for part in (key, value)
        )
    if torch.is_autocast_enabled("cpu"):
        dtype = torch.get_autocast_dtype("cpu")
        query, key, value = (part.to(dtype) for part in (query, key, value))
        attn_mask = None if attn_mask is None else attn_mask.to(dtype)
    if attn_mask is not None:
        attn_mask = attn_mask.expand(*query.shape[:2], query.size(2), key.size(2))
    return torch.ops.aten._scaled_dot_product_efficient_attention(  # noqa: SLF001
        query, key, value, attn_mask, True, dropout_p, is_causal, scale=scale
    )[0]


def _in_fp32(kernel: Callable[..., torch.Tensor]) -> Callable[..., torch.Tensor]:
    """A kernel that autocast computes in fp32 on CUDA, but not on a CPU."""

    def compute(values: torch.Tensor, *rest: Any, **more: Any) -> torch.Tensor:
        if not torch.is_autocast_enabled("cpu"):
            return kernel(values, *rest, **more)
        with torch.autocast("cpu", enabled=False):
            return kernel(values.float(), *rest, **more)

    return compute


@contextmanager
def cuda_kernels() -> Iterator[None]:
    """Call for the kernels that CUDA has where a CPU has others.

    Dropout keeps a mask of a byte a value; attention is the memory-efficient kernel, which keeps a
    logarithm a row (with a mask, flash attention is not to be had); under autocast softmax and
    layer norms are computed in fp32
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
def fakes(*, cuda: bool) -> Iterator[None]:
    """All tensors made here are fakes, of CUDA's kernels or of the CPU's."""
    # A fake has no data to move; some libraries' `to` fails on them.
    still = patch.object(nn.Module, "to", lambda module, *_, **__: module)
    kernels = cuda_kernels() if cuda else nullcontext()
    with FakeTensorMode(), Answers(), still, kernels:
        yield
