"""What a process computes on: its name, and the memory that it took."""

import resource
import sys
from typing import Any

import torch


def device_name(device: torch.device) -> str:
    """The kind of the GPU or of the processor, in words."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    if device.type == "cpu":
        return f"CPU ({torch.backends.cpu.get_cpu_capability()})"
    return str(device)


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
    # In kilobytes on Linux, in bytes on macOS: the manual pages of getrusage(2).
    unit = 1 if sys.platform == "darwin" else 1024
    peak = unit * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {"peak_memory": peak, "peak_memory_of": "process"}
