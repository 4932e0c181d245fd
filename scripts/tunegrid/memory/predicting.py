"""The memory of one training step, by tracing the real model on fake tensors."""

from __future__ import annotations

from dataclasses import dataclass

import torch

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


def predict(work: Workload, *, cuda: bool = True) -> Prediction:
    """Trace two steps and predict the second: the optimizer's state exists from there on.

    Args:
        work: the step.
        cuda: with CUDA's kernels; else with this CPU's.

    Raises:
        UserError: the model cannot be built, or asks its data for more than padding.
    """
    with fakes(cuda=cuda):
        model = build(work)
        optimizer = optimizer_of(model, work.optimizer)
        inputs = inputs_of(work)
        counter = StorageCounter()
        weights = list(model.parameters())
        counter.mark((one for one in weights if one.requires_grad), "trainable weights")
        counter.mark((one for one in weights if not one.requires_grad), "frozen weights")
        counter.mark(model.buffers(), "frozen weights")
        counter.mark(inputs.values(), "inputs")

        def keep(tensor: torch.Tensor) -> torch.Tensor:
            counter.mark([tensor], "activations")
            return tensor

        for weight in weights:
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
    return Prediction(
        counter.peak,
        counter.at_peak(),
        sum(one.numel() for one in weights),
        sum(one.numel() for one in weights if one.requires_grad),
    )
