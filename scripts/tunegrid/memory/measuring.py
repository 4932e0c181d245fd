"""The memory of a training step, measured: by CUDA's allocator, or by the profiler on a CPU.

Nothing here is shared with the prediction but the step itself, so that the two can disagree.
"""

from __future__ import annotations

import gc
import logging
from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import accumulate

import torch
from torch import nn
from torch.profiler import ProfilerActivity, profile

from tunegrid.errors import UserError
from tunegrid.memory.exhaustion import out_of_memory
from tunegrid.memory.workload import Workload, build, inputs_of, optimizer_of, step


@dataclass(frozen=True)
class Measurement:
    """What a step took at its peak.

    Attributes:
        device: its name.
        peak: bytes of live tensors; on CUDA with what kernels took for themselves, in the
            allocator's sizes.
        reserved: bytes that CUDA's allocator held at its peak; None on a CPU.
    """

    device: str
    peak: int
    reserved: int | None


def measure(work: Workload) -> Measurement:
    """Take a few real steps, on the GPU if there is one, and measure the last.

    Raises:
        UserError: the model cannot be built.
        torch.OutOfMemoryError: there is too little memory.
    """
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    torch.manual_seed(0)
    model = build(work).to(device)
    optimizer = optimizer_of(model, work.optimizer)
    inputs = {name: value.to(device) for name, value in inputs_of(work).items()}
    step(work, model, optimizer, inputs)
    if device.type == "cuda":
        torch.cuda.synchronize()
        torch.cuda.reset_peak_memory_stats()
        step(work, model, optimizer, inputs)
        return Measurement(
            torch.cuda.get_device_name(),
            torch.cuda.max_memory_allocated(),
            torch.cuda.max_memory_reserved(),
        )
    gc.collect()
    held = _held([*model.parameters(), *model.buffers(), *inputs.values(), *_state(optimizer)])
    return Measurement("CPU", held + _peak_of_a_step(work, model, optimizer, inputs), None)


def _peak_of_a_step(
    work: Workload,
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    inputs: dict[str, torch.Tensor],
) -> int:
    """The most bytes by which the CPU's allocations exceed what was there before the step."""
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as profiler:
        step(work, model, optimizer, inputs)
    events = [
        event for event in profiler.profiler.kineto_results.events() if event.name() == "[memory]"
    ]
    events.sort(key=lambda event: event.start_ns())
    return max(accumulate(event.nbytes() for event in events), default=0)


def _state(optimizer: torch.optim.Optimizer) -> Iterable[torch.Tensor]:
    for state in optimizer.state.values():
        yield from (value for value in state.values() if isinstance(value, torch.Tensor))


def _held(tensors: Iterable[torch.Tensor]) -> int:
    """The bytes of the tensors' storages, each counted once."""
    storages = {tensor.data_ptr(): tensor.untyped_storage().nbytes() for tensor in tensors}
    return sum(storages.values())


def measure_what_fits(work: Workload) -> tuple[Workload, Measurement]:
    """Measure the step, or, as long as memory runs out, that of half its micro-batch.

    Raises:
        UserError: the model cannot be built, or not one example fits.
    """
    while True:
        try:
            return work, measure(work)
        except RuntimeError as error:
            if not out_of_memory(error):
                raise
        if work.batch == 1:
            raise UserError("not one example of this length fits this device")
        logging.warning("%d examples do not fit", work.batch)
        work = replace(work, batch=work.batch // 2)
