"""How many examples a run computes at once: as many as its device has room for."""

import logging
import math
import resource
from pathlib import Path
from typing import Any

import humanfriendly
import torch
from transformers import AutoConfig

from tunegrid.config.catalogue import MethodEntry
from tunegrid.errors import UserError
from tunegrid.memory.fit import gpu_memory_needed, largest_micro_batch
from tunegrid.memory.predict import UntraceableError, peak_by_micro_batch
from tunegrid.memory.records import TrainingStep
from tunegrid.settings import Settings


def choose_micro_batch(
    settings: Settings, model: Path, labels: int, longest: int, processes: int, device: torch.device
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
    train = settings["train"]
    share = math.ceil(train["batch_size"] / processes)
    capacity = _capacity(train["memory_limit"], device)
    if train["micro_batch"] != "auto":
        return train["micro_batch"]
    if capacity is None:
        return share
    step = TrainingStep(
        method=settings["method"],
        method_source=MethodEntry(**settings["method_source"]),
        labels=labels,
        batch=share,
        tokens=longest,
        precision=train["precision"],
        attention=train["attention"],
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
        *(chosen, share, peak_of(chosen) / 1e9, capacity / 1e9),
    )
    return chosen


def _capacity(limit: str | None, device: torch.device) -> float | None:
    """Bytes that the device has, or is said to have; None: not known."""
    pretended = humanfriendly.parse_size(limit) if limit else None
    if device.type != "cuda":
        return pretended
    total = torch.cuda.get_device_properties(device).total_memory
    if pretended is None or pretended >= total:
        return total
    torch.cuda.set_per_process_memory_fraction(pretended / total, device)
    return pretended


def peak_memory(device: torch.device) -> dict[str, Any]:
    """What this process has taken at most: `peak_memory`, bytes, and `peak_memory_of`.

    Of "tensors" on a GPU (CUDA's allocator; Python and CUDA itself are not in it), of the "process"
    where it runs on the CPU; in a pack, of all its runs so far.
    """
    if device.type == "cuda":
        return {
            "peak_memory": torch.cuda.max_memory_allocated(device),
            "peak_memory_of": "tensors",
        }
    kilobytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {"peak_memory": 1024 * kilobytes, "peak_memory_of": "process"}
