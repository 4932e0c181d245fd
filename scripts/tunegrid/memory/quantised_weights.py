"""Frozen base weights of 8 or 4 bits, for predicting memory: their kernels take no fake tensors.

Sizes and lifetimes are those of bitsandbytes 0.50 on CUDA
(https://github.com/bitsandbytes-foundation/bitsandbytes):

- int8 (Dettmers et al. 2022, https://arxiv.org/abs/2208.07339): a byte a weight, and an fp32 scale
  for each row (`nn.modules.Linear8bitLt`, `autograd._functions.MatMul8bitLt`).
- nf4 (QLoRA: Dettmers et al. 2023, https://arxiv.org/abs/2305.14314): 4 bits a weight, and for each
  block of 64 the largest value in fp32; in nf4-double these take a byte, and for each 256 of them
  an fp32 value (`functional.quantize_4bit`, `autograd._functions.MatMul4Bit`).

A map is multiplied by a copy of its weights in the type of its input (4 bits), or by int8 copies of
its inputs (8 bits); its backward pass makes a copy of the weights in both. As the Transformers
library has it, all linear maps are quantised but the output embedding
(`transformers.integrations.bitsandbytes.get_keys_to_not_convert`); and but what trains.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import torch
from torch import nn
from torch.nn import functional
from transformers import PreTrainedModel

from tunegrid.errors import UserError
from tunegrid.memory.records import Quantisation

#: Weights that share one largest value in 4 bits, and such values that share one in turn.
BLOCK, BLOCKS_OF_BLOCKS = 64, 256
#: Where a weight that is quantised has what is stored of it; it itself has the shape alone.
STORED = "stored_quantised"

_linear = functional.linear


def quantise_base(model: PreTrainedModel, kind: Quantisation) -> None:
    """Give the frozen linear maps of a model on fake tensors the storage of quantised ones.

    Args:
        model: with its method; what trains is not quantised, nor is the output embedding.
        kind: int8, nf4 or nf4-double.

    Raises:
        UserError: no linear map is frozen.
    """
    output = model.get_output_embeddings()  # type: ignore[no-untyped-call]
    quantised = [
        module
        for module in model.modules()
        if isinstance(module, nn.Linear)
        and module is not output
        and not module.weight.requires_grad
    ]
    if not quantised:
        raise UserError(
            "quantised weights do not train, and this method trains all linear maps of the model"
            " (or it has none, as GPT-2); choose a method that adds weights, such as lora"
        )
    for module in quantised:
        for name, size, dtype in _stored_tensors(module.weight.numel(), module.out_features, kind):
            module.register_buffer(name, torch.empty(size, dtype=dtype), persistent=False)
        shape = module.weight.shape
        handle = torch.empty(1, dtype=module.weight.dtype).expand(shape)
        module.weight = nn.Parameter(handle, requires_grad=False)
        setattr(module.weight, STORED, kind)


def _stored_tensors(
    weights: int, rows: int, kind: Quantisation
) -> list[tuple[str, int, torch.dtype]]:
    """The tensors that hold a quantised matrix: name, values and their type."""
    if kind == "int8":
        return [("quantised", weights, torch.int8), ("quantised_scales", rows, torch.float32)]
    blocks = -(-weights // BLOCK)
    packed = ("quantised", -(-weights // 2), torch.uint8)
    table = ("quantised_table", 16, torch.float32)
    if kind == "nf4":
        return [packed, table, ("quantised_scales", blocks, torch.float32)]
    return [
        packed,
        table,
        ("quantised_scales", blocks, torch.uint8),
        ("quantised_scales_table", 256, torch.float32),
        ("quantised_scales_of_scales", -(-blocks // BLOCKS_OF_BLOCKS), torch.float32),
        ("quantised_scales_offset", 1, torch.float32),
    ]


@contextmanager
def quantised_linear_maps() -> Iterator[None]:
    """Let linear maps whose weights `quantise_base` has quantised be computed by their kernels."""
    of_whole_weights = functional.linear

    def linear(
        input: torch.Tensor,  # noqa: A002 (torch's name: some libraries say it)
        weight: torch.Tensor,
        bias: torch.Tensor | None = None,
    ) -> torch.Tensor:
        kind = getattr(weight, STORED, None)
        if kind is None:
            return of_whole_weights(input, weight, bias)
        matmul = _Int8Matmul if kind == "int8" else _FourBitMatmul
        cast_bias = None if bias is None else bias.to(input.dtype)
        result: torch.Tensor = matmul.apply(input, weight, cast_bias)  # type: ignore[no-untyped-call]
        return result.to(input.dtype)

    with patch.object(functional, "linear", linear):
        yield


class _FourBitMatmul(torch.autograd.Function):
    """`MatMul4Bit`: keeps nothing but the packed weights."""

    @staticmethod
    def forward(
        ctx: Any, values: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None
    ) -> torch.Tensor:
        ctx.weight = weight
        ctx.bias_dtype = None if bias is None else bias.dtype
        return _linear(values, _whole_copy(weight, values.dtype), bias)

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> Any:
        (gradient,) = gradients
        of_values, of_bias = None, _bias_gradient(ctx, gradient)
        if ctx.needs_input_grad[0]:
            of_values = torch.matmul(gradient, _whole_copy(ctx.weight, gradient.dtype))
        return of_values, None, of_bias


class _Int8Matmul(torch.autograd.Function):
    """`MatMul8bitLt` with frozen weights: keeps its input until the graph is gone."""

    @staticmethod
    def forward(
        ctx: Any, values: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None
    ) -> torch.Tensor:
        ctx.weight = weight
        ctx.bias_dtype = None if bias is None else bias.dtype
        if ctx.needs_input_grad[0]:
            ctx.save_for_backward(values)
            ctx.kept = values  # as an attribute there, too: it outlives its own backward pass
        half = values.to(torch.float16)
        outliers = half.abs() >= 1
        quantised = torch.empty_like(half, dtype=torch.int8)
        del half, outliers
        shape = (*values.shape[:-1], weight.shape[0])
        products = torch.empty(shape, dtype=torch.int32)
        del quantised
        scaled = torch.empty_like(products, dtype=torch.float16)
        del products
        return scaled.to(values.dtype)

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> Any:
        (gradient,) = gradients
        of_values, of_bias = None, _bias_gradient(ctx, gradient)
        if ctx.needs_input_grad[0]:
            dtype = ctx.kept.dtype
            whole = torch.empty_like(ctx.weight, dtype=dtype, memory_format=torch.contiguous_format)
            of_values = torch.matmul(gradient.to(dtype), whole)
        return of_values, None, of_bias


def _bias_gradient(ctx: Any, gradient: torch.Tensor) -> torch.Tensor | None:
    """The gradient of a bias, of that of what it was added to; None where it does not train."""
    if not ctx.needs_input_grad[2]:
        return None
    return gradient.sum(0, dtype=ctx.bias_dtype)


def _whole_copy(weight: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    """A matrix in its type before it was quantised, and then in that of the computation."""
    return torch.empty_like(weight, memory_format=torch.contiguous_format).to(dtype)
