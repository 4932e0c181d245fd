"""A trained model with its method merged into the pretrained weights, as it would be used."""

from __future__ import annotations

import copy
from typing import Any

from transformers import AutoModelForSequenceClassification, PreTrainedModel

from tunegrid.errors import UserError
from tunegrid.methods import ADAPTER
from tunegrid.training.randomness import random_states, restore_random_states


class CannotMergeError(UserError):
    """What a method adds cannot be computed by the pretrained layers alone."""


def merged_copy(model: PreTrainedModel) -> PreTrainedModel:
    """A plain classifier that computes what the model does, without any part of its method.

    Low-rank updates and scalings of a linear layer can be added to its weight, so that they cost
    nothing when the model is used (Hu et al. 2022, https://arxiv.org/abs/2106.09685, section 4.1).
    Both the adapters library (`LoRALayer.merge_adapter`) and peft (`BaseTunerLayer.merge`) can.

    Args:
        model: after training; it is left as it is.

    Returns:
        A copy on the same device, of the library's own class, in evaluation mode.

    Raises:
        CannotMergeError: it has parts that are no linear layer's weights, such as bottlenecks, or
            its library cannot merge what it has.
    """
    merged = copy.deepcopy(model)
    for module in merged.modules():
        # Of a trimmed last layer this is the block of the model that was copied.
        vars(module).pop("feed_forward_chunk", None)
    try:
        if any(hasattr(module, "get_base_layer") for module in merged.modules()):
            _merge_peft(merged)
            merged.train(mode=False)
            return merged
        _merge_adapter(merged)
    except (ValueError, TypeError, AttributeError, NotImplementedError) as error:
        reason = " ".join(str(error).split())[:200]
        raise CannotMergeError(f"its library cannot merge it: {reason}") from None
    return _plain(merged)


def _merge_peft(model: PreTrainedModel) -> None:
    """Merge every layer of the peft library, and put what it wraps into its place."""
    for name, module in list(model.named_modules()):
        layer: Any = module
        if hasattr(layer, "get_base_layer") and hasattr(layer, "merge"):
            layer.merge()
            owner, _, attribute = name.rpartition(".")
            setattr(model.get_submodule(owner), attribute, layer.get_base_layer())


def _merge_adapter(model: PreTrainedModel) -> None:
    """Merge every layer of the adapters library that holds a low-rank update or a scaling.

    Raises:
        CannotMergeError: the adapter has other parts, too.
    """
    merged = [
        name
        for name, module in model.named_modules()
        if ADAPTER in getattr(module, "loras", {}) and hasattr(module, "merge_adapter")
    ]
    for name, _ in model.named_parameters():
        if ADAPTER in name.split(".") and not any(name.startswith(f"{one}.") for one in merged):
            raise CannotMergeError("it has parts that are no update of a layer's weights")
    merge_adapter: Any = model.merge_adapter
    merge_adapter(ADAPTER)


def _plain(model: PreTrainedModel) -> PreTrainedModel:
    """A classifier of the library's own class with the weights of a merged one."""
    random = random_states()
    plain: PreTrainedModel = AutoModelForSequenceClassification.from_config(  # type: ignore[no-untyped-call]
        model.config,
        attn_implementation=model.config._attn_implementation,  # noqa: SLF001 (has no public name)
        dtype=model.dtype,
    )
    restore_random_states(random)
    held, wanted = model.state_dict(), plain.state_dict().keys()
    beside = [name for name, _ in model.named_parameters() if ADAPTER not in name.split(".")]
    if wanted - held.keys() or set(beside) - wanted:
        raise CannotMergeError(f"what is left of it is no plain {type(plain).__name__}")
    plain.load_state_dict({name: held[name] for name in wanted})
    plain.train(mode=False)
    return plain.to(model.device)  # type: ignore[arg-type]
