"""Methods: how a pretrained classifier is changed, and which of its parameters train."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection
from typing import TYPE_CHECKING

from torch import nn

from tunegrid.config.catalogue import MethodEntry
from tunegrid.errors import UserError

if TYPE_CHECKING:
    from adapters import AdapterConfig
    from transformers import PreTrainedModel

#: The name of the one adapter that a run adds.
ADAPTER = "task"


class LibraryMissingError(UserError):
    """A method's library is not in the environment."""


def apply_method(
    model: PreTrainedModel, method: MethodEntry, new: Collection[str] = ()
) -> dict[str, tuple[int, ...]]:
    """Change `model` in place as the catalogue entry says, and freeze what does not train.

    `full` trains every parameter. All others train the classification head and whatever else is
    new in the model, and beside it: `head` nothing (the linear probe), `bitfit` every bias (Ben
    Zaken et al. 2022, https://aclanthology.org/2022.acl-short.1), `adapter` one adapter that is
    added, `peft` what the peft library adds. The weights of what is added come from torch's global
    generator.

    Args:
        model: a sequence classification model with its head.
        method: the catalogue entry.
        new: the names of parameters that were not pretrained: nothing is learnt by leaving random
            numbers as they are.

    Returns:
        The parameters that the adapters library had added beside the adapter, by name their
        shapes: they were taken out again.

    Raises:
        UserError: the method's library cannot read its configuration or take the model, the built
            bottleneck has another size than `bottleneck_size`, or bitfit finds no bias.
    """
    removed = {}
    if method.kind == "adapter":
        removed = _add_adapter(model, method)
        for name, parameter in model.named_parameters():
            if name in new:
                parameter.requires_grad_()
    elif method.kind == "peft":
        # The peft library takes seconds to import, which other methods need not pay.
        from tunegrid.peft_methods import add_peft

        add_peft(model, method, new)
    elif method.kind != "full":
        _freeze_encoder(model, new, train_biases=method.kind == "bitfit")
    return removed


def _freeze_encoder(model: PreTrainedModel, new: Collection[str], *, train_biases: bool) -> None:
    """Let train what is new, of the encoder nothing but its biases, and those only if asked for."""
    biases = 0
    for name, parameter in model.named_parameters():
        fresh = in_head(model, name) or name in new
        trained_bias = train_biases and name.endswith("bias")
        parameter.requires_grad_(fresh or trained_bias)
        if trained_bias and not fresh:
            biases += 1
    if train_biases and not biases:
        raise UserError(
            f"kind: bitfit trains biases, and the encoder of {type(model).__name__} has none;"
            " that would be kind: head"
        )


def _add_adapter(model: PreTrainedModel, method: MethodEntry) -> dict[str, tuple[int, ...]]:
    """Add the method's adapter, which trains beside the head, and check its bottleneck's size.

    Returns:
        What the library had added beside it, as of `apply_method`.
    """
    # The adapters library takes seconds to import, which full fine-tuning need not pay.
    try:
        from tunegrid.adapter_interface import init_adapters
    except ImportError as error:
        raise LibraryMissingError(
            f"kind: adapter needs the adapters library, which cannot be imported here ({error});"
            " take a method of kind: peft, or the environment of envs/requirements.lock"
        ) from None

    width = getattr(model.config, "hidden_size", None)
    if width is None:
        raise UserError(
            f"adapter: {method.adapter!r} cannot be added to {type(model).__name__}: its"
            " configuration names no hidden_size; leave the method out of the grid for this model"
        )
    config = adapter_config(method, width)
    before = {name for name, _ in model.named_parameters()}
    try:
        init_adapters(model, config=config, text=method.adapter or "")
        removed = _remove_additions(model, before)
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
    after = {name for name, _ in model.named_parameters()}
    strange = [name for name in after - before if ADAPTER not in name.split(".")]
    if lost := sorted(before - after) or strange:
        raise UserError(
            f"adapter: {method.adapter!r} changes more of {type(model).__name__} than it adds:"
            f" {', '.join(lost[:3])}; leave the method out of the grid for this model"
        )
    return removed


def _remove_additions(
    model: PreTrainedModel, before: Collection[str]
) -> dict[str, tuple[int, ...]]:
    """Take out what the adapters library has added to a model before any adapter is in it.

    It puts a randomly drawn bias that does not train, and that it does not save, into fused
    projections that have none (ModernBERT, DeBERTa). An optional parameter of a module is taken out
    as torch's own modules are built without one: by None in its place.
    """
    removed = {}
    for name, parameter in list(model.named_parameters()):
        if name not in before:
            owner, _, attribute = name.rpartition(".")
            setattr(model.get_submodule(owner), attribute, None)
            removed[name] = tuple(parameter.shape)
    return removed


def in_head(model: PreTrainedModel, name: str) -> bool:
    """Whether the parameter `name` belongs to the classification head, not to the encoder."""
    return not name.startswith(f"{encoder_name(model)}.")


def encoder_name(model: PreTrainedModel) -> str:
    """What a model calls its encoder: as its class says, or, where that names no part, `model`.

    Raises:
        UserError: it has neither, so that a head cannot be told from the encoder.
    """
    for name in (model.base_model_prefix, "model"):
        if isinstance(getattr(model, name, None), nn.Module):
            return name
    raise UserError(
        f"{type(model).__name__} does not say which of its parts is the encoder, so that its head"
        " cannot be told from it; kind: full can be trained"
    )


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
