"""A model's memory as a figure: what takes it at the peak, and how it grows."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tunegrid.memory import KINDS
from tunegrid.memory.fit import load_gpus, room_for_tensors
from tunegrid.memory.records import StepMemory
from tunegrid.reporting.figure_style import COLOURS, HATCHES, LINES, MARKERS, WIDTH


def plot_memory(predicted: Sequence[StepMemory]) -> Figure:
    """Three panels: parts at the peak, the peak by micro-batch, and by tokens of an example.

    Args:
        predicted: what predict_memory wrote of one model.
    """
    figure, (parts, batches, lengths) = plt.subplots(
        1, 3, figsize=(WIDTH, 3.0), width_ratios=[1 + 0.15 * len(predicted), 2, 2]
    )
    if not predicted:
        parts.set_title("no method of this model can be traced")
        return figure
    step = predicted[0].step
    _draw_parts(parts, predicted)
    _draw_growth(
        batches,
        {record.step.method: record.by_batch for record in predicted},
        label=f"micro-batch, {step.tokens} tokens each",
    )
    _draw_growth(
        lengths,
        {record.step.method: record.by_tokens for record in predicted},
        label=f"tokens, {step.batch} examples",
    )
    handles, labels = parts.get_legend_handles_labels()
    legend = figure.legend(
        handles,
        labels,
        loc="outside upper left",
        ncols=3,
        title=(f"at the peak, {step.batch} examples of {step.tokens} tokens, {step.precision}"),
    )
    legend.get_title().set_fontsize(7.5)
    handles, labels = batches.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper right", ncols=2)
    return figure


def _draw_parts(axes: Axes, predicted: Sequence[StepMemory]) -> None:
    """Draw a bar for each method, stacked of what takes the memory at the peak."""
    methods = [record.step.method for record in predicted]
    below = [0.0] * len(methods)
    for position, kind in enumerate(KINDS[:-1]):  # inputs are too small to be seen
        sizes = [record.parts[kind] / 1e9 for record in predicted]
        axes.bar(
            methods,
            sizes,
            0.7,
            bottom=below,
            label=kind,
            color=COLOURS[position % len(COLOURS)],
            hatch=HATCHES[position % len(HATCHES)],
            edgecolor="white",
            linewidth=0.4,
        )
        below = [low + size for low, size in zip(below, sizes, strict=True)]
    axes.tick_params(axis="x", length=0)
    if len(methods) > 2:
        axes.set_xticks(
            range(len(methods)), methods, rotation=45, ha="right", rotation_mode="anchor"
        )
    axes.set_ylabel("GB (10⁹ bytes)")


def _draw_growth(axes: Axes, peaks: Mapping[str, Mapping[int, int]], label: str) -> None:
    """Draw a line for each method.

    Args:
        axes: where to draw.
        peaks: bytes at the peak, by method, by micro-batch or length.
        label: what the horizontal axis shows.
    """
    largest = 0.0
    for position, (method, peak_at) in enumerate(peaks.items()):
        points = list(peak_at)
        sizes = [size / 1e9 for size in peak_at.values()]
        largest = max(largest, *sizes)
        axes.plot(
            points,
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
    _draw_gpus(axes, largest)


def _draw_gpus(axes: Axes, largest: float) -> None:
    """Draw what the live tensors of a step may take on each GPU, as far as the curves reach.

    Args:
        axes: where to draw.
        largest: the highest point of the curves, GB.
    """
    rooms = [(gpu, room_for_tensors(memory) / 1e9) for gpu, memory in load_gpus().items()]
    shown = [(gpu, room) for gpu, room in rooms if room <= largest * 1.2]
    for name, size in shown or rooms[:1]:
        axes.axhline(size, color="black", linestyle=":", linewidth=0.8)
        axes.annotate(
            name,
            (0, size),
            xycoords=("axes fraction", "data"),
            xytext=(2, 1.5),
            textcoords="offset points",
            fontsize=6,
        )
