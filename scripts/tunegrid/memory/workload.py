"""The work of one training step: its model, its optimizer, its inputs, and taking it.

The prediction takes the step on fake tensors, the measurement on real ones; this is all that they
share.
"""

from __future__ import annotations

import copy
import inspect
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

import torch
from accelerate.utils.memory import should_reduce_batch_size
from torch.nn.functional import cross_entropy
from transformers import (
    MODEL_FOR_CAUSAL_LM_MAPPING,
    MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING,
    PretrainedConfig,
    PreTrainedModel,
)

from tunegrid.config.schema import TrainSettings
from tunegrid.errors import UserError
from tunegrid.memory.model_shapes import task_of
from tunegrid.memory.quantised_weights import quantise_base
from tunegrid.memory.records import Optimizer, TrainingStep
from tunegrid.memory.refusals import error_text
from tunegrid.memory.sharding import SHARED_KINDS
from tunegrid.methods import ADAPTER, apply_method, in_head
from tunegrid.model_layers import enable_checkpointing, freeze_layers
from tunegrid.training.optimizers import build_optimizer as build_training_optimizer

#: The precisions whose pretrained weights are bf16.
BF16_WEIGHTS = ("pure-bf16", "bf16-base")
#: Tokens of a model that does not say how many it knows (one of characters).
FEWEST_TOKENS = 100


@dataclass
class Kept:
    """What a loop keeps from one micro-batch to the next, and from one step to the next.

    Attributes:
        outputs: what the model returned; None for our own loop.
    """

    outputs: Any = None


def build_model(config: PretrainedConfig, step: TrainingStep) -> PreTrainedModel:
    """The step's model, from random weights, changed by its method, in training mode.

    The head of a language model is pretrained: methods that train a part of a model train it only
    where they are about it (`kind: head`), not beside what they add.

    Args:
        config: the model's configuration; it is not changed.
        step: the step.

    Raises:
        UserError: transformers or the method's library cannot build the model, or the method
            trains nothing of it.
    """
    if step.precision == "bf16-base" and step.method_source.kind != "peft":
        raise UserError(
            f"--dtype bf16-base: {step.method} adds nothing by the peft library, whose fp32 weights"
            " on a bf16 base it means; take pure-bf16, or bf16 (autocast)"
        )
    model_class = _model_class(config, step)
    own_config = _own_config(config, model_class, step)
    dtype = torch.bfloat16 if step.precision in BF16_WEIGHTS else torch.float32
    default_dtype = torch.get_default_dtype()
    torch.set_default_dtype(dtype)  # so that the weights of an adapter have it, too
    try:
        model = _from_config(own_config, model_class, step, dtype)
        _apply_method(model, step)
        if step.precision == "bf16-base":
            _cast_added_weights(model, step)
        freeze_layers(model, step.frozen_layers)
        if step.quantised:
            if "frozen weights" in SHARED_KINDS[step.sharding]:
                raise UserError(
                    f"quantised weights that {step.sharding} shares are not predicted; choose zero2"
                )
            quantise_base(model, step.quantised)
        if step.checkpointing:
            enable_checkpointing(model, keep_random_state=False)
    finally:
        torch.set_default_dtype(default_dtype)
    model.train()
    return model


def _model_class(config: PretrainedConfig, step: TrainingStep) -> Any:
    """The library's class of classifiers or of language models of this type.

    Raises:
        UserError: it has none.
    """
    task = task_of(config, "lm" if step.labels is None else "classify")
    mapping: Any = (
        MODEL_FOR_CAUSAL_LM_MAPPING if task == "lm" else MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING
    )
    try:
        return mapping[type(config)]
    except (ImportError, AttributeError) as error:
        raise UserError(f"model type {config.model_type!r}: {error_text(error)}") from None


def _own_config(config: PretrainedConfig, model_class: Any, step: TrainingStep) -> PretrainedConfig:
    """A copy of the configuration, with what the step's model needs."""
    own = copy.deepcopy(config)
    if model_class.config_class is own.sub_configs.get("text_config"):
        # Of a model of texts and images the language model alone, as `from_pretrained` has it.
        own = own.get_text_config()
    if step.labels is not None:
        own.num_labels = step.labels
        own.use_cache = False
        if own.pad_token_id is None:  # a decoder's classifier looks for the last token by it
            own.pad_token_id = 0
    return own


def _from_config(
    config: PretrainedConfig, model_class: Any, step: TrainingStep, dtype: torch.dtype
) -> PreTrainedModel:
    """The model before its method.

    Raises:
        UserError: the library cannot build it.
    """
    attention = None if step.attention == "auto" else step.attention
    try:
        model: PreTrainedModel = model_class._from_config(  # noqa: SLF001 (as its `Auto` classes)
            config, attn_implementation=attention, dtype=dtype
        )
    except Exception as error:  # noqa: BLE001 (a library's code may raise anything)
        raise UserError(
            f"model type {config.model_type!r}: the Transformers library cannot build"
            f" {model_class.__name__} from this configuration: {error_text(error)}"
        ) from None
    return model


def _apply_method(model: PreTrainedModel, step: TrainingStep) -> None:
    """Change a model as its method says.

    Raises:
        UserError: the method cannot be added to the model, or trains nothing of it.
    """
    method = step.method_source
    head = _pretrained_head(model) if step.labels is None else []
    try:
        with _without_values(step):
            apply_method(model, method)
    except UserError:
        raise
    except Exception as error:  # noqa: BLE001 (a library's code may raise anything)
        what = method.wording if method.is_added else f"kind: {method.kind}"
        raise UserError(
            f"{what} cannot be added to {type(model).__name__}: {error_text(error)}"
        ) from None
    if method.kind not in ("full", "head"):
        for weight in head:
            weight.requires_grad = False
    if not any(weight.requires_grad for weight in model.parameters()):
        raise UserError(
            f"kind: {method.kind} trains nothing of {type(model).__name__}: its output layer is its"
            " token embeddings (tied weights), which are no head of its own"
        )


def _pretrained_head(model: PreTrainedModel) -> list[torch.nn.Parameter]:
    """The weights of a language model's head, which may be those of its token embeddings."""
    output = model.get_output_embeddings()  # type: ignore[no-untyped-call]
    weights = list(output.parameters()) if isinstance(output, torch.nn.Module) else []
    return weights + [value for name, value in model.named_parameters() if in_head(model, name)]


def _cast_added_weights(model: PreTrainedModel, step: TrainingStep) -> None:
    """Let what the peft library has added be fp32 (`autocast_adapter_dtype`, its default).

    Raises:
        UserError: what it adds cannot be of another type than the base.
    """
    from peft.tuners.tuners_utils import cast_adapter_dtype

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


def build_inputs(
    step: TrainingStep, model: PreTrainedModel | None = None
) -> dict[str, torch.Tensor]:
    """The inputs of a micro-batch, on the CPU.

    Args:
        step: the step.
        model: of `build_model`; it says how many tokens there are, which one ends a text, and
            whether padding is told. None: a model of at least 100 tokens that does not ask.

    Returns:
        `input_ids` (different tokens, the last one of each text its end) and, if the model takes
        it, `attention_mask` (with one token of padding, or none), both of shape (batch, tokens);
        `labels` of shape (batch,), for a language model of shape (batch, tokens).
    """
    shape = (step.batch, step.tokens)
    config = None if model is None else model.config.get_text_config()
    vocabulary = getattr(config, "vocab_size", None) or FEWEST_TOKENS
    ids = torch.arange(step.batch * step.tokens).view(shape) % vocabulary
    end = getattr(config, "eos_token_id", None)
    if isinstance(end, int) and 0 <= end < vocabulary:
        ids[ids == end] = (end + 1) % vocabulary
        ids[:, -1] = end
    inputs = {"input_ids": ids}
    if model is None or _takes(model, "attention_mask"):
        mask = torch.ones(shape, dtype=torch.long)
        if step.padded:
            mask[0, -1:] = 0
        inputs["attention_mask"] = mask
    labels_shape = shape if step.labels is None else (step.batch,)
    inputs["labels"] = torch.zeros(labels_shape, dtype=torch.long)
    return inputs


def _takes(model: PreTrainedModel, name: str) -> bool:
    """Whether a model's forward pass has an input of this name."""
    parameters = inspect.signature(type(model).forward).parameters
    return name in parameters or any(
        parameter.kind is inspect.Parameter.VAR_KEYWORD for parameter in parameters.values()
    )


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
    logits = _logits(step, model, inputs)
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
    return _logits(step, model, inputs).float()


def _logits(
    step: TrainingStep, model: PreTrainedModel, inputs: dict[str, torch.Tensor]
) -> torch.Tensor:
    given = {name: value for name, value in inputs.items() if name != "labels"}
    with _autocast(step, inputs["input_ids"].device):
        logits: torch.Tensor = model(**given).logits
    return logits


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
