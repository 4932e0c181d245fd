"""Methods: how a pretrained classifier is changed, and which of its parameters train."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING

from torch import nn

from tunegrid.config.catalogue import MethodEntry
from tunegrid.errors import UserError

if TYPE_CHECKING:
    from adapters import AdapterConfig
    from transformers import PreTrainedModel

#: The name of the one adapter that a run adds.
ADAPTER = "task"


def apply_method(model: PreTrainedModel, method: MethodEntry) -> None:
    """Change `model` in place as the catalogue entry says, and freeze what does not train.

    `full` trains every parameter. All others train the classification head, and beside it: `head`
    nothing (the linear probe), `bitfit` every bias (Ben Zaken et al. 2022,
    https://aclanthology.org/2022.acl-short.1), `adapter` one adapter that is added. New weights
    come from torch's global generator.

    Args:
        model: a sequence classification model with its head.
        method: the catalogue entry.

    Raises:
        UserError: the adapters library cannot read the configuration string or take the model,
            the built bottleneck has another size than `bottleneck_size`, or bitfit finds no bias.
    """
    if method.kind == "adapter":
        _add_adapter(model, method)
    elif method.kind != "full":
        _freeze_encoder(model, train_biases=method.kind == "bitfit")


def _freeze_encoder(model: PreTrainedModel, *, train_biases: bool) -> None:
    """Let the head train, of the encoder nothing but its biases, and those only if asked for."""
    biases = 0
    for name, parameter in model.named_parameters():
        head = in_head(model, name)
        trained_bias = train_biases and name.endswith("bias")
        parameter.requires_grad_(head or trained_bias)
        if trained_bias and not head:
            biases += 1
    if train_biases and not biases:
        raise UserError(
            f"kind: bitfit trains biases, and the encoder of {type(model).__name__} has none;"
            " that would be kind: head"
        )


def _add_adapter(model: PreTrainedModel, method: MethodEntry) -> None:
    """Add the method's adapter, which trains beside the head, and check its bottleneck's size."""
    # The adapters library takes seconds to import, which full fine-tuning need not pay.
    from tunegrid.adapter_interface import init_adapters

    config = adapter_config(method, model.config.hidden_size)
    try:
        init_adapters(model, config=config, text=method.adapter or "")
        # `init` gives the model the library's own methods, which type checkers do not know.
        add_adapter: Callable[..., None] = model.add_adapter
        add_adapter(ADAPTER, config=config)
    except (
        ValueError,
        TypeError,
        KeyError,
        AttributeError,
        ArithmeticError,
        AssertionError,  # raised by compacter where the model's sizes are no multiples of its own
    ) as error:
        raise UserError(
            f"adapter: {method.adapter!r} cannot be added to {type(model).__name__}: {error!r}"
        ) from None
    # The library warns that no adapter is active just before it activates this one.
    logging.getLogger("adapters.model_mixin").setLevel(logging.ERROR)
    train_adapter: Callable[[str], None] = model.train_adapter  # type: ignore[assignment]
    train_adapter(ADAPTER)
    if method.bottleneck_size:
        built = bottleneck_sizes(model)
        if built != {method.bottleneck_size}:
            raise UserError(
                f"bottleneck_size: {method.bottleneck_size} was asked for,"
                f" {sorted(built)} was built"
            )


def in_head(model: PreTrainedModel, name: str) -> bool:
    """Whether the parameter `name` belongs to the classification head, not to the encoder."""
    return not name.startswith(f"{model.base_model_prefix}.")


def adapter_config(method: MethodEntry, hidden_size: int) -> AdapterConfig:
    """The adapters library's configuration of a method.

    The library builds a bottleneck of `int(hidden_size // reduction_factor)`. With
    `hidden_size / size` as the factor, floating point makes that one too few for many sizes;
    `hidden_size / (size + 1/2)` lands in the middle of the right interval for all.

    Args:
        method: an entry of kind `adapter`.
        hidden_size: the model's width.

    Raises:
        UserError: the configuration string is none of the library's, or `bottleneck_size` is set
            for an adapter that has no bottleneck.
    """
    from adapters import AdapterConfig, BnConfig

    try:
        config = AdapterConfig.load(method.adapter)
    except (ValueError, TypeError) as error:
        raise UserError(
            f"adapter: {method.adapter!r} is no configuration string: {error}"
        ) from None
    if method.bottleneck_size:
        if not isinstance(config, BnConfig):
            raise UserError(
                f"bottleneck_size: {method.adapter!r} has no bottleneck; leave the key out"
            )
        config = config.replace(reduction_factor=hidden_size / (method.bottleneck_size + 0.5))
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
