"""One look for all figures: colour-blind safe, readable in grey, the same bytes every time."""

import logging
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tunegrid.files import atomic_path
from tunegrid.metrics import Metric
from tunegrid.reporting.baseline_names import BASELINE_NAMES
from tunegrid.reporting.figure_text import FONT, measure_text, needs_further_fonts, wrap_text

#: Okabe & Ito's palette (https://jfly.uni-koeln.de/color/), without its yellow and black.
COLOURS = ["#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00"]
HATCHES = ["", "///", "...", "xxx", "\\\\\\", "+++"]
MARKERS = ["o", "s", "^", "D", "v", "P"]
LINES = ["-", "--", ":", "-."]

#: So many series are told apart by colour and shape in one panel, in the legend by their names. Of
#: more, methods stand on an axis or beside panels of their own.
MOST_TOGETHER = 12
#: Height of a line of a legend, and the width of a label's handle and gaps, in inches.
LEGEND_LINE, LEGEND_HANDLE = 0.16, 0.55
#: Font size of a legend and its title, and of small marks inside a panel, in points.
LEGEND_SIZE, MARK_SIZE = 7.5, 6

#: The largest side of a picture that matplotlib can draw.
MOST_PIXELS = 2**16 - 1

#: A line of text across two columns of a paper, in inches. Figures are as wide, and grow in height:
#: a print at that width keeps the size of their letters.
WIDTH = 7.0

mpl.rcParams.update(
    {
        "font.family": [FONT],
        "text.parse_math": False,  # a $ in a label is a $
        "text.hinting": "no_hinting",  # texts are as wide in PNG files as in PDF files
        "font.size": 8,
        "axes.titlesize": 8.5,
        "axes.labelsize": 8,
        "legend.fontsize": LEGEND_SIZE,
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

#: How the scores that cost nothing are drawn: column of the summary → line.
BASELINE_LINES: dict[str, dict[str, Any]] = {
    "majority_baseline": {"color": "black", "linestyle": "dashed"},
    "tfidf_baseline": {"color": "#777777", "linestyle": "dashdot"},
}

# It logs a hundred lines for each PDF file, among which a warning would not be seen.
logging.getLogger("fontTools").setLevel(logging.WARNING)

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


def split_note(metric: Metric) -> str:
    """What the name of an axis says behind a metric by which methods are compared."""
    return "test split" if metric.higher_is_better else "test split, less is better"


def place_legend(
    figure: Figure,
    panels: Sequence[Axes],
    title: str,
    further: Mapping[str, Artist] | None = None,
) -> None:
    """Put the legend above the panels, in as many columns as its labels have room for.

    The figure grows by the lines of the legend, so that the panels keep their size.

    Args:
        figure: the figure that holds the panels.
        panels: what they label stands in the legend once, in the order of its first occurrence;
            the baselines come last.
        title: stands above the labels; it is broken into lines where the figure ends.
        further: handles by label, which come after those of the panels.
    """
    handles: dict[str, Artist] = {}
    for axes in panels:
        drawn, names = axes.get_legend_handles_labels()
        handles |= dict(zip(names, drawn, strict=True))
    handles |= further or {}
    # A stable sort, by which the baselines come last.
    labels = sorted(handles, key=lambda label: label in BASELINE_NAMES)
    room = figure.get_figwidth() - 0.2
    title = wrap_text(figure, title, LEGEND_SIZE, room)
    columns = _legend_columns(figure, labels, room)
    lines = math.ceil(len(labels) / columns) + title.count("\n")
    figure.set_figheight(figure.get_figheight() + LEGEND_LINE * (lines - 1))
    legend = figure.legend(
        [handles[label] for label in labels],
        labels,
        loc="outside upper center" if figure.get_layout_engine() else "upper center",
        ncols=columns,
        title=title,
    )
    legend.get_title().set(fontsize=LEGEND_SIZE, multialignment="center")


def _legend_columns(figure: Figure, labels: Sequence[str], room: float) -> int:
    """In how many columns the labels of a legend fit, filled one after the other.

    Args:
        figure: that the legend will stand in.
        labels: in their order.
        room: in inches.
    """
    widths = [measure_text(figure, label, LEGEND_SIZE) + LEGEND_HANDLE for label in labels]
    for columns in range(len(labels), 1, -1):
        lines, longer = divmod(len(labels), columns)
        # matplotlib gives the first columns one label more, where they cannot be equal.
        ends = np.cumsum([lines + 1] * longer + [lines] * (columns - longer))
        parts = np.split(widths, ends[:-1])
        if sum(max(part) for part in parts) <= room:
            return columns
    return 1


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
        dpi: dots per inch of PNG files; of figures that would have more than `MOST_PIXELS` on a
            side it is less.
    """
    dpi = min(dpi, int(MOST_PIXELS / max(figure.get_size_inches())))
    # matplotlib embeds fonts with PostScript outlines, as CJK fonts have them, in Type 3 alone.
    font_type = 3 if needs_further_fonts(figure) else mpl.rcParams["pdf.fonttype"]
    with mpl.rc_context({"pdf.fonttype": font_type}):
        for path in outputs:
            with atomic_path(path) as temporary:
                figure.savefig(temporary, dpi=dpi, metadata=UNDATED[path.suffix])
    plt.close(figure)
