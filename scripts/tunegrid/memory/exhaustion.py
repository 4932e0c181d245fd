"""Telling that memory ran out."""

import torch
from accelerate.utils.memory import should_reduce_batch_size


def out_of_memory(error: RuntimeError) -> bool:
    """Whether a device's or the host's memory ran out."""
    return isinstance(error, torch.OutOfMemoryError) or should_reduce_batch_size(error)
