"""Whether a step fits a GPU: in words, for the first page of the report."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from tunegrid.memory.fit import gpu_memory_needed, load_gpus
from tunegrid.memory.gpu_choice import choose_gpus
from tunegrid.reporting.memory_tables import BESIDE_GPUS

NOTE = (
    "Traced without a GPU, at the largest batch and length that the grid has of the method; what a"
    " GPU must have counts margins for CUDA's context and the allocator. More: chapter Memory."
)


#: A model's short line names so many methods; of more, the least and the most that they need.
MOST_NAMED = 3


def fit_summaries(memory: pd.DataFrame) -> dict[str, str]:
    """For each model one short sentence: what its methods need, and the smallest GPU for each.

    Args:
        memory: the table `memory`, unrounded: bytes.

    Returns:
        The sentences by model, of the models of which a step could be traced.
    """
    traced = memory.dropna(subset="traced")
    return {str(model): _summarise_fit(rows) for model, rows in traced.groupby("model", sort=False)}


def _summarise_fit(rows: pd.DataFrame) -> str:
    """The short sentence of the methods of a model."""
    needed = {row.method: gpu_memory_needed(row.traced) for row in rows.itertuples()}
    methods_of: dict[str, list[str]] = {}
    for method, size in needed.items():
        methods_of.setdefault(_smallest_gpu(size), []).append(method)
    if len(needed) <= MOST_NAMED:
        sizes = [f"{size / 1e9:.1f} GB by {method}" for method, size in needed.items()]
        text = f"a training step needs {_enumerate(sizes)}"
    else:
        least, most = min(needed, key=needed.__getitem__), max(needed, key=needed.__getitem__)
        text = (
            f"a training step needs {needed[least] / 1e9:.1f} GB (by {least}) to"
            f" {needed[most] / 1e9:.1f} GB (by {most})"
        )
    if len(methods_of) == 1:
        (gpu,) = methods_of
        return f"{text}; {gpu} has room for each"
    rooms = [f"{gpu} for {_name_methods(methods)}" for gpu, methods in methods_of.items()]
    return f"{text}; there is room on {_enumerate(rooms)}"


def _smallest_gpu(needed: float) -> str:
    """The smallest GPU of the catalogue that has so many bytes, in words."""
    for gpu, memory in load_gpus().items():
        if needed <= memory:
            return _describe(gpu, memory)
    return "none of the GPUs in config/gpus.yaml"


def _name_methods(methods: Sequence[str]) -> str:
    """The methods by their names, or, if there are many, their number."""
    return _enumerate(methods) if len(methods) <= MOST_NAMED else f"{len(methods)} methods"


def _enumerate(parts: Sequence[str]) -> str:
    """The parts as a sentence lists them."""
    if len(parts) == 1:
        return parts[0]
    return f"{', '.join(parts[:-1])} and {parts[-1]}"


def fit_lines(memory: pd.DataFrame, fits: pd.DataFrame) -> dict[str, list[str]]:
    """For each method a sentence: what its step takes, and the smallest GPU that has room for it.

    Args:
        memory: the table `memory`, unrounded: bytes.
        fits: the table `memory_fits`, unrounded: the largest micro-batch by GPU.

    Returns:
        The sentences by model.
    """
    largest_of = fits.set_index(["model", "method"]).to_dict("index")
    gpus = choose_gpus([name for name in fits.columns if name not in BESIDE_GPUS])
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
        f"{takes}, more than any GPU has that is held against it; of such examples"
        f" {_describe(last, gpus[last])} takes {most}"
    )


def _describe(gpu: str, memory: float) -> str:
    """A GPU with its memory, which some names hold already."""
    return f"a GPU like {gpu}" if " GB" in gpu else f"a GPU like {gpu} ({memory / 1e9:g} GB)"


def _measured_alone(row: Any) -> str:
    """The sentence of a step that could not be traced."""
    if pd.isna(row.measured):
        return "cannot be traced, and was not measured"
    return (
        f"cannot be traced; {row.measured_batch:.0f} × {row.measured_tokens:.0f} tokens took"
        f" {row.measured / 1e9:.2f} GB on {row.device}"
    )
