"""What a process computes on: its name, and the memory that it took."""

import os
import resource
import sys
from typing import Any

import pynvml
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

    Of "tensors" on a GPU (what CUDA's allocator gave out), of the "process" where it runs on the
    CPU; in a pack, of all its runs so far. Of a GPU there are two more: `reserved_memory`, the most
    that the allocator held, and `context_memory`, what CUDA itself takes beside it (None: the
    driver does not tell).
    """
    if device.type == "cuda":
        return {
            "peak_memory": torch.cuda.max_memory_allocated(device),
            "peak_memory_of": "tensors",
            "reserved_memory": torch.cuda.max_memory_reserved(device),
            "context_memory": _context_memory(device),
        }
    # In kilobytes on Linux, in bytes on macOS: the manual pages of getrusage(2).
    unit = 1 if sys.platform == "darwin" else 1024
    peak = unit * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {"peak_memory": peak, "peak_memory_of": "process"}


def gpu_handle(device: torch.device) -> Any:
    """NVML's handle of a GPU.

    By its UUID: CUDA numbers only those that it was told of.

    Raises:
        pynvml.NVMLError: the driver does not know it.
    """
    pynvml.nvmlInit()
    return pynvml.nvmlDeviceGetHandleByUUID(f"GPU-{torch.cuda.get_device_properties(device).uuid}")


def _context_memory(device: torch.device) -> int | None:
    """Bytes of this process on a GPU that its allocator does not hold; None: not told.

    Inside a container the driver may know the process by another number, and tells none
    (nvmlDeviceGetComputeRunningProcesses of https://docs.nvidia.com/deploy/nvml-api/).
    """
    try:
        processes = pynvml.nvmlDeviceGetComputeRunningProcesses(gpu_handle(device))
    except pynvml.NVMLError:
        return None
    used = [one.usedGpuMemory for one in processes if one.pid == os.getpid()]
    if len(used) != 1 or used[0] is None:
        return None
    context: int = used[0] - torch.cuda.memory_reserved(device)
    return context if context > 0 else None
