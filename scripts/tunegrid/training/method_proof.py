"""The proof that an adapter changes nothing of a model but what it adds."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from transformers import PreTrainedModel

from tunegrid.config.catalogue import MethodEntry
from tunegrid.errors import UserError
from tunegrid.methods import ADAPTER
from tunegrid.training.probing import agree, logits_of


def effect_at_start(
    model: PreTrainedModel,
    method: MethodEntry,
    examples: Mapping[str, torch.Tensor],
    *,
    expected: torch.Tensor,
) -> float:
    """How much an adapter that is not trained yet changes a logit, at most.

    Args:
        model: with its method applied.
        method: the catalogue entry, of kind `adapter`.
        examples: what the logits are of.
        expected: the logits of the model before the adapters library changed anything,
            (examples, labels).

    Raises:
        UserError: with the adapter put out of the way the logits are others than before, so that
            the method would start from another encoder; or LoRA or IA3 change them at once.
    """
    with adapter_aside(model):
        inactive = logits_of(model, examples)
    if not agree(inactive, expected):
        change = (inactive - expected).abs().max()
        raise UserError(
            f"adapter: {method.adapter!r} changes {type(model).__name__} beside the adapter:"
            f" without it logits differ by {change:.2g}; leave the method out of the grid for this"
            " model"
        )
    active = logits_of(model, examples)
    effect = float((active - expected).abs().max())
    if _starts_without_effect(model) and not agree(active, expected):
        raise UserError(
            f"adapter: {method.adapter!r} changes logits of {type(model).__name__} by {effect:.2g}"
            " before it is trained, and should not; leave the method out of the grid for this model"
        )
    return effect


@contextmanager
def adapter_aside(model: PreTrainedModel) -> Iterator[None]:
    """Let a model compute without its adapter."""
    # `adapters.init` gave the model this method, which type checkers do not know.
    set_active_adapters: Callable[[str | None], None] = model.set_active_adapters  # type: ignore[assignment]
    set_active_adapters(None)
    try:
        yield
    finally:
        set_active_adapters(ADAPTER)


def _starts_without_effect(model: PreTrainedModel) -> bool:
    """Whether the adapter is LoRA or IA3 as their papers begin: by zero, by a factor of one.

    Hu et al. 2022 (https://arxiv.org/abs/2106.09685), section 4.1; Liu et al. 2022
    (https://arxiv.org/abs/2205.05638), section 3.3.
    """
    adapters_config: Any = model.adapters_config  # of the adapters library, without types
    config = adapters_config.get(ADAPTER)
    return getattr(config, "init_weights", None) in ("lora", "ia3")
