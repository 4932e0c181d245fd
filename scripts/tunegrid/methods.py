"""Methods: how a pretrained classifier is changed, and which of its parameters train."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from torch import nn

from tunegrid.errors import UserError

if TYPE_CHECKING:
    from adapters import AdapterConfig, AdapterModelInterface
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
            the built bottleneck has another size than `bottleneck_size`, or bitfit finds no bias.
    """
    kind = method["kind"]
    if kind == "full":
        return
    if kind != "adapter":
        biases = 0
        for name, parameter in model.named_parameters():
            bias = kind == "bitfit" and name.endswith("bias")
            parameter.requires_grad_(bias or in_head(model, name))
            biases += bias and not in_head(model, name)
        if kind == "bitfit" and not biases:
            raise UserError(
                f"kind: bitfit trains biases, and the encoder of {type(model).__name__} has none;"
                " that would be kind: head"
            )
        return
    import adapters  # seconds that full fine-tuning need not pay

    config = adapter_config(method, model.config.hidden_size)
    try:
        adapters.init(model, interface=_interface(model))
        model.add_adapter(ADAPTER, config=config)
    # AssertionError: compacter's, where the sizes are no multiples of its own
    except (
        *(ValueError, TypeError, KeyError, AttributeError, ArithmeticError, AssertionError),
    ) as error:
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


def _interface(model: PreTrainedModel) -> AdapterModelInterface | None:
    """Where the adapters library finds what it changes, in a model that it does not know by itself.

    For LoRA and IA3 alone: where a bottleneck stands is the library's own for each architecture
    (https://docs.adapterhub.ml/plugin_interface.html).
    """
    from adapters import AdapterModelInterface

    if model.config.model_type != "mpnet":
        return None
    return AdapterModelInterface(
        adapter_methods=["lora"],
        model_embeddings="embeddings",
        model_layers="encoder.layer",
        layer_self_attn="attention",
        layer_cross_attn=None,
        attn_q_proj="attn.q",
        attn_k_proj="attn.k",
        attn_v_proj="attn.v",
        attn_o_proj="attn.o",
        layer_intermediate_proj="intermediate.dense",
        layer_output_proj="output.dense",
    )


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
