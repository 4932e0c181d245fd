"""Methods: how a pretrained classifier is changed, and which of its parameters train."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from torch import nn

from tunegrid.errors import UserError

if TYPE_CHECKING:
    from adapters import AdapterConfig
    from transformers import PreTrainedModel

#: The name of the one adapter that a run adds.
ADAPTER = "task"


def apply_method(model: PreTrainedModel, method: dict[str, Any]) -> None:
    """Change `model` in place as the catalogue entry says, and freeze what does not train.

    `full` trains every parameter. All others train the classification head, and beside it: `head`
    nothing (the linear probe), `bitfit` every bias (Ben Zaken et al. 2022,
    https://aclanthology.org/2022.acl-short.1), `adapter` one adapter that is added. New weights
    come from torch's global generator.

    Args:
        model: a sequence classification model with its head.
        method: the catalogue entry (`MethodEntry.settings`).

    Raises:
        UserError: the adapters library cannot read the configuration string or take the model,
            or the built bottleneck has another size than `bottleneck_size`.
    """
    kind = method["kind"]
    if kind == "full":
        return
    if kind != "adapter":
        for name, parameter in model.named_parameters():
            bias = kind == "bitfit" and name.endswith("bias")
            parameter.requires_grad_(bias or in_head(model, name))
        return
    import adapters  # seconds that full fine-tuning need not pay

    config = adapter_config(method, model.config.hidden_size)
    try:
        adapters.init(model)
        model.add_adapter(ADAPTER, config=config)
    except (ValueError, TypeError, KeyError, AttributeError, ArithmeticError) as error:
        raise UserError(
            f"adapter: {method['adapter']!r} cannot be added to {type(model).__name__}: {error!r}"
        ) from None
    # The library warns that no adapter is active just before it activates this one.
    logging.getLogger("adapters.model_mixin").setLevel(logging.ERROR)
    model.train_adapter(ADAPTER)
    if size := method.get("bottleneck_size"):
        built = bottleneck_sizes(model)
        if built != {size}:
            raise UserError(f"bottleneck_size: {size} was asked for, {sorted(built)} was built")


def in_head(model: PreTrainedModel, name: str) -> bool:
    """Whether the parameter `name` is of the classification head, not of the encoder."""
    return not name.startswith(f"{model.base_model_prefix}.")


def adapter_config(method: dict[str, Any], hidden_size: int) -> AdapterConfig:
    """The adapters library's configuration of a method.

    The library builds a bottleneck of `int(hidden_size // reduction_factor)`. With
    `hidden_size / size` as the factor, floating point makes that one too few for many sizes;
    `hidden_size / (size + 1/2)` lands in the middle of the right interval for all.

    Raises:
        UserError: the configuration string is none of the library's.
    """
    from adapters import AdapterConfig, BnConfig

    text = method["adapter"]
    try:
        config = AdapterConfig.load(text)
    except (ValueError, TypeError) as error:
        raise UserError(f"adapter: {text!r} is no configuration string: {error}") from None
    if size := method.get("bottleneck_size"):
        if not isinstance(config, BnConfig):
            raise UserError(f"bottleneck_size: {text!r} has no bottleneck; leave the key out")
        config = config.replace(reduction_factor=hidden_size / (size + 0.5))
    return config


def bottleneck_sizes(model: nn.Module) -> set[int]:
    """The output sizes of all bottleneck down-projections in the model."""
    return {
        layer.out_features
        for name, layer in model.named_modules()
        if "adapter_down" in name and isinstance(layer, nn.Linear)
    }


def parameter_counts(model: nn.Module) -> dict[str, int]:
    """`total_parameters` and `trainable_parameters` (those that receive a gradient)."""
    sizes = [(parameter.numel(), parameter.requires_grad) for parameter in model.parameters()]
    return {
        "total_parameters": sum(size for size, _ in sizes),
        "trainable_parameters": sum(size for size, trains in sizes if trains),
    }
