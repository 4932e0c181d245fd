"""A model's layers: which of them a parameter belongs to, freezing them, computing them twice."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from torch import nn

from tunegrid.errors import UserError
from tunegrid.methods import in_head

if TYPE_CHECKING:
    from transformers import PreTrainedModel

#: The depth of the embeddings; that of the first layer is 1.
EMBEDDINGS = 0
#: What the names of parameters hold that stand beside the layers and belong to their inputs: the
#: relative positions of DeBERTa and of MPNet.
EMBEDS = ("embed", "relative_attention_bias")


def parameter_depths(model: PreTrainedModel) -> dict[str, int]:
    """How deep each parameter stands, by its name.

    The embeddings have depth 0, the layers 1 to L, and what comes after them L + 1: the head, and
    of the encoder what is registered after its layers, such as a pooler or a last norm. What a
    method has added to a layer belongs to the layer.

    Args:
        model: a sequence classifier, with its method applied.

    Raises:
        UserError: it has no list of layers, or several, or its layers share their weights.
    """
    layers = _layers(model)
    layer_of = {
        id(parameter): depth
        for depth, layer in enumerate(layers, start=1)
        for parameter in layer.parameters()
    }
    depths: dict[str, int] = {}
    before_layers = True
    for name, parameter in model.named_parameters():
        if id(parameter) in layer_of:
            depths[name] = layer_of[id(parameter)]
            before_layers = False
        elif in_head(model, name):
            depths[name] = len(layers) + 1
        elif before_layers or any(part in name for part in EMBEDS):
            depths[name] = EMBEDDINGS
        else:
            depths[name] = len(layers) + 1
    return depths


def freeze_layers(model: PreTrainedModel, count: int, new: Collection[str] = ()) -> None:
    """Freeze the embeddings and the first layers, with what a method has added to these.

    Layers near the input need not train for results close to those of all (Lee et al. 2019,
    https://arxiv.org/abs/1911.03090), and no gradient need pass through them.

    Args:
        model: a sequence classifier, with its method applied.
        count: how many layers; 0 freezes nothing, not even the embeddings.
        new: the names of parameters that were not pretrained: these go on training.

    Raises:
        UserError: the model has no more layers than these, the method trains nothing in them, or
            nothing above them; or as of `parameter_depths`.
    """
    if not count:
        return
    layers = len(_layers(model))
    if count >= layers:
        raise UserError(
            f"train.frozen_layers: {count}, but the model has {layers} layers; set it to"
            f" {layers - 1} at most (kind: head trains none of them)"
        )
    depths = parameter_depths(model)
    trained = [
        (name, parameter)
        for name, parameter in model.named_parameters()
        if parameter.requires_grad and name not in new and not in_head(model, name)
    ]
    frozen = [(name, parameter) for name, parameter in trained if depths[name] <= count]
    if not frozen:
        what = "the method trains nothing in the embeddings and these layers"
    elif len(frozen) == len(trained):
        what = "these and the embeddings hold all that the method trains in the encoder"
    else:
        for _, parameter in frozen:
            parameter.requires_grad = False
        return
    raise UserError(f"train.frozen_layers: {count}, but {what}; set it to 0 for this method")


def enable_checkpointing(model: PreTrainedModel, *, keep_random_state: bool = True) -> None:
    """Let a model compute its layers again in the backward pass in place of keeping what they did.

    Source: Chen et al. 2016, https://arxiv.org/abs/1604.06174; by torch's checkpoints that are not
    reentrant (https://docs.pytorch.org/docs/stable/checkpoint.html), since the reentrant ones give
    no gradient where the embeddings are frozen.

    Args:
        model: with its method applied.
        keep_random_state: whether a layer that is computed again draws the same dropout; without,
            nothing is drawn that has a value, as where memory is predicted.

    Raises:
        UserError: its layers cannot be computed again.
    """
    try:
        model.gradient_checkpointing_enable(  # type: ignore[no-untyped-call]
            {"use_reentrant": False, "preserve_rng_state": keep_random_state}
        )
    except ValueError as error:
        raise UserError(
            f"train.gradient_checkpointing: true, but {type(model).__name__} has none"
            f" ({' '.join(str(error).split())[:200]}); set it to false for this model"
        ) from None


def _layers(model: PreTrainedModel) -> nn.ModuleList:
    """The model's layers, from the input on: the one list of modules that lies in no other.

    Raises:
        UserError: as of `parameter_depths`.
    """
    lists: dict[str, nn.ModuleList] = {}
    for path, module in model.base_model.named_modules():
        inner = any(path.startswith(f"{outer}.") for outer in lists)
        if isinstance(module, nn.ModuleList) and len(module) and not inner:
            lists[path] = module
    what = "train.frozen_layers and train.layer_decay need a model with one list of layers"
    remedy = "leave them at 0 and 1.0 for it"
    if len(lists) != 1:
        found = ", ".join(lists) or "none"
        raise UserError(f"{what}; those of {type(model).__name__}: {found}; {remedy}")
    (layers,) = lists.values()
    computed = getattr(model.config, "num_hidden_layers", len(layers))
    if isinstance(layers[0], nn.ModuleList):
        raise UserError(f"{what}; {type(model).__name__} has lists of them in one; {remedy}")
    if computed != len(layers):
        raise UserError(
            f"{what}; {type(model).__name__} computes {computed} with the weights of"
            f" {len(layers)}; {remedy}"
        )
    return layers
