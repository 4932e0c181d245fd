"""How many examples a run computes at once: as many as its device has room for."""

import logging
import math
from pathlib import Path

import humanfriendly
import torch
from transformers import AutoConfig

from tunegrid.errors import UserError
from tunegrid.memory.fit import gpu_memory_needed, largest_micro_batch
from tunegrid.memory.predict import UntraceableError, peak_by_micro_batch
from tunegrid.memory.records import TrainingStep
from tunegrid.settings import CellSettings


def choose_micro_batch(
    settings: CellSettings,
    model: Path,
    *,
    labels: int,
    longest: int,
    processes: int,
    device: torch.device,
) -> int:
    """The examples of a batch that one process computes at once, at most.

    With `micro_batch: auto` all of its share, or the largest power of two whose predicted step fits
    the device (margins: `tunegrid.memory.fit`). A CPU without a `memory_limit` is taken to have
    room for all. On a GPU a `memory_limit` is also enforced.

    Args:
        settings: the cell's.
        model: folder of fetch_model.
        labels: how many.
        longest: tokens of the longest example.
        processes: that share a batch.
        device: of this process.

    Raises:
        UserError: not one example fits, or the model cannot be built.
    """
    train = settings.train
    share = math.ceil(train.batch_size / processes)
    capacity = memory_capacity(train.memory_limit, device)
    enforce_memory_limit(capacity, device)
    if train.micro_batch != "auto":
        return train.micro_batch
    if capacity is None:
        return share
    step = TrainingStep(
        method=settings.method,
        method_source=settings.method_source,
        labels=labels,
        batch=share,
        tokens=longest,
        precision=train.precision,
        attention=train.attention,
    )
    cuda = device.type == "cuda"
    # On a CPU the limit is on live tensors alone.
    with_margins = gpu_memory_needed if cuda else float

    traced = peak_by_micro_batch(AutoConfig.from_pretrained(model), step, cuda=cuda)

    def peak_of(batch: int) -> float:
        return with_margins(traced(batch))

    try:
        chosen = largest_micro_batch(peak_of, capacity, share)
    except UntraceableError as reason:
        logging.warning("micro-batch %d, not predicted: %s", share, reason)
        return share
    if not chosen:
        raise UserError(
            f"not one example of {longest} tokens fits: it needs {peak_of(1) / 1e9:.2f} GB, there"
            f" are {capacity / 1e9:.2f}; take a GPU with more memory, a smaller data.max_length,"
            " train.precision: bf16, or a method with fewer trainable weights"
        )
    logging.info(
        "micro-batch %d of %d: predicted %.2f of %.2f GB",
        chosen,
        share,
        peak_of(chosen) / 1e9,
        capacity / 1e9,
    )
    return chosen


def memory_capacity(limit: str | None, device: torch.device) -> float | None:
    """Bytes that the device has, or is to be taken to have; None: not known.

    Args:
        limit: the setting `memory_limit`, such as 16GB.
        device: of this process.
    """
    pretended = humanfriendly.parse_size(limit) if limit else None
    if device.type != "cuda":
        return pretended
    total: int = torch.cuda.get_device_properties(device).total_memory
    return total if pretended is None else min(total, pretended)


def enforce_memory_limit(capacity: float | None, device: torch.device) -> None:
    """Let CUDA's allocator take no more than `capacity` bytes; on a CPU nothing is enforced.

    In a pack it undoes the limit of the run before.
    """
    if device.type == "cuda" and capacity is not None:
        total = torch.cuda.get_device_properties(device).total_memory
        torch.cuda.set_per_process_memory_fraction(capacity / total, device)
