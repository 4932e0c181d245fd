"""A model's memory as a figure: of what, and how it grows."""

from typing import Any

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tunegrid.memory import KINDS
from tunegrid.memory.fitting import gpus, live
from tunegrid.reporting.figure_style import COLOURS, HATCHES, LINES, MARKERS, WIDTH

Rows = list[dict[str, Any]]


def plot_memory(predicted: Rows) -> Figure:
    """Three panels: parts at the peak, the peak by micro-batch, and by tokens of an example.

    Args:
        predicted: what predict_memory wrote of one model; bytes.
    """
    figure, (parts, batches, lengths) = plt.subplots(
        1, 3, figsize=(WIDTH, 3.0), width_ratios=[1 + 0.15 * len(predicted), 2, 2]
    )
    if not predicted:
        parts.set_title("no method of this model can be traced")
        return figure
    first = predicted[0]
    _parts(parts, predicted)
    _growth(batches, predicted, "by_batch", f"micro-batch, {first['tokens']} tokens each")
    _growth(lengths, predicted, "by_tokens", f"tokens, {first['batch']} examples")
    handles, labels = parts.get_legend_handles_labels()
    legend = figure.legend(
        handles, labels, loc="outside upper left", ncols=3, title=f"at the peak, {_title(first)}"
    )
    legend.get_title().set_fontsize(7.5)
    handles, labels = batches.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper right", ncols=2)
    return figure


def _title(row: dict[str, Any]) -> str:
    return f"{row['batch']} examples of {row['tokens']} tokens, {row['precision']}"


def _parts(axes: Axes, predicted: Rows) -> None:
    methods = [row["method"] for row in predicted]
    below = [0.0] * len(methods)
    for position, kind in enumerate(KINDS[:-1]):  # inputs are too small to be seen
        sizes = [row["parts"][kind] / 1e9 for row in predicted]
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


def _growth(axes: Axes, predicted: Rows, key: str, label: str) -> None:
    largest = 0.0
    for position, row in enumerate(predicted):
        at = [int(point) for point in row[key]]
        sizes = [size / 1e9 for size in row[key].values()]
        largest = max(largest, *sizes)
        axes.plot(
            at,
            sizes,
            label=row["method"],
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
    axes.set_xticks([int(point) for point in predicted[0][key]])
    axes.minorticks_off()
    axes.set_xlabel(label)
    _gpu_lines(axes, largest)


def _gpu_lines(axes: Axes, largest: float) -> None:
    """What the live tensors of a step may take on each GPU, as far as the curves reach."""
    drawn = [(name, live(size) / 1e9) for name, size in gpus().items()]
    shown = [entry for entry in drawn if entry[1] <= largest * 1.2] or drawn[:1]
    for name, size in shown:
        axes.axhline(size, color="black", linestyle=":", linewidth=0.8)
        axes.annotate(
            name,
            (0, size),
            xycoords=("axes fraction", "data"),
            xytext=(2, 1.5),
            textcoords="offset points",
            fontsize=6,
        )
