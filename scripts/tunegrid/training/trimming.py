"""Leaving out what no head reads: all but the first token in the last feed-forward block."""

from collections.abc import Callable, Mapping

import torch
from transformers import PreTrainedModel

from tunegrid.training.probing import CannotComputeError, agree, logits_of

#: What a feed-forward block does.
Block = Callable[[torch.Tensor], torch.Tensor]


def trim_last_layer(model: PreTrainedModel, examples: Mapping[str, torch.Tensor]) -> bool:
    """Compute the last layer's feed-forward block for the first token alone, if that is exact.

    BERT's classifier and its like read the first token of the last layer; the block's outputs for
    the others are not used, so neither logits nor gradients change (but for rounding, and for
    which dropout masks are drawn). It is two thirds of a layer. Whether a model is one of them is
    tried, not known: its logits are compared, and it is left whole where they differ.

    Args:
        model: with its method applied.
        examples: inputs on which the trimmed model is compared with the whole one.

    Returns:
        Whether the model is trimmed.
    """
    layers = getattr(getattr(model.base_model, "encoder", None), "layer", None)
    if not layers or not hasattr(layers[-1], "feed_forward_chunk"):
        return False
    last, whole = layers[-1], layers[-1].feed_forward_chunk
    expected = logits_of(model, examples)
    last.feed_forward_chunk = _first_token(whole)
    try:
        trimmed = agree(expected, logits_of(model, examples))
    except CannotComputeError:  # what follows needs the other tokens
        trimmed = False
    if not trimmed:
        del last.feed_forward_chunk
    return trimmed


def _first_token(block: Block) -> Block:
    def of_first_token(attention_output: torch.Tensor) -> torch.Tensor:
        return block(attention_output[:, :1])

    return of_first_token
