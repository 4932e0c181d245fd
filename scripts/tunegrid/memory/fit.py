"""From a step's memory to the GPU that it fits: margins, and the largest micro-batch."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import yaml

from tunegrid.errors import UserError
from tunegrid.memory.margins import PUBLIC, Kernel, Margins
from tunegrid.paths import ROOT

#: The largest micro-batch that is looked for.
LARGEST_MICRO_BATCH = 1024
#: The catalogue of GPUs.
GPUS = ROOT / "config/gpus.yaml"


def gpu_memory_needed(
    live_tensors: float, kernel: Kernel = "masked", margins: Margins = PUBLIC
) -> float:
    """Bytes that a GPU must have for a step, margins included.

    Args:
        live_tensors: bytes of the step's live tensors at the peak.
        kernel: what its attention computes with (`tunegrid.memory.margins.kernel_of`).
        margins: what is added to live tensors.
    """
    held = (live_tensors + margins.workspaces) * margins.kernels[kernel].typical
    return held + margins.other_context


def room_for_tensors(
    gpu_memory: float, kernel: Kernel = "masked", margins: Margins = PUBLIC
) -> float:
    """Bytes of live tensors that a GPU has room for: `gpu_memory_needed` the other way round.

    Args:
        gpu_memory: bytes of the GPU.
        kernel: as of `gpu_memory_needed`.
        margins: as of `gpu_memory_needed`.
    """
    held = gpu_memory - margins.other_context
    return held / margins.kernels[kernel].typical - margins.workspaces


def largest_micro_batch(
    needed_for: Callable[[int], float], capacity: float, most: int = LARGEST_MICRO_BATCH
) -> int:
    """The largest micro-batch whose step fits: `most` itself, or else a power of two below it.

    Args:
        needed_for: bytes that a step takes, by its micro-batch; they grow with it.
        capacity: bytes that there are.
        most: examples that are wanted.

    Returns:
        0 if not even one example fits.
    """
    return largest_fitting(lambda batch: needed_for(batch) <= capacity, most)


def largest_fitting(fits: Callable[[int], bool], most: int = LARGEST_MICRO_BATCH) -> int:
    """The largest micro-batch that fits: `most` itself, or else a power of two below it.

    Args:
        fits: whether a micro-batch fits; where one does, each smaller one does.
        most: examples that are wanted.

    Returns:
        0 if not even one example fits.
    """
    if fits(most):
        return most
    # A binary search for the exponent: 2^(low-1) fits, 2^high does not fit or is not wanted.
    low, high = 0, (most - 1).bit_length()
    while low < high:
        middle = (low + high) // 2
        if fits(2**middle):
            low = middle + 1
        else:
            high = middle
    return 2 ** (low - 1) if low else 0


def load_gpus(path: Path = GPUS) -> dict[str, float]:
    """The catalogue of GPUs: bytes of memory by name, in the order of the file.

    Raises:
        UserError: an entry is no name with a number of GB.
    """
    catalogue = yaml.safe_load(path.read_text(encoding="utf-8"))
    if not isinstance(catalogue, dict) or not catalogue:
        raise UserError(f"{path}: holds no GPU; write lines such as `T4: 16` (GB)")
    problems = [
        f"{path}: {name}: {size!r} is no size; write a number of GB, such as 16"
        for name, size in catalogue.items()
        if isinstance(size, bool) or not isinstance(size, int | float) or size <= 0
    ]
    if problems:
        raise UserError(*problems)
    return {str(name): gigabytes * 1e9 for name, gigabytes in catalogue.items()}
