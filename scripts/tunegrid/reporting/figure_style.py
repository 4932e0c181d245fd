"""One look for all figures: colour-blind safe, readable in grey, the same bytes every time."""

import math
from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl

mpl.use("Agg")
import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.figure import Figure

from tunegrid.files import atomic_path

#: Okabe & Ito's palette (https://jfly.uni-koeln.de/color/), without its yellow and black.
COLOURS = ["#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00"]
HATCHES = ["", "///", "...", "xxx", "\\\\\\", "+++"]
MARKERS = ["o", "s", "^", "D", "v", "P"]
LINES = ["-", "--", ":", "-."]

#: What legends call the score of predicting train's most frequent class; it comes last in them.
BASELINE = "majority class"
#: Inches that a line of a legend takes.
LEGEND_LINE = 0.16

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
        "svg.hashsalt": "tunegrid",  # else element ids are random
        "figure.constrained_layout.use": True,
    }
)

#: What keeps dates and versions out of a file.
UNDATED = {
    ".png": {"Software": None},
    ".svg": {"Date": None, "Creator": None},
    ".pdf": {"CreationDate": None, "Creator": None, "Producer": None},
}

ERROR_BARS = {"sd": "standard deviation", "variance": "variance"}


def series_of(table: pd.DataFrame) -> list[tuple[str, str]]:
    """The (model, method) pairs of a table, in its order."""
    return list(table[["model", "method"]].drop_duplicates().itertuples(index=False, name=None))


def series_label(model: str, method: str, models: Sequence[str]) -> str:
    """What a legend calls a series: the model is left out where there is only one."""
    return method if len(models) == 1 else f"{model} · {method}"


def series_looks(series: Sequence[tuple[str, str]]) -> dict[tuple[str, str], dict[str, str]]:
    """`color`, `hatch`, `marker` and `linestyle` of each (model, method).

    Where there are several models, none of them and of the methods more than colours, the colour
    tells the model and the hatch, marker and line tell the method. Otherwise colours and shapes are
    dealt out so that the first 36 series differ, and the first 6 differ in both.
    """
    models = list(dict.fromkeys(model for model, _ in series))
    methods = list(dict.fromkeys(method for _, method in series))
    kinds = len(COLOURS)
    looks = {}
    for position, (model, method) in enumerate(series):
        colour, shape = models.index(model), methods.index(method)
        if len(models) == 1 or max(len(models), len(methods)) > kinds:
            colour, shape = position, position + position // kinds
        looks[model, method] = {
            "color": COLOURS[colour % kinds],
            "hatch": HATCHES[shape % len(HATCHES)],
            "marker": MARKERS[shape % len(MARKERS)],
            "linestyle": LINES[shape % len(LINES)],
        }
    return looks


def models_note(models: Sequence[str]) -> str:
    """`<model>; ` where there is only one, which series' labels then leave out."""
    return f"{models[0]}; " if len(models) == 1 else ""


def seeds_note(counts: pd.Series) -> str:
    """`5 seeds`, or `2 to 5 seeds` where groups differ."""
    low, high = int(counts.min()), int(counts.max())
    return f"{high} seed{'s' if high != 1 else ''}" if low == high else f"{low} to {high} seeds"


def error_note(error_bar: str, counts: pd.Series) -> str:
    """What a legend says of the error bars; what it says where one seed allows none."""
    if counts.max() < 2:
        return "no error bars: one seed each"
    return f"error bars: ± {ERROR_BARS[error_bar]} over {seeds_note(counts[counts > 0])} (n−1)"


def place_legend(
    figure: Figure, handles: Sequence[Artist], labels: Sequence[str], title: str
) -> None:
    """Put the legend above the panels, in as many columns as its labels have room for.

    The figure grows by its lines, so that the panels keep their size.
    """
    order = sorted(range(len(labels)), key=lambda at: labels[at] == BASELINE)
    handles, labels = [handles[at] for at in order], [labels[at] for at in order]
    characters = 115 * figure.get_figwidth() / WIDTH  # of a legend line, its handles included
    columns = min(max(1, int(characters // (max(map(len, labels)) + 9))), len(labels))
    lines = math.ceil(len(labels) / columns) + title.count("\n")
    figure.set_figheight(figure.get_figheight() + LEGEND_LINE * (lines - 1))
    legend = figure.legend(handles, labels, loc="outside upper center", ncols=columns, title=title)
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
    """
    for path in outputs:
        metadata = UNDATED[path.suffix]
        with atomic_path(path) as temporary:
            figure.savefig(temporary, dpi=dpi, metadata=metadata)
    plt.close(figure)
