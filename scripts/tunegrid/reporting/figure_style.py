"""One look for all figures: colour-blind safe, readable in grey, the same bytes every time."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import matplotlib as mpl

mpl.use("Agg")
import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tunegrid.files import atomic_path

#: Okabe & Ito's palette (https://jfly.uni-koeln.de/color/), without its yellow and black.
COLOURS = ["#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00"]
HATCHES = ["", "///", "...", "xxx", "\\\\\\", "+++"]
MARKERS = ["o", "s", "^", "D", "v", "P"]
LINES = ["-", "--", ":", "-."]

#: What legends call the score of predicting train's most frequent class; it comes last in them.
BASELINE = "majority class"
#: Height of a line of a legend, in inches.
LEGEND_LINE = 0.16
#: Font size of small marks inside a panel, in points.
MARK_SIZE = 6

#: A line of text across two columns of a paper, in inches.
WIDTH = 7.0

mpl.rcParams.update(
    {
        "font.family": "sans-serif",
        "font.sans-serif": ["DejaVu Sans"],  # comes with matplotlib: the same on every machine
        "font.size": 8,
        "axes.titlesize": 8.5,
        "axes.labelsize": 8,
        "legend.fontsize": 7.5,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.axisbelow": True,
        "axes.grid": True,
        "axes.grid.axis": "y",
        "grid.color": "#dddddd",
        "grid.linewidth": 0.6,
        "legend.frameon": False,
        "hatch.linewidth": 0.5,
        "pdf.fonttype": 42,  # TrueType: journals refuse matplotlib's own Type 3
        "svg.hashsalt": "tunegrid",  # without it the ids of elements are random
        "figure.constrained_layout.use": True,
    }
)

#: The metadata that keep dates and versions out of a file, by its suffix.
UNDATED = {
    ".png": {"Software": None},
    ".svg": {"Date": None, "Creator": None},
    ".pdf": {"CreationDate": None, "Creator": None, "Producer": None},
}

#: What error bars may show: column of the summary → what legends call it.
ERROR_BARS = {"sd": "standard deviation", "variance": "variance"}

#: A (model, method) pair, which is drawn in one look.
Series = tuple[str, str]


@dataclass(frozen=True)
class Look:
    """How a series is drawn, in matplotlib's words."""

    color: str
    hatch: str
    marker: str
    linestyle: str


def series_of(table: pd.DataFrame) -> list[Series]:
    """The (model, method) pairs of a table, in its order."""
    return list(table[["model", "method"]].drop_duplicates().itertuples(index=False, name=None))


def series_label(model: str, method: str, models: Sequence[str]) -> str:
    """What a legend calls a series: the model is left out if the figure has only one."""
    return method if len(models) == 1 else f"{model} · {method}"


def series_looks(series: Sequence[Series]) -> dict[Series, Look]:
    """The look of each (model, method).

    If there are several models, and of neither models nor methods more than colours, the colour
    tells the model, and hatch, marker and line tell the method. Otherwise colours and shapes are
    dealt out so that the first 36 series differ, and the first 6 differ in both.
    """
    models = list(dict.fromkeys(model for model, _ in series))
    methods = list(dict.fromkeys(method for _, method in series))
    kinds = len(COLOURS)
    by_position = len(models) == 1 or max(len(models), len(methods)) > kinds
    looks = {}
    for position, (model, method) in enumerate(series):
        colour, shape = models.index(model), methods.index(method)
        if by_position:
            # One shape further in each round of colours.
            colour, shape = position, position + position // kinds
        looks[model, method] = Look(
            color=COLOURS[colour % kinds],
            hatch=HATCHES[shape % len(HATCHES)],
            marker=MARKERS[shape % len(MARKERS)],
            linestyle=LINES[shape % len(LINES)],
        )
    return looks


def models_note(models: Sequence[str]) -> str:
    """`<model>; ` if there is only one, which the labels of the series then leave out."""
    return f"{models[0]}; " if len(models) == 1 else ""


def seeds_note(counts: pd.Series) -> str:
    """`5 seeds`, or `2 to 5 seeds` if groups differ."""
    fewest, most = int(counts.min()), int(counts.max())
    if fewest != most:
        return f"{fewest} to {most} seeds"
    return "1 seed" if most == 1 else f"{most} seeds"


def error_note(error_bar: str, counts: pd.Series) -> str:
    """What a legend says of the error bars, or why there are none.

    Args:
        error_bar: a key of `ERROR_BARS`.
        counts: the runs of each group.
    """
    if counts.max() < 2:
        return "no error bars: one seed each"
    return f"error bars: ± {ERROR_BARS[error_bar]} over {seeds_note(counts[counts > 0])} (n−1)"


def place_legend(figure: Figure, panels: Sequence[Axes], title: str) -> None:
    """Put the legend above the panels, in as many columns as its labels have room for.

    The figure grows by the lines of the legend, so that the panels keep their size.

    Args:
        figure: the figure that holds the panels.
        panels: what they label stands in the legend once, in the order of its first occurrence.
        title: stands above the labels.
    """
    handles: dict[str, Artist] = {}
    for axes in panels:
        drawn, names = axes.get_legend_handles_labels()
        handles |= dict(zip(names, drawn, strict=True))
    # A stable sort, by which the baseline comes last.
    labels = sorted(handles, key=lambda label: label == BASELINE)
    characters = 115 * figure.get_figwidth() / WIDTH  # of a line of the legend
    longest = max(len(label) for label in labels) + 9  # with the handle and the gaps
    columns = min(max(1, int(characters // longest)), len(labels))
    lines = math.ceil(len(labels) / columns) + title.count("\n")
    figure.set_figheight(figure.get_figheight() + LEGEND_LINE * (lines - 1))
    legend = figure.legend(
        [handles[label] for label in labels],
        labels,
        loc="outside upper center",
        ncols=columns,
        title=title,
    )
    legend.get_title().set(fontsize=7.5, multialignment="center")


def empty_figure(why: str) -> Figure:
    """A figure that says why it shows nothing."""
    figure, axes = plt.subplots(figsize=(WIDTH, 1.0))
    axes.axis("off")
    axes.text(0.5, 0.5, why, ha="center", va="center")
    return figure


def save(figure: Figure, outputs: Sequence[Path], dpi: int) -> None:
    """Write the figure to each path, in the format of its suffix, without dates.

    Equal figures give equal files.

    Args:
        figure: it is closed afterwards.
        outputs: paths that end in `.png`, `.svg` or `.pdf`.
        dpi: dots per inch of PNG files.
    """
    for path in outputs:
        with atomic_path(path) as temporary:
            figure.savefig(temporary, dpi=dpi, metadata=UNDATED[path.suffix])
    plt.close(figure)
