"""Whether a step fits a GPU: in words, for the first page of the report."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from tunegrid.memory.fit import gpu_memory_needed, load_gpus

NOTE = (
    "Traced without a GPU, at the largest batch and length that the grid has of the method; what a"
    " GPU must have counts margins for CUDA's context and the allocator. More: chapter Memory."
)


def fit_lines(memory: pd.DataFrame, fits: pd.DataFrame) -> dict[str, list[str]]:
    """For each method a sentence: what its step takes, and the smallest GPU that has room for it.

    Args:
        memory: the table `memory`, unrounded: bytes.
        fits: the table `memory_fits`, unrounded: the largest micro-batch by GPU.

    Returns:
        The sentences by model.
    """
    largest_of = fits.set_index(["model", "method"]).to_dict("index")
    gpus = load_gpus()
    lines: dict[str, list[str]] = {}
    for row in memory.itertuples():
        largest = largest_of.get((row.model, row.method))
        sentence = _traced(row, largest, gpus) if largest else _measured_alone(row)
        lines.setdefault(row.model, []).append(f"{row.method}: {sentence}")
    return lines


def _traced(row: Any, largest: Mapping[str, float], gpus: Mapping[str, float]) -> str:
    """The sentence of a step that was traced.

    Args:
        row: its row of the table `memory`.
        largest: the largest micro-batch by GPU.
        gpus: bytes of memory by GPU, from the smallest.
    """
    needed = gpu_memory_needed(row.traced)
    takes = (
        f"a step of {row.batch:.0f} × {row.tokens:.0f} tokens takes {row.traced / 1e9:.2f} GB,"
        f" with margins {needed / 1e9:.1f} GB"
    )
    for gpu, memory in gpus.items():
        if needed <= memory:
            return (
                f"{takes}; {_describe(gpu, memory)} fits, and takes"
                f" {largest[gpu]:.0f} such examples at once"
            )
    last = list(gpus)[-1]
    most = f"{largest[last]:.0f} at once" if largest[last] else "not even one"
    return (
        f"{takes}, more than any GPU in config/gpus.yaml has; of such examples"
        f" {_describe(last, gpus[last])} takes {most}"
    )


def _describe(gpu: str, memory: float) -> str:
    """A GPU with its memory, which some names hold already."""
    size = f"{memory / 1e9:g} GB"
    return f"a GPU like {gpu}" if size in gpu else f"a GPU like {gpu} ({size})"


def _measured_alone(row: Any) -> str:
    """The sentence of a step that could not be traced."""
    if pd.isna(row.measured):
        return "cannot be traced, and was not measured"
    return (
        f"cannot be traced; {row.measured_batch:.0f} × {row.measured_tokens:.0f} tokens took"
        f" {row.measured / 1e9:.2f} GB on {row.device}"
    )
