"""Will it fit my GPU: in words, for the first page of the report."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from tunegrid.memory.fitting import gpus, needed

NOTE = (
    "Traced without a GPU, at the largest batch and length that the grid has of the method; what a"
    " GPU must have counts margins for CUDA's context and the allocator. More: chapter Memory."
)


def fit_lines(memory: pd.DataFrame, fits: pd.DataFrame) -> dict[str, list[str]]:
    """By model, a sentence a method: what its step takes, and the smallest GPU that has it.

    Args:
        memory: the table `memory`, unrounded: bytes.
        fits: the table `memory_fits`, unrounded: the largest micro-batch by GPU.
    """
    largest = fits.set_index(["model", "method"]).to_dict("index")
    capacities = gpus()
    lines: dict[str, list[str]] = {}
    for row in memory.itertuples():
        key = (row.model, row.method)
        told = _traced(row, largest[key], capacities) if key in largest else _measured(row)
        lines.setdefault(row.model, []).append(f"{row.method}: {told}")
    return lines


def _traced(row: Any, largest: Mapping[str, float], capacities: Mapping[str, float]) -> str:
    size = needed(row.traced)
    step = f"a step of {row.batch:.0f} × {row.tokens:.0f} tokens takes {row.traced / 1e9:.2f} GB"
    for gpu, capacity in capacities.items():
        if size <= capacity:
            return (
                f"{step}, with margins {size / 1e9:.1f} GB; {_named(gpu, capacity)} fits, and takes"
                f" {largest[gpu]:.0f} such examples at once"
            )
    last = list(capacities)[-1]
    most = f"{largest[last]:.0f} at once" if largest[last] else "not even one"
    return (
        f"{step}, with margins {size / 1e9:.1f} GB, more than any GPU in config/gpus.yaml has; of"
        f" such examples {_named(last, capacities[last])} takes {most}"
    )


def _named(gpu: str, capacity: float) -> str:
    size = f"{capacity / 1e9:g} GB"
    return f"a GPU like {gpu}" if size in gpu else f"a GPU like {gpu} ({size})"


def _measured(row: Any) -> str:
    if pd.isna(row.measured):
        return "cannot be traced, and was not measured"
    return (
        f"cannot be traced; {row.measured_batch:.0f} × {row.measured_tokens:.0f} tokens took"
        f" {row.measured / 1e9:.2f} GB on {row.device}"
    )
