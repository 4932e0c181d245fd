"""The expected best score on dev against the number of candidates."""

import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from tunegrid.metrics import METRICS
from tunegrid.reporting.figure_style import Look, empty_figure, models_note, place_legend
from tunegrid.reporting.tuning_panels import (
    arrange_panels,
    method_looks,
    name_score,
    split_into_panels,
)
from tunegrid.tuning.budget import best_by_budget
from tunegrid.tuning.tuning_rows import candidates_of

#: Height of a row of panels, in inches.
ROW_HEIGHT = 2.2
#: Of the range of the lines, the room below and above them.
ROOM = 0.25
#: Of the distance between two numbers of candidates, the share that all methods take together.
FILLED = 0.5


def plot_budget(rows: pd.DataFrame) -> Figure:
    """Draw what the best of n candidates is expected to score on dev, a panel for each choice.

    A line is a method; the upright lines hold 95 % of all ways to draw n of its candidates, and
    stand side by side (`tunegrid.tuning.budget.best_by_budget`).

    Args:
        rows: as `tunegrid.tuning.tuning_rows.collect_tuning` returns them. Where candidates were
            stopped early, the figure says that nothing can be drawn.
    """
    if rows.empty:
        return empty_figure("no method is tuned yet")
    if rows["stopped"].any():
        return empty_figure(
            "with halving, candidates that were stopped early have no score of all their epochs"
        )
    panels = split_into_panels(candidates_of(rows), on="chosen_on")
    looks = method_looks(rows)
    figure, grid = arrange_panels(panels, ROW_HEIGHT)
    for panel, axes in zip(panels, grid, strict=True):
        for position, method in enumerate(panel.methods):
            of_method = panel.rows[panel.rows["method"] == method]
            middle = (len(panel.methods) - 1) / 2
            offset = FILLED * (position - middle) / max(1, len(panel.methods) - 1)
            _draw_method(axes, of_method, looks[method], offset)
        _fit_lines(axes)
    grid[0].set_xlim(0.5, int(rows["candidate"].max()) + 0.5)
    grid[0].xaxis.set_major_locator(MaxNLocator(8, integer=True))
    figure.supxlabel("Candidates tried", fontsize=8)
    figure.supylabel(name_score(rows, "Expected best dev"), fontsize=8)
    further: dict[str, Artist] = {}
    for method, look in looks.items():
        further[method] = Line2D([], [], color=look.color, marker=look.marker, markersize=4)
        further[method].set(linestyle=look.linestyle)
    title = models_note(list(rows["model"].unique()))
    title += "upright: 95 % of all ways to draw so many of the candidates that were tried"
    place_legend(figure, [], title, further)
    return figure


def _fit_lines(axes: Axes) -> None:
    """Show the range of the lines; intervals that reach further end at the panel's edge."""
    drawn = np.concatenate([np.asarray(line.get_ydata(), dtype=float) for line in axes.lines])
    values = drawn[np.isfinite(drawn)]
    if values.size:
        room = ROOM * float(np.ptp(values)) or 0.01
        axes.set_ylim(values.min() - room, values.max() + room)
    axes.yaxis.set_major_locator(MaxNLocator(5))


def _draw_method(axes: Axes, candidates: pd.DataFrame, look: Look, offset: float) -> None:
    """Draw a method's line, with an interval at each number of candidates.

    Args:
        axes: where it is drawn.
        candidates: of the method, a row each.
        look: of the method.
        offset: of its intervals from the number of candidates.
    """
    scores = [None if pd.isna(mean) else float(mean) for mean in candidates["mean"]]
    best = best_by_budget(scores, METRICS[candidates["metric"].iloc[0]])
    places = [one.candidates + offset for one in best]
    axes.vlines(
        places,
        [one.low for one in best],
        [one.high for one in best],
        color=look.color,
        linewidth=1.0,
        alpha=0.6,
    )
    axes.plot(
        places,
        [one.expected for one in best],
        color=look.color,
        marker=look.marker,
        linestyle=look.linestyle,
        markersize=3.2,
        linewidth=1.1,
    )
