"""Leaving out what no head reads: all but the first token in the last feed-forward block."""

from collections.abc import Callable

import torch
from transformers import PreTrainedModel

#: What a feed-forward block does.
Block = Callable[[torch.Tensor], torch.Tensor]

#: Tokens of the two examples on which the trimmed model is compared with the whole one.
TRIED = 7


def trim_last_layer(model: PreTrainedModel) -> bool:
    """Compute the last layer's feed-forward block for the first token alone, if that is exact.

    BERT's classifier and its like read the first token of the last layer; the block's outputs for
    the others are not used, so neither logits nor gradients change (but for rounding, and for
    which dropout masks are drawn). It is two thirds of a layer. Whether a model is one of them is
    tried, not known: its logits are compared, and it is left whole where they differ.

    Args:
        model: with its method applied; it is left in evaluation mode.

    Returns:
        Whether the model is trimmed.
    """
    model.train(mode=False)  # of a model changed by the adapters library, parts are not
    layers = getattr(getattr(model.base_model, "encoder", None), "layer", None)
    if not layers or not hasattr(layers[-1], "feed_forward_chunk"):
        return False
    last, whole = layers[-1], layers[-1].feed_forward_chunk
    expected = _logits(model)
    last.feed_forward_chunk = _first_token(whole)
    if expected is not None and _agree(expected, _logits(model)):
        return True
    del last.feed_forward_chunk
    return False


def _first_token(block: Block) -> Block:
    def of_first_token(attention_output: torch.Tensor) -> torch.Tensor:
        return block(attention_output[:, :1])

    return of_first_token


@torch.no_grad()
def _logits(model: PreTrainedModel) -> torch.Tensor | None:
    """Of two examples, one of them padded; None if the model cannot."""
    ids = torch.arange(2 * TRIED).reshape(2, TRIED) % model.config.vocab_size
    mask = torch.ones_like(ids)
    mask[1, TRIED // 2 :] = 0
    try:
        return model(input_ids=ids, attention_mask=mask).logits
    except (RuntimeError, IndexError, ValueError):
        return None


def _agree(one: torch.Tensor, other: torch.Tensor | None) -> bool:
    return other is not None and torch.allclose(one, other, rtol=1e-4, atol=1e-5)
