"""Margins fitted to measured steps: what the allocator held over what was predicted."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from statistics import median

from tunegrid.errors import UserError
from tunegrid.memory.margins import PUBLIC, Kernel, KernelMargin, Margins, kernel_of
from tunegrid.memory.records import MeasuredStep


def calibrated(measured: Iterable[MeasuredStep]) -> tuple[Margins, list[str]]:
    """The public margins, replaced for those kinds of attention that were measured.

    Args:
        measured: steps on GPUs, and others, which are passed over.

    Returns:
        The margins, and a line for each kind of attention that was measured.

    Raises:
        UserError: no step was measured on a GPU and predicted.
    """
    ratios: dict[Kernel, list[float]] = {}
    for one in measured:
        if one.reserved is not None and one.predicted is not None:
            held = one.reserved / (one.predicted + PUBLIC.workspaces)
            ratios.setdefault(kernel_of(one.step, one.attention), []).append(held)
    if not ratios:
        raise UserError(
            "none of the files holds a step that was measured on a GPU and predicted; measure some"
            " with scripts/measure_memory.py where there is one"
        )
    kernels = dict(PUBLIC.kernels) | {kernel: fit_margin(held) for kernel, held in ratios.items()}
    lines = [
        f"{kernel} attention: {len(held)} steps, the allocator held"
        f" {kernels[kernel].typical:.3f} of what was predicted, at most"
        f" {kernels[kernel].most:.3f} (public measurements: {PUBLIC.kernels[kernel].typical:g},"
        f" at most {PUBLIC.kernels[kernel].most:g})"
        for kernel, held in ratios.items()
    ]
    return replace(PUBLIC, kernels=kernels), lines


def fit_margin(held: Sequence[float]) -> KernelMargin:
    """The median and the most of what the allocator held for each byte that lives."""
    return KernelMargin(typical=round(median(held), 3), most=round(max(held), 3))
