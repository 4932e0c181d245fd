"""The memory of one training step, by tracing the real model on fake tensors."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache

import torch
from transformers import PreTrainedModel

from tunegrid.errors import UserError
from tunegrid.memory.faking import fakes
from tunegrid.memory.tracing import StorageCounter
from tunegrid.memory.workload import Workload, build, inputs_of, optimizer_of, step


@dataclass(frozen=True)
class Prediction:
    """What a step takes at its peak.

    Attributes:
        peak: bytes of live tensor storage.
        parts: the bytes of each of `tracing.KINDS` then.
        total_parameters, trainable_parameters: numbers of weights.
    """

    peak: int
    parts: dict[str, int]
    total_parameters: int
    trainable_parameters: int


class UntraceableError(UserError):
    """A model whose step cannot be taken on fake tensors."""


def predict(work: Workload, *, cuda: bool = True) -> Prediction:
    """Trace two steps and predict the second: the optimizer's state exists from there on.

    Args:
        work: the step.
        cuda: with CUDA's kernels; else with this CPU's.

    Raises:
        UserError: the model cannot be built.
        UntraceableError: its code asks tensors for values, as mixtures of experts do.
    """
    with fakes(cuda=cuda):
        model = build(work)
        counter = StorageCounter()
        weights = list(model.parameters())
        counter.mark((one for one in weights if one.requires_grad), "trainable weights")
        counter.mark((one for one in weights if not one.requires_grad), "frozen weights")
        counter.mark(model.buffers(), "frozen weights")
        try:
            _trace(work, model, counter)
        except (RuntimeError, TypeError, ValueError, AssertionError) as error:
            reason = " ".join(str(error).split())[:200]
            raise UntraceableError(
                f"{type(model).__name__} cannot be traced without data: {reason}; measure it"
                " (scripts/measure_memory.py), or try a micro_batch: out of memory, it is halved"
            ) from None
    return Prediction(
        counter.peak,
        counter.at_peak(),
        sum(one.numel() for one in weights),
        sum(one.numel() for one in weights if one.requires_grad),
    )


def _trace(work: Workload, model: PreTrainedModel, counter: StorageCounter) -> None:
    """Take the two steps under the counter; its peak is the second's."""
    optimizer = optimizer_of(model, work.optimizer)
    inputs = inputs_of(work)
    counter.mark(inputs.values(), "inputs")

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        counter.mark([tensor], "activations")
        return tensor

    for weight in model.parameters():
        if weight.requires_grad:
            weight.register_post_accumulate_grad_hook(
                lambda one: counter.mark([one.grad], "gradients")
            )
    with counter, torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        step(work, model, optimizer, inputs)
        for state in optimizer.state.values():
            counter.mark(state.values(), "optimizer state")
        counter.reset_peak()
        step(work, model, optimizer, inputs)


def peaks_of(work: Workload, *, cuda: bool = True) -> Callable[[int], int]:
    """The traced peak by micro-batch, bytes, each traced once."""

    @cache
    def peak_of(batch: int) -> int:
        return predict(replace(work, batch=batch, accumulated=1), cuda=cuda).peak

    return peak_of
