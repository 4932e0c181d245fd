"""Asking a model for logits without leaving a trace in it."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import nn

from tunegrid.errors import UserError
from tunegrid.metrics import Integers
from tunegrid.training.randomness import random_states, restore_random_states

#: Parts of a module that are containers of their own, which a forward pass may change.
CONTAINERS = ("_parameters", "_buffers", "_modules")
#: What libraries raise where a model cannot compute an input.
CANNOT_COMPUTE = (RuntimeError, IndexError, ValueError, TypeError, AttributeError, KeyError)


class CannotComputeError(UserError):
    """A model cannot compute some examples; the text says which and why."""


@contextmanager
def left_as_it_is(model: nn.Module) -> Iterator[None]:
    """Put every module's attributes and every random generator back at the end.

    Some models change themselves in a forward pass: BigBird turns to full attention for good when
    it sees a short input.
    """
    attributes = {module: _attributes(module) for module in model.modules()}
    random = random_states()
    try:
        yield
    finally:
        for module, before in attributes.items():
            vars(module).clear()
            vars(module).update(before)
        restore_random_states(random)


def _attributes(module: nn.Module) -> dict[str, Any]:
    """A module's attributes, with containers of their own, so that changes do not reach them."""
    return {key: dict(value) if key in CONTAINERS else value for key, value in vars(module).items()}


@torch.no_grad()
def logits_of(model: nn.Module, inputs: Mapping[str, torch.Tensor]) -> torch.Tensor:
    """The logits of some examples without dropout; the model is left as it is.

    Args:
        model: a sequence classifier.
        inputs: its inputs, (examples, tokens) each.

    Returns:
        Of shape (examples, labels), in fp32.

    Raises:
        CannotComputeError: the model cannot.
    """
    with left_as_it_is(model):
        model.train(mode=False)
        try:
            logits: torch.Tensor = model(**inputs).logits.float()
        except CANNOT_COMPUTE as error:
            reason = " ".join(str(error).split())[:200]
            examples, tokens = inputs["input_ids"].shape
            number = "one example" if examples == 1 else f"{examples} examples"
            raise CannotComputeError(
                f"{type(model).__name__} cannot compute {number} of {tokens} tokens:"
                f" {type(error).__name__}: {reason}"
            ) from None
    return logits


def agree(one: torch.Tensor, other: torch.Tensor) -> bool:
    """Whether logits are equal but for rounding."""
    return torch.allclose(one, other, rtol=1e-4, atol=1e-5)


def two_short_examples(lengths: Integers) -> Integers:
    """Positions of a split's shortest example and of the next longer one, if there is one.

    Args:
        lengths: tokens of each example, (n,).

    Returns:
        One or two positions. Together in a batch the first is padded.
    """
    order = np.argsort(lengths, kind="stable")
    longer = order[lengths[order] > lengths[order[0]]]
    return np.concatenate([order[:1], longer[:1]])
