"""A model's memory as a figure: what takes it at the peak, and how it grows."""

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tunegrid.memory import KINDS
from tunegrid.memory.fit import room_for_tensors
from tunegrid.memory.gpu_choice import choose_gpus
from tunegrid.memory.margins import PUBLIC, Kernel, kernel_of
from tunegrid.memory.records import StepMemory, attention_kernels
from tunegrid.reporting.figure_style import (
    COLOURS,
    HATCHES,
    LINES,
    MARK_SIZE,
    MARKERS,
    MOST_TOGETHER,
    WIDTH,
    place_legend,
)

#: Font size of the names of methods, in points, and the height of a bar with its gap, in inches.
NAME_SIZE, BAR_HEIGHT = 7, 0.15
#: The least height of the panel of bars, the height of the panels of growth, and of what stands
#: around all, in inches.
LEAST_BARS, GROWTH_HEIGHT, AROUND = 0.6, 1.9, 1.2
#: So many GPUs are a choice, of which each has its line.
CHOSEN_GPUS = 4
#: How the curves of methods are drawn that are too many to be told apart.
CROWD: dict[str, Any] = {"color": "#bbbbbb", "linewidth": 0.6, "zorder": 1}


def plot_memory(predicted: Sequence[StepMemory]) -> Figure:
    """Three panels: parts at the peak, the peak by micro-batch, and by tokens of an example.

    Dotted lines are what GPUs leave to the tensors of a step. Of more methods than are told apart,
    the curves are grey but for the highest and the lowest one.

    Args:
        predicted: what predict_memory wrote of one model.
    """
    if not predicted:
        figure, axes = plt.subplots(figsize=(WIDTH, 1.0))
        axes.set_title("no method of this model can be traced")
        axes.axis("off")
        return figure
    bars = max(LEAST_BARS, BAR_HEIGHT * len(predicted))
    figure, panels = plt.subplot_mosaic(
        [["parts", "parts"], ["batches", "lengths"]],
        figsize=(WIDTH, bars + GROWTH_HEIGHT + AROUND),
        height_ratios=[bars, GROWTH_HEIGHT],
    )
    first = predicted[0]
    step, gpus = first.step, choose_gpus(list(first.fits))
    kernel = kernel_of(step, first.attention)
    _draw_parts(panels["parts"], predicted)
    _draw_growth(
        panels["batches"],
        {record.step.method: record.by_batch for record in predicted},
        label=f"micro-batch, {step.tokens} tokens each",
    )
    _draw_growth(
        panels["lengths"],
        {record.step.method: record.by_tokens for record in predicted},
        label=f"tokens, {step.batch} examples",
    )
    for panel, growth in (
        ("batches", [record.by_batch for record in predicted]),
        ("lengths", [record.by_tokens for record in predicted]),
    ):
        largest = max(list(peak_at.values())[-1] for peak_at in growth)
        _draw_gpus(panels[panel], gpus, largest=largest / 1e9, kernel=kernel)
    panels["batches"].set_ylabel("GB (10⁹ bytes)")
    place_legend(
        figure,
        [panels["parts"], panels["batches"]],
        f"{first.model}: the live tensors of a training step at its peak; bars: {step.batch}"
        f" examples of {step.tokens} tokens, {step.kind}{attention_kernels(predicted)}\n"
        "dotted: what a GPU leaves to them: its memory less"
        f" {PUBLIC.other_context / 1e9:g} GB for CUDA's context, and that divided by"
        f" {PUBLIC.kernels[kernel].typical:g},"
        " since the allocator reserves more than they take",
    )
    return figure


def _draw_parts(axes: Axes, predicted: Sequence[StepMemory]) -> None:
    """Draw a bar for each method, stacked of what takes the memory at the peak."""
    methods = [record.step.method for record in predicted]
    before = [0.0] * len(methods)
    for position, kind in enumerate(KINDS[:-1]):  # inputs are too small to be seen
        sizes = [record.parts[kind] / 1e9 for record in predicted]
        axes.barh(
            range(len(methods)),
            sizes,
            0.7,
            left=before,
            label=kind,
            color=COLOURS[position % len(COLOURS)],
            hatch=HATCHES[position % len(HATCHES)],
            edgecolor="white",
            linewidth=0.4,
        )
        before = [start + size for start, size in zip(before, sizes, strict=True)]
    axes.set_yticks(range(len(methods)), methods, fontsize=NAME_SIZE)
    axes.set_ylim(len(methods) - 0.5, -0.5)
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="y", visible=False)
    axes.grid(axis="x")
    axes.set_xlabel("GB (10⁹ bytes)")


def _draw_growth(axes: Axes, peaks: Mapping[str, Mapping[int, int]], label: str) -> None:
    """Draw a line for each method.

    Args:
        axes: where to draw.
        peaks: bytes at the peak, by method, by micro-batch or length.
        label: what the horizontal axis shows.
    """
    last = {method: list(peak_at.values())[-1] for method, peak_at in peaks.items()}
    together = len(peaks) <= MOST_TOGETHER
    named = (
        list(peaks)
        if together
        else [max(last, key=last.__getitem__), min(last, key=last.__getitem__)]
    )
    for method, peak_at in peaks.items():
        sizes = [size / 1e9 for size in peak_at.values()]
        if method not in named:
            crowd = f"the other {len(peaks) - len(named)} methods: see the table memory"
            axes.plot(list(peak_at), sizes, label=crowd, **CROWD)
            continue
        position = named.index(method)
        axes.plot(
            list(peak_at),
            sizes,
            label=method,
            color=COLOURS[position % len(COLOURS)],
            marker=MARKERS[position % len(MARKERS)],
            linestyle=LINES[position % len(LINES)],
            linewidth=1.2,
            markersize=3.5,
        )
    axes.set_xscale("log", base=2)
    axes.set_yscale("log", base=2)
    axes.xaxis.set_major_formatter("{x:g}")
    axes.yaxis.set_major_formatter("{x:g}")
    axes.set_xticks(list(next(iter(peaks.values()))))
    axes.minorticks_off()
    axes.set_xlabel(label)


def _draw_gpus(axes: Axes, gpus: Mapping[str, float], largest: float, kernel: Kernel) -> None:
    """Draw what the live tensors of a step may take on each GPU.

    Of a few GPUs, which somebody has chosen, all are drawn; of a list, as far as the curves reach.

    Args:
        axes: where to draw.
        gpus: bytes of memory by the name of a GPU.
        largest: the highest point of the curves, GB.
        kernel: what the step's attention computes with.
    """
    rooms = [
        (name, memory / 1e9, room_for_tensors(memory, kernel) / 1e9)
        for name, memory in gpus.items()
    ]
    shown = [gpu for gpu in rooms if len(rooms) <= CHOSEN_GPUS or gpu[2] <= largest * 1.2]
    for position, (name, memory, room) in enumerate(shown or rooms[:1]):
        axes.axhline(room, color="black", linestyle=":", linewidth=0.8)
        # Neighbours stand at opposite ends, since some GPUs differ little.
        at_right = position % 2 == 1
        size = "" if " GB" in name else f" ({memory:g} GB)"
        axes.annotate(
            f"{name}{size}: {room:.1f} GB",
            (1 if at_right else 0, room),
            xycoords=("axes fraction", "data"),
            xytext=(-2 if at_right else 2, 1.5),
            textcoords="offset points",
            fontsize=MARK_SIZE,
            ha="right" if at_right else "left",
            bbox={"facecolor": "white", "alpha": 0.7, "linewidth": 0, "pad": 0.5},
        )
