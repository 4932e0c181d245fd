"""From a step's memory to the GPU that it fits: margins, and the largest micro-batch."""

from __future__ import annotations

from collections.abc import Callable

import yaml

from tunegrid.paths import ROOT

#: What a prediction does not see, from public measurements: CUDA's context and its libraries'
#: workspaces take 0.6 to 1.3 GB; of what the allocator reserves, live tensors fill all but 0.7 to
#: 13 %.
CONTEXT = 1.3e9
FRAGMENTATION = 1.13
#: The largest micro-batch that is looked for.
MOST = 1024


def needed(peak: float) -> float:
    """Bytes that a GPU must have for a step whose live tensors take `peak`."""
    return peak * FRAGMENTATION + CONTEXT


def live(capacity: float) -> float:
    """Bytes of live tensors that a GPU has room for: `needed` the other way round."""
    return (capacity - CONTEXT) / FRAGMENTATION


def largest_micro_batch(
    needed_for: Callable[[int], float], capacity: float, most: int = MOST
) -> int:
    """The largest power of two, up to `most`, whose step fits; `most` itself if that does; or 0.

    Args:
        needed_for: bytes by micro-batch; they grow with it.
        capacity: bytes of the GPU.
        most: examples that are wanted.
    """
    if needed_for(most) <= capacity:
        return most
    low, high = 0, (most - 1).bit_length()  # 2^(low-1) fits, 2^high does not or is not wanted
    while low < high:
        middle = (low + high) // 2
        if needed_for(2**middle) <= capacity:
            low = middle + 1
        else:
            high = middle
    return 2 ** (low - 1) if low else 0


def gpus() -> dict[str, float]:
    """The catalogue of GPUs: bytes of memory by name."""
    catalogue = yaml.safe_load((ROOT / "config/gpus.yaml").read_text(encoding="utf-8"))
    return {name: gigabytes * 1e9 for name, gigabytes in catalogue.items()}
