"""The proof that an adapter, or what the peft library adds, changes nothing else of a model."""

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
        method: the catalogue entry, of kind `adapter` or `peft`.
        examples: what the logits are of.
        expected: the logits of the model before the method's library changed anything,
            (examples, labels).

    Raises:
        UserError: with the adapter put out of the way the logits are others than before, so that
            the method would start from another encoder; or a method that should start without
            effect changes them at once.
    """
    with adapter_aside(model):
        inactive = logits_of(model, examples)
    if not agree(inactive, expected):
        change = (inactive - expected).abs().max()
        raise UserError(
            f"{method.wording} changes {type(model).__name__} beside the adapter:"
            f" without it logits differ by {change:.2g}; leave the method out of the grid for this"
            " model"
        )
    active = logits_of(model, examples)
    effect = float((active - expected).abs().max())
    if _starts_without_effect(model, method) and not agree(active, expected):
        raise UserError(
            f"{method.wording} changes logits of {type(model).__name__} by {effect:.2g}"
            " before it is trained, and should not; leave the method out of the grid for this model"
        )
    return effect


@contextmanager
def adapter_aside(model: PreTrainedModel) -> Iterator[None]:
    """Let a model compute without its adapter, or without what the peft library has added."""
    if not hasattr(model, "adapters_config"):
        # The peft library takes seconds to import, which adapters need not pay.
        from tunegrid.peft_methods import peft_aside

        with peft_aside(model):
            yield
        return
    # `adapters.init` gave the model this method, which type checkers do not know.
    set_active_adapters: Callable[[str | None], None] = model.set_active_adapters  # type: ignore[assignment]
    set_active_adapters(None)
    try:
        yield
    finally:
        set_active_adapters(ADAPTER)


def _starts_without_effect(model: PreTrainedModel, method: MethodEntry) -> bool:
    """Whether the method promises to compute what the pretrained model does, until it is trained.

    Of the adapters library LoRA and IA3 do, as their papers begin: by zero, by a factor of one (Hu
    et al. 2022, https://arxiv.org/abs/2106.09685, section 4.1; Liu et al. 2022,
    https://arxiv.org/abs/2205.05638, section 3.3).
    """
    if method.peft is not None:
        from tunegrid.peft_methods import begins_without_effect

        return begins_without_effect(method.peft)
    adapters_config: Any = model.adapters_config  # of the adapters library, without types
    config = adapters_config.get(ADAPTER)
    return getattr(config, "init_weights", None) in ("lora", "ia3")
