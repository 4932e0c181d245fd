"""What is predicted and measured: one training step of one model under one method."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.nn.functional import cross_entropy
from transformers import (
    AutoModelForCausalLM,
    AutoModelForSequenceClassification,
    PretrainedConfig,
    PreTrainedModel,
)

from tunegrid.errors import UserError
from tunegrid.methods import apply_method

PRECISIONS = ("fp32", "tf32", "bf16", "pure-bf16")
OPTIMIZERS = ("adamw", "adamw-foreach", "sgd")


@dataclass(frozen=True)
class Workload:
    """One training step.

    Attributes:
        config: the model's, as its config.json says; its weights are not needed.
        method: the catalogue entry (`MethodEntry.settings`).
        labels: of a classifier; None: a language model, whose loss is over the vocabulary.
        batch: examples of a micro-batch.
        tokens: of each example.
        precision: fp32 (as tf32), bf16 (autocast; weights and optimizer stay fp32) or pure-bf16.
        attention: "eager", "sdpa", or "auto": the first of sdpa and eager that the model has.
        checkpointing: whether layers are computed again in the backward pass (Chen et al. 2016,
            https://arxiv.org/abs/1604.06174).
        optimizer: adamw (fused, as tunegrid trains), adamw-foreach or sgd.
        accumulated: micro-batches of a step.
        trimmed: whether the last feed-forward block is computed for the first token alone
            (`tunegrid.training.trimming`).
    """

    config: PretrainedConfig
    method: dict[str, Any]
    labels: int | None
    batch: int
    tokens: int
    precision: str = "fp32"
    attention: str = "sdpa"
    checkpointing: bool = False
    optimizer: str = "adamw"
    accumulated: int = 1
    trimmed: bool = False


def build(work: Workload) -> PreTrainedModel:
    """The model, from random weights, changed by its method, in training mode.

    Raises:
        UserError: transformers or the adapters library cannot build it.
    """
    kind = AutoModelForCausalLM if work.labels is None else AutoModelForSequenceClassification
    config = type(work.config).from_dict(work.config.to_dict())
    if work.labels is not None:
        config.num_labels = work.labels
    dtype = torch.bfloat16 if work.precision == "pure-bf16" else torch.float32
    usual = torch.get_default_dtype()
    torch.set_default_dtype(dtype)  # an adapter's weights, too
    try:
        model = kind.from_config(
            config,
            attn_implementation=None if work.attention == "auto" else work.attention,
            dtype=dtype,
        )
        apply_method(model, work.method)
        if work.checkpointing:
            model.gradient_checkpointing_enable(
                {"use_reentrant": False, "preserve_rng_state": False}
            )
    except (ValueError, RuntimeError, TypeError) as error:
        reason = " ".join(str(error).split())[:300]
        raise UserError(f"model type {config.model_type!r}: {reason}") from None
    finally:
        torch.set_default_dtype(usual)
    return model.train()


def optimizer_of(model: nn.Module, name: str) -> torch.optim.Optimizer:
    """One of `OPTIMIZERS` over what trains."""
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    if name == "sgd":
        return torch.optim.SGD(trained, lr=1e-3, fused=True)
    return torch.optim.AdamW(trained, **{"foreach" if name.endswith("foreach") else "fused": True})


def inputs_of(work: Workload) -> dict[str, torch.Tensor]:
    """Token ids, attention mask (one token of padding) and labels, of the step's shape."""
    shape = (work.batch, work.tokens)
    mask = torch.ones(shape, dtype=torch.long)
    mask[0, -1:] = 0
    labels = torch.zeros(shape if work.labels is None else work.batch, dtype=torch.long)
    return {
        "input_ids": torch.zeros(shape, dtype=torch.long),
        "attention_mask": mask,
        "labels": labels,
    }


def step(
    work: Workload,
    model: PreTrainedModel,
    optimizer: torch.optim.Optimizer,
    inputs: dict[str, torch.Tensor],
) -> None:
    """One optimizer step, as `tunegrid.training.stepping` computes it on a GPU."""
    for _ in range(work.accumulated):
        with _autocast(work, inputs["input_ids"].device):
            logits = model(
                input_ids=inputs["input_ids"], attention_mask=inputs["attention_mask"]
            ).logits
        loss = _loss(logits.float(), inputs["labels"])
        del logits
        loss.backward()
        del loss
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    torch.nn.utils.clip_grad_norm_(trained, 1.0)
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)


def _loss(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    if logits.ndim == 3:  # a language model's: each token predicts the next
        logits, labels = logits[:, :-1].flatten(0, 1), labels[:, 1:].flatten()
    return cross_entropy(logits, labels, reduction="sum") / len(labels)


def _autocast(work: Workload, device: torch.device) -> AbstractContextManager:
    if work.precision != "bf16":
        return nullcontext()
    return torch.autocast(device.type, dtype=torch.bfloat16)
