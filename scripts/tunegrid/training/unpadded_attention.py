"""Computing without padding, where a model has it (`attention: unpadded`): ModernBERT.

The texts of a micro-batch stand one after the other, without a single token of padding, and
FlashAttention 2 computes each one's attention by itself (Dao 2023, https://arxiv.org/abs/2307.08691;
Warner et al. 2024, https://arxiv.org/abs/2412.13663). It is in the package flash-attn, and computes
on GPUs and in 16 bits alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from typing import TYPE_CHECKING

import torch
from accelerate import Accelerator
from torch import nn
from transformers import PreTrainedModel

from tunegrid.errors import UserError
from tunegrid.training.probing import logits_of

if TYPE_CHECKING:
    # Its module has functions to compile, for which it imports PyTorch's compiler: two seconds that
    # a run of another model need not wait.
    from transformers.models.modernbert.modeling_modernbert import ModernBertAttention

#: What a configuration writes for it, and how the Transformers library calls its kernels.
UNPADDED = "unpadded"
KERNELS = "flash_attention_2"
#: By how much it may change a logit: a share of the largest logit, and what rounding to 8 bits in
#: every layer makes of small ones.
RELATIVE, ABSOLUTE = 0.05, 0.02


def leave_padding_out(
    model: PreTrainedModel,
    accelerator: Accelerator,
    examples: Mapping[str, torch.Tensor],
    *,
    deterministic: bool,
) -> None:
    """Let a model compute without padding from now on.

    It was built and tried on the CPU with other kernels. Whether it computes the same without
    padding is tried, too: its logits are compared with those before.

    Args:
        model: a classifier, on its device.
        accelerator: of the run.
        examples: a batch of short ones, on the same device; of two, one is padded.
        deterministic: whether its backward pass adds in one order alone.

    Raises:
        UserError: the machine or the precision cannot do it, or logits change.
    """
    if refusal := why_not_unpadded(accelerator.device, accelerator.mixed_precision):
        raise UserError(f"train.attention: {UNPADDED}, but {refusal}; write attention: sdpa")
    with accelerator.autocast():
        expected = logits_of(model, examples)
    for module in _attention_modules(model):
        module.deterministic_flash_attn = deterministic
        module.register_module("rotary_emb", _rotary_embedding(module))
    model.config._attn_implementation = KERNELS  # noqa: SLF001 (has no public name)
    with accelerator.autocast():
        change = (logits_of(model, examples) - expected).abs().max().item()
    largest = expected.abs().max().item()
    if not change <= ABSOLUTE + RELATIVE * largest:
        raise UserError(
            f"train.attention: {UNPADDED}, but it changes logits by {change:.2g} (the largest is"
            f" {largest:.2g}), more than rounding does; write attention: sdpa"
        )


def check_need_not_pad(model: PreTrainedModel) -> None:
    """Check that a model has a way to compute without padding.

    Raises:
        UserError: it has none.
    """
    if next(_attention_modules(model), None) is None:
        raise UserError(
            f"train.attention: {UNPADDED}, but {type(model).__name__} always computes padding, only"
            " ModernBERT need not; write attention: auto"
        )


def why_not_unpadded(device: torch.device, precision: str | None) -> str | None:
    """Why nothing can be computed without padding here, in words; None: it can.

    Args:
        device: of the run.
        precision: of accelerate: "bf16", "fp16", or another word for 32 bits.
    """
    if device.type == "cpu":
        return "this machine has no GPU"
    if precision not in ("bf16", "fp16"):
        return "it needs precision: bf16 or fp16"
    if find_spec("flash_attn") is None:
        return "the package flash-attn is not installed (pip install flash-attn)"
    return None


def _attention_modules(model: PreTrainedModel) -> Iterator[ModernBertAttention]:
    if model.config.model_type != "modernbert":
        return
    from transformers.models.modernbert.modeling_modernbert import ModernBertAttention

    for module in model.modules():
        if isinstance(module, ModernBertAttention):
            yield module


def _rotary_embedding(module: ModernBertAttention) -> nn.Module:
    """The rotary embedding of texts without padding, as `ModernBertAttention` would make it."""
    from transformers.models.modernbert.modeling_modernbert import (
        ModernBertUnpaddedRotaryEmbedding,
    )

    config = module.config
    base, longest = config.global_rope_theta, config.max_position_embeddings
    if module.local_attention != (-1, -1):
        longest = config.local_attention
        if config.local_rope_theta is not None:
            base = config.local_rope_theta
    rotary: nn.Module = ModernBertUnpaddedRotaryEmbedding(
        dim=module.head_dim, max_seqlen=longest, base=base, device=module.Wqkv.weight.device
    )
    return rotary
