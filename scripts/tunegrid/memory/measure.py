"""The memory of a training step, measured: by CUDA's allocator, or by the profiler on a CPU.

Nothing here is shared with the prediction but the step itself, so that the two can disagree.
"""

from __future__ import annotations

import gc
import logging
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import accumulate

import torch
from torch.profiler import ProfilerActivity, profile
from transformers import PretrainedConfig, PreTrainedModel

from tunegrid.errors import UserError
from tunegrid.memory.records import TrainingStep
from tunegrid.memory.refusals import error_text
from tunegrid.memory.workload import (
    Kept,
    build_inputs,
    build_model,
    build_optimizer,
    is_out_of_memory,
    take_step,
)
from tunegrid.training.optimizers import state_tensors


@dataclass(frozen=True)
class Measurement:
    """What a step took at its peak.

    Attributes:
        device: the device's name; "CPU" for a CPU.
        peak: bytes of live tensors; on CUDA with what kernels took for themselves, in the
            allocator's sizes.
        reserved: bytes that CUDA's allocator held at its peak; None on a CPU.
    """

    device: str
    peak: int
    reserved: int | None


def measure(config: PretrainedConfig, step: TrainingStep) -> Measurement:
    """Take two real steps, on the GPU if there is one, and measure the second.

    The weights are random: memory does not depend on their values.

    Raises:
        UserError: the model cannot be built, or fails in the step, or base weights are quantised,
            or several GPUs share the step.
        torch.OutOfMemoryError: there is too little memory on the GPU.
        RuntimeError: there is too little memory on the machine (`is_out_of_memory`).
    """
    if step.quantised:
        raise UserError("quantised base weights are predicted, and not measured")
    if step.sharding != "none":
        raise UserError("steps that several GPUs share are predicted, and not measured")
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    torch.manual_seed(0)
    model = build_model(config, step)
    model.to(device)  # type: ignore[arg-type]
    optimizer = build_optimizer(model, step.optimizer)
    inputs = {name: value.to(device) for name, value in build_inputs(step, model).items()}
    kept = Kept()
    try:
        take_step(step, model, optimizer, inputs, kept)
    except Exception as error:
        if isinstance(error, RuntimeError) and is_out_of_memory(error):
            raise
        raise UserError(
            f"{type(model).__name__} fails in a training step: {error_text(error)}"
        ) from None
    if device.type == "cuda":
        torch.cuda.synchronize()
        torch.cuda.reset_peak_memory_stats()
        take_step(step, model, optimizer, inputs, kept)
        return Measurement(
            device=torch.cuda.get_device_name(),
            peak=torch.cuda.max_memory_allocated(),
            reserved=torch.cuda.max_memory_reserved(),
        )
    gc.collect()
    state = state_tensors(optimizer)
    kept.outputs = None
    optimizer.zero_grad(set_to_none=True)
    own = [*model.parameters(), *model.buffers(), *_tensors_kept_as_attributes(model)]
    before = _bytes_held([*own, *inputs.values(), *state])
    during = _peak_of_allocations(step, model, optimizer, inputs)
    return Measurement(device="CPU", peak=before + during, reserved=None)


def measure_what_fits(
    config: PretrainedConfig, step: TrainingStep
) -> tuple[TrainingStep, Measurement]:
    """Measure the step, or, as long as memory runs out, that of half its micro-batch.

    Returns:
        The step that was measured, and what it took.

    Raises:
        UserError: the model cannot be built, or not even one example fits.
    """
    while True:
        try:
            return step, measure(config, step)
        except RuntimeError as error:
            if not is_out_of_memory(error):
                raise
        if step.batch == 1:
            raise UserError("not one example of this length fits this device")
        logging.warning("%d examples do not fit", step.batch)
        step = replace(step, batch=step.batch // 2)


def _peak_of_allocations(
    step: TrainingStep,
    model: PreTrainedModel,
    optimizer: torch.optim.Optimizer,
    inputs: dict[str, torch.Tensor],
) -> int:
    """The most bytes that the CPU's allocations add up to in a step, beyond what was there.

    The profiler does not count that something is freed which it has not seen being made. So what a
    loop keeps from the step before is made before its eyes, in a step of its own.
    """
    kept = Kept()
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as profiler:
        if step.loop != "ours":
            take_step(step, model, optimizer, inputs, kept)
        take_step(step, model, optimizer, inputs, kept)
    events = [
        event for event in profiler.profiler.kineto_results.events() if event.name() == "[memory]"
    ]
    events.sort(key=lambda event: event.start_ns())
    return max(accumulate(event.nbytes() for event in events), default=0)


def _tensors_kept_as_attributes(model: PreTrainedModel) -> Iterator[torch.Tensor]:
    """Tensors that modules keep and that are no buffers, as Mega's sines of positions."""
    for module in model.modules():
        yield from (value for value in vars(module).values() if isinstance(value, torch.Tensor))


def _bytes_held(tensors: Iterable[torch.Tensor]) -> int:
    """The bytes of the tensors' storages, each counted once."""
    storages = [tensor.untyped_storage() for tensor in tensors]
    return sum({storage.data_ptr(): storage.nbytes() for storage in storages}.values())
