"""The work of one training step: its model, its optimizer, its inputs, and taking it.

The prediction takes the step on fake tensors, the measurement on real ones; this is all that they
share.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

import torch
from accelerate.utils.memory import should_reduce_batch_size
from torch.nn.functional import cross_entropy
from transformers import (
    AutoModelForCausalLM,
    AutoModelForSequenceClassification,
    PretrainedConfig,
    PreTrainedModel,
)

from tunegrid.config.schema import TrainSettings
from tunegrid.errors import UserError
from tunegrid.memory.quantised_weights import quantise_base
from tunegrid.memory.records import Optimizer, TrainingStep
from tunegrid.memory.sharding import SHARED_KINDS
from tunegrid.methods import ADAPTER, apply_method
from tunegrid.model_layers import enable_checkpointing, freeze_layers
from tunegrid.training.optimizers import build_optimizer as build_training_optimizer

#: The precisions whose pretrained weights are bf16.
BF16_WEIGHTS = ("pure-bf16", "bf16-base")


@dataclass
class Kept:
    """What a loop keeps from one micro-batch to the next, and from one step to the next.

    Attributes:
        outputs: what the model returned; None for our own loop.
    """

    outputs: Any = None


def build_model(config: PretrainedConfig, step: TrainingStep) -> PreTrainedModel:
    """The step's model, from random weights, changed by its method, in training mode.

    Args:
        config: the model's configuration; it is not changed.
        step: the step.

    Raises:
        UserError: transformers or the adapters library cannot build the model.
    """
    own_config = type(config).from_dict(config.to_dict())
    model_class: Any = AutoModelForCausalLM
    if step.labels is not None:
        model_class = AutoModelForSequenceClassification
        own_config.num_labels = step.labels
        own_config.use_cache = False
        if own_config.pad_token_id is None:  # a decoder's classifier looks for the last token by it
            own_config.pad_token_id = 0
    if step.precision == "bf16-base" and step.method_source.kind != "peft":
        raise UserError(
            f"--dtype bf16-base: {step.method} adds nothing by the peft library, whose fp32 weights"
            " on a bf16 base it means; take pure-bf16, or bf16 (autocast)"
        )
    dtype = torch.bfloat16 if step.precision in BF16_WEIGHTS else torch.float32
    default_dtype = torch.get_default_dtype()
    torch.set_default_dtype(dtype)  # so that the weights of an adapter have it, too
    try:
        model: PreTrainedModel = model_class.from_config(
            own_config,
            attn_implementation=None if step.attention == "auto" else step.attention,
            dtype=dtype,
        )
        with _without_values(step):
            apply_method(model, step.method_source)
        if step.method_source.kind == "peft":
            _finish_peft(model, step)
        freeze_layers(model, step.frozen_layers)
        if step.quantised:
            if "frozen weights" in SHARED_KINDS[step.sharding]:
                raise UserError(
                    f"quantised weights that {step.sharding} shares are not predicted; choose zero2"
                )
            quantise_base(model, step.quantised)
        if step.checkpointing:
            enable_checkpointing(model, keep_random_state=False)
    except (ValueError, RuntimeError, TypeError) as error:
        reason = " ".join(str(error).split())[:300]
        raise UserError(f"model type {own_config.model_type!r}: {reason}") from None
    finally:
        torch.set_default_dtype(default_dtype)
    model.train()
    return model


def _finish_peft(model: PreTrainedModel, step: TrainingStep) -> None:
    """What `peft.get_peft_model` does beside what a grid's classifiers need.

    The output layer of a language model was pretrained and does not train. With "bf16-base" the
    weights that were added become fp32 (`autocast_adapter_dtype`, its default).
    """
    from peft.tuners.tuners_utils import cast_adapter_dtype

    if step.labels is None:
        output_layer: torch.nn.Module = model.get_output_embeddings()  # type: ignore[no-untyped-call]
        output_layer.requires_grad_(requires_grad=False)
    if step.precision == "bf16-base":
        if (step.method_source.peft or {}).get("peft_type") == "LN_TUNING":
            raise UserError(
                f"--dtype bf16-base: {step.method} would have layer norms in fp32 before layers in"
                " bf16, which torch does not multiply; take pure-bf16, or bf16 (autocast)"
            )
        cast_adapter_dtype(model, adapter_name=ADAPTER, autocast_adapter_dtype=True)


def _without_values(step: TrainingStep) -> AbstractContextManager[None]:
    """What lets a method be added to fake tensors, where its library would ask for their values."""
    if step.method_source.kind != "peft":
        return nullcontext()
    from tunegrid.peft_methods import without_values

    return without_values()


def build_optimizer(model: PreTrainedModel, name: Optimizer) -> torch.optim.Optimizer:
    """The optimizer of this name over the weights that train; those of training by its builder.

    Raises:
        UserError: its package is not installed.
    """
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    if name == "sgd":
        return torch.optim.SGD(trained, lr=1e-3, fused=True)
    if name == "adamw-foreach":
        return torch.optim.AdamW(trained, foreach=True)
    return build_training_optimizer(model, TrainSettings(optimizer=name))


def build_inputs(step: TrainingStep) -> dict[str, torch.Tensor]:
    """The inputs of a micro-batch, on the CPU.

    Returns:
        `input_ids` and `attention_mask` (with one token of padding, or none), both of shape
        (batch, tokens); `labels` of shape (batch,), for a language model of shape (batch, tokens).
    """
    shape = (step.batch, step.tokens)
    mask = torch.ones(shape, dtype=torch.long)
    if step.padded:
        mask[0, -1:] = 0
    labels_shape = shape if step.labels is None else (step.batch,)
    return {
        "input_ids": torch.zeros(shape, dtype=torch.long),
        "attention_mask": mask,
        "labels": torch.zeros(labels_shape, dtype=torch.long),
    }


def take_step(
    step: TrainingStep,
    model: PreTrainedModel,
    optimizer: torch.optim.Optimizer,
    inputs: dict[str, torch.Tensor],
    kept: Kept | None = None,
) -> None:
    """Take one optimizer step on a GPU, as training takes it or as the step's loop does.

    Args:
        step: the step.
        model: of `build_model`.
        optimizer: of `build_optimizer`.
        inputs: of `build_inputs`, on the model's device; every micro-batch has the same.
        kept: what the step before has kept, and then what this one keeps; by default nothing.
    """
    kept = kept or Kept()
    if step.loop == "trainer":
        optimizer.zero_grad(set_to_none=True)
    for _ in range(step.accumulated):
        if step.loop == "ours":
            _take_own_micro_batch(step, model, inputs)
        else:
            _take_trainer_micro_batch(step, model, inputs, kept)
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    torch.nn.utils.clip_grad_norm_(trained, 1.0)
    optimizer.step()
    if step.loop == "ours":
        optimizer.zero_grad(set_to_none=True)
    elif step.loop == "trainer-torch1":
        optimizer.zero_grad(set_to_none=False)


def _take_own_micro_batch(
    step: TrainingStep, model: PreTrainedModel, inputs: dict[str, torch.Tensor]
) -> None:
    """Add up the gradients of a micro-batch as training does, which keeps nothing else."""
    with _autocast(step, inputs["input_ids"].device):
        logits = model(
            input_ids=inputs["input_ids"], attention_mask=inputs["attention_mask"]
        ).logits
    loss = _loss(logits.float(), inputs["labels"])
    del logits
    loss.backward()  # type: ignore[no-untyped-call]


def _take_trainer_micro_batch(
    step: TrainingStep,
    model: PreTrainedModel,
    inputs: dict[str, torch.Tensor],
    kept: Kept,
) -> None:
    """Add up the gradients of a micro-batch by the model's own loss, and keep its outputs."""
    with _autocast(step, inputs["input_ids"].device):
        kept.outputs = model(**inputs)
    kept.outputs.loss.backward()


@torch.no_grad()
def evaluate_batch(
    step: TrainingStep, model: PreTrainedModel, inputs: dict[str, torch.Tensor]
) -> torch.Tensor:
    """The logits of a micro-batch, as an evaluation between two training steps computes them.

    Args:
        step: the step.
        model: of `build_model`; it is left in evaluation mode.
        inputs: of `build_inputs`, on the model's device.

    Returns:
        In fp32, (batch, labels).
    """
    model.train(mode=False)
    with _autocast(step, inputs["input_ids"].device):
        logits = model(
            input_ids=inputs["input_ids"], attention_mask=inputs["attention_mask"]
        ).logits
    return logits.float()


def is_out_of_memory(error: RuntimeError) -> bool:
    """Whether an error says that the memory of a device or of the machine ran out."""
    return isinstance(error, torch.OutOfMemoryError) or should_reduce_batch_size(error)


def _loss(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """The mean cross-entropy; of a language model, where each token predicts the next."""
    if logits.ndim == 3:
        logits, labels = logits[:, :-1].flatten(0, 1), labels[:, 1:].flatten()
    return cross_entropy(logits, labels, reduction="sum") / len(labels)


def _autocast(step: TrainingStep, device: torch.device) -> AbstractContextManager[object]:
    if step.precision == "bf16":
        return torch.autocast(device.type, dtype=torch.bfloat16)
    if step.precision == "fp16":
        return torch.autocast(device.type, dtype=torch.float16)
    return nullcontext()
