"""Margins fitted to a user's own runs and measured steps: what the allocator held over tensors."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median

from tunegrid.errors import UserError
from tunegrid.files import read_json
from tunegrid.memory.margins import (
    PUBLIC,
    Kernel,
    KernelMargin,
    Margins,
    attention_kernel,
    kernel_of,
)
from tunegrid.memory.records import MeasuredStep, read_measurements
from tunegrid.results import PROVENANCE, TRAINING


@dataclass(frozen=True)
class HeldMemory:
    """What was held of a GPU's memory by one run or one measured step.

    Attributes:
        kernel: what its attention computed with.
        ratio: what CUDA's allocator held at its peak, over the tensors at theirs.
        gpu: the name of the GPU.
        context: bytes of CUDA's context; None where they were not told.
    """

    kernel: Kernel
    ratio: float
    gpu: str
    context: int | None = None


def read_held(paths: Iterable[Path]) -> list[HeldMemory]:
    """What was held on GPUs, as runs and measured steps tell it; others are passed over.

    Args:
        paths: folders with finished runs in them or below them, training.json files of runs, and
            files of measured steps.

    Raises:
        UserError: a folder holds no run, or a file something else.
    """
    found: list[HeldMemory | None] = []
    for path in paths:
        if path.is_dir():
            runs = sorted(path.rglob(TRAINING))
            if not runs:
                raise UserError(
                    f"{path}: there is no finished run in it or below it ({TRAINING}); give folders"
                    " such as results/runs, or files of scripts/measure_memory.py"
                )
            found += [held_by_run(run.parent) for run in runs]
        elif path.name == TRAINING:
            found.append(held_by_run(path.parent))
        else:
            found += [held_by_step(step) for step in read_measurements([path])]
    return [one for one in found if one is not None]


def held_by_run(folder: Path) -> HeldMemory | None:
    """What a finished run held, over what the allocator gave out to it.

    Its micro-batches are taken to have had padding, as nearly all have.

    Args:
        folder: the run's.

    Returns:
        None where it does not tell: it ran on a CPU or before this was recorded, or memory ran out
        on the way, so that the allocator held what the GPU has.

    Raises:
        UserError: its provenance is missing.
    """
    training = read_json(folder / TRAINING)
    if training.get("reserved_memory") is None or training["out_of_memory"]:
        return None
    if not (folder / PROVENANCE).is_file():
        raise UserError(f"{folder}: holds no {PROVENANCE}; give the folder of a finished run")
    made = read_json(folder / PROVENANCE)
    return HeldMemory(
        kernel=attention_kernel(made["attention"]),
        ratio=training["reserved_memory"] / training["peak_memory"],
        gpu=made["device"],
        context=training["context_memory"],
    )


def held_by_step(step: MeasuredStep) -> HeldMemory | None:
    """What a measured step held, over what is predicted; None: not on a GPU, or not predicted."""
    if step.reserved is None or step.predicted is None:
        return None
    return HeldMemory(
        kernel=kernel_of(step.step, step.attention),
        ratio=step.reserved / (step.predicted + PUBLIC.workspaces),
        gpu=step.device,
    )


def calibrated(measured: Sequence[HeldMemory]) -> tuple[Margins, list[str]]:
    """The public margins, replaced for those kinds of attention that were measured.

    CUDA's context is the largest of the user's kinds of GPUs, each by its median, where any told.

    Args:
        measured: what was held on GPUs.

    Returns:
        The margins, and a line for each kind of attention and each GPU that was measured.

    Raises:
        UserError: nothing was.
    """
    if not measured:
        raise UserError(
            "nothing that was given is of a GPU and tells what its allocator held; give folders of"
            " finished runs on a GPU, or measure steps with scripts/measure_memory.py where there"
            " is one"
        )
    ratios: dict[Kernel, list[float]] = {}
    contexts: dict[str, list[float]] = {}
    for one in measured:
        ratios.setdefault(one.kernel, []).append(one.ratio)
        if one.context is not None:
            contexts.setdefault(one.gpu, []).append(one.context)
    kernels = dict(PUBLIC.kernels) | {kernel: fit_margin(held) for kernel, held in ratios.items()}
    context_of = {gpu: median(sizes) for gpu, sizes in contexts.items()}
    others = {gpu: size for gpu, size in PUBLIC.contexts.items() if gpu not in context_of}
    margins = replace(
        PUBLIC,
        kernels=kernels,
        contexts=context_of | others,
        other_context=max(context_of.values(), default=PUBLIC.other_context),
    )
    return margins, [*_kernel_lines(ratios, kernels), *_context_lines(contexts, context_of)]


def _kernel_lines(
    ratios: dict[Kernel, list[float]], kernels: dict[Kernel, KernelMargin]
) -> Iterator[str]:
    for kernel, held in ratios.items():
        public = PUBLIC.kernels[kernel]
        yield (
            f"{kernel} attention: {len(held)} measured, the allocator held"
            f" {kernels[kernel].typical:.3f} of the tensors, at most {kernels[kernel].most:.3f}"
            f" (public measurements: {public.typical:g}, at most {public.most:g})"
        )


def _context_lines(contexts: dict[str, list[float]], medians: dict[str, float]) -> Iterator[str]:
    for gpu, sizes in contexts.items():
        yield (
            f"CUDA's context on {gpu}: {len(sizes)} measured, {medians[gpu] / 1e9:.3f} GB (public"
            f" measurements: {PUBLIC.context(gpu) / 1e9:g} GB)"
        )


def fit_margin(held: Sequence[float]) -> KernelMargin:
    """The median and the most of what the allocator held for each byte that lives."""
    return KernelMargin(typical=round(median(held), 3), most=round(max(held), 3))
