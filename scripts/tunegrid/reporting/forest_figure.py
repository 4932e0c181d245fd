"""What is lost, in one picture: every difference from the reference with its intervals."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, Polygon

from tunegrid.metrics import Metric
from tunegrid.reporting.answer_table import choose_answers, margin_of
from tunegrid.reporting.comparisons_table import NOTHING_NOTE
from tunegrid.reporting.difference_format import DifferenceFormat
from tunegrid.reporting.figure_style import COLOURS, WIDTH, empty_figure
from tunegrid.reporting.forest_panels import ForestPanel, ForestRow, forest_panels
from tunegrid.statistics.verdicts import Verdict

#: Height of a row, of what stands above each panel, and of legend and axis together, in inches.
ROW_HEIGHT = 0.17
PANEL_AROUND = 0.32
HEIGHT_AROUND = 0.75
#: Height of the numbers and the name of a further axis, in inches.
AXIS_HEIGHT = 0.4
#: Half the height of the diamond of a mean over tasks, in rows.
DIAMOND = 0.36
#: The axis reaches to so many times the largest difference (or margin); what is longer is cut.
MOST_REACH = 4.0
#: Free room beyond the longest interval, as a share of the axis.
ROOM = 0.04
#: A panel of so many rows has its axis above it, too.
TALL = 40
GREY = "#777777"


@dataclass(frozen=True)
class VerdictLook:
    """How a verdict is drawn.

    Attributes:
        color: of marker, lines and word.
        marker: in matplotlib's words.
        filled: whether the marker is.
    """

    color: str
    marker: str
    filled: bool = True


LOOKS = {
    Verdict.BETTER: VerdictLook(color=COLOURS[2], marker=">"),
    Verdict.WORSE: VerdictLook(color=COLOURS[5], marker="<"),
    Verdict.SAME: VerdictLook(color=COLOURS[0], marker="s"),
    Verdict.UNTOLD: VerdictLook(color=GREY, marker="o", filled=False),
    Verdict.IDENTICAL: VerdictLook(color=COLOURS[0], marker="|", filled=False),
    Verdict.ONE_SEED: VerdictLook(color=GREY, marker="x", filled=False),
}


def plot_forest(panels: Sequence[ForestPanel], margin: float, width: float = WIDTH) -> Figure:
    """Draw the differences of each task's main metric from the reference, a panel for each model.

    A thick line is the 95 % interval of a difference alone, a thin line the interval that the
    verdict is read from, a diamond the mean over tasks with its 95 % interval, the grey band what
    counts as the same.

    Args:
        panels: as `forest_panels` returns them.
        margin: below which a difference counts as none, of metrics that have a range; not a
            number if there is none.
        width: of the figure, in inches; its height grows with the rows.
    """
    if not panels:
        return empty_figure(NOTHING_NOTE)
    axis_names = [panel.axis for panel in panels]
    further_axes = len(set(axis_names)) - 1
    heights = [PANEL_AROUND + ROW_HEIGHT * len(panel.rows) for panel in panels]
    figure, grid = plt.subplots(
        len(panels),
        1,
        figsize=(width, HEIGHT_AROUND + AXIS_HEIGHT * further_axes + sum(heights)),
        height_ratios=heights,
        squeeze=False,
    )
    for name in dict.fromkeys(axis_names):
        drawn = [
            (axes, panel)
            for axes, panel, of_panel in zip(grid[:, 0], panels, axis_names, strict=True)
            if of_panel == name
        ]
        _draw_axis(drawn, margin)
    figure.legend(
        handles=_legend_handles(panels, margin),
        loc="outside upper center",
        ncols=2 if width < WIDTH else 4,
        handlelength=1.6,
        columnspacing=1.2,
        fontsize=7,
    )
    return figure


def draw_forest(comparisons: pd.DataFrame, overall: pd.DataFrame) -> Figure:
    """The whole picture of a grid.

    Args:
        comparisons: as compare_methods returns it.
        overall: as `compare_over_tasks` returns it.
    """
    _, answers = choose_answers(comparisons, overall)
    return plot_forest(forest_panels(answers), margin_of(comparisons))


def _draw_axis(drawn: Sequence[tuple[Axes, ForestPanel]], margin: float) -> None:
    """Draw the panels of one axis, which the lowest of them numbers and names.

    Args:
        drawn: the panels from the top, and where each is drawn.
        margin: as of `plot_forest`.
    """
    metric = drawn[0][1].metric
    if not metric.bounded:
        margin = math.nan
    lowest, _ = drawn[-1]
    reach = _find_reach([row for _, panel in drawn for row in panel.rows], margin)
    for axes, panel in drawn:
        if axes is not lowest:
            axes.sharex(lowest)
        _draw_panel(axes, panel, margin, reach, DifferenceFormat.of(metric))
        axes.tick_params(axis="x", labelbottom=axes is lowest)
    others = list(dict.fromkeys(other for _, panel in drawn for other in panel.others))
    lowest.set_xlabel(_axis_label(metric, others))


def _draw_panel(
    axes: Axes,
    panel: ForestPanel,
    margin: float,
    reach: tuple[float, float],
    style: DifferenceFormat,
) -> None:
    """Draw the rows of a panel from its top."""
    low, high = (style.factor * end for end in reach)
    if not pd.isna(margin):
        size = style.factor * margin
        axes.axvspan(-size, size, color="#e9e9e9", linewidth=0, zorder=0)
    axes.axvline(0, color="black", linewidth=0.8, zorder=1)
    for at, row in enumerate(panel.rows):
        _draw_row(axes, at, row, (low, high), style)
    axes.set_xlim(low, high)
    axes.set_ylim(len(panel.rows) - 0.4, -0.6)
    axes.set_yticks(range(len(panel.rows)), [row.label for row in panel.rows], fontsize=7.5)
    for label, row in zip(axes.get_yticklabels(), panel.rows, strict=True):
        if row.is_overall or row.values is None:
            label.set_fontweight("bold")
    axes.tick_params(axis="y", length=0)
    if len(panel.rows) >= TALL:
        axes.tick_params(axis="x", top=True, labeltop=True)
    axes.grid(visible=False, axis="y")
    axes.grid(visible=True, axis="x")
    axes.spines["left"].set_visible(False)
    against = f", against {' or '.join(panel.others)}" if panel.others else ""
    axes.set_title(f"{panel.title}{against}", loc="left")


def _draw_row(
    axes: Axes, at: int, row: ForestRow, ends: tuple[float, float], style: DifferenceFormat
) -> None:
    """Draw one difference: its intervals, its marker, and its verdict at the right."""
    values = row.values
    if values is None:
        return
    look = LOOKS.get(values.verdict)
    axes.text(
        1.01,
        at,
        values.verdict,
        transform=axes.get_yaxis_transform(),
        color=look.color if look else GREY,
        fontsize=7.5,
        fontweight="bold" if row.is_overall else "normal",
        va="center",
    )
    if look is None:
        return
    x = style.factor * values.difference
    if not pd.isna(values.verdict_low):
        whole = style.factor * values.verdict_low, style.factor * values.verdict_high
        alone = style.factor * values.low, style.factor * values.high
        _draw_interval(axes, at, whole, ends, look, linewidth=0.8)
        if row.is_overall:
            corners = [(alone[0], at), (x, at - DIAMOND), (alone[1], at), (x, at + DIAMOND)]
            axes.add_patch(Polygon(corners, facecolor=look.color, linewidth=0, zorder=3))
            return
        _draw_interval(axes, at, alone, ends, look, linewidth=2.4)
    axes.plot(
        [x],
        [at],
        marker=look.marker,
        markersize=5.5,
        markerfacecolor=look.color if look.filled else "white",
        markeredgecolor=look.color,
        linestyle="none",
        zorder=4,
    )


def _draw_interval(
    axes: Axes,
    at: int,
    interval: tuple[float, float],
    ends: tuple[float, float],
    look: VerdictLook,
    linewidth: float,
) -> None:
    """Draw a line from end to end; an arrow where it goes on beyond the axis."""
    low, high = interval
    left, right = ends
    axes.plot(
        [max(low, left), min(high, right)],
        [at, at],
        color=look.color,
        linewidth=linewidth,
        solid_capstyle="butt",
        zorder=2,
    )
    for beyond, x, marker in ((low < left, left, "<"), (high > right, right, ">")):
        if beyond:
            axes.plot(
                [x],
                [at],
                marker=marker,
                markersize=3.5,
                color=look.color,
                clip_on=False,
                linestyle="none",
            )


def _find_reach(rows: Sequence[ForestRow], margin: float) -> tuple[float, float]:
    """The ends of the axis, in the metric's unit: every difference is on it, and 0.

    Intervals that are very much longer than the differences, as those of two seeds can be, are cut
    so that the others can still be read.
    """
    known = [row.values for row in rows if row.values is not None]
    differences = [row.difference for row in known if not pd.isna(row.difference)]
    intervals = [row for row in known if not pd.isna(row.verdict_low)]
    least = 0.0 if pd.isna(margin) else margin
    largest = max([abs(difference) for difference in differences] + [least])
    most = MOST_REACH * largest if largest > 0 else 1.0
    # The interval of a verdict is never narrower than that of the difference alone.
    lows = [row.verdict_low for row in intervals]
    highs = [row.verdict_high for row in intervals]
    low = max(min([*lows, *differences, -2 * least]), -most)
    high = min(max([*highs, *differences, 2 * least]), most)
    room = ROOM * (high - low) or 1.0
    return low - room, high + room


def _axis_label(metric: Metric, others: Sequence[str]) -> str:
    """What the axis shows, and which side of it is good."""
    other = others[0] if len(others) == 1 else "what it is compared with"
    left, right = ("worse", "better") if metric.higher_is_better else ("better", "worse")
    return (
        f"← {left}      {DifferenceFormat.of(metric).axis_label}: method − {other}      {right} →"
    )


def _legend_handles(panels: Sequence[ForestPanel], margin: float) -> list[Artist]:
    """What the lines, the diamond and the band mean; only what is drawn."""
    rows = [row for panel in panels for row in panel.rows]
    handles: list[Artist] = []
    if any(row.values is not None and not pd.isna(row.values.verdict_low) for row in rows):
        handles += [
            Line2D([], [], color=GREY, linewidth=2.4, label="95 % interval alone"),
            Line2D([], [], color=GREY, linewidth=0.8, label="interval of the verdict"),
        ]
    if any(row.is_overall for row in rows):
        handles.append(
            Line2D(
                [], [], color=GREY, marker="D", markersize=5, linestyle="none",
                label="mean over the tasks",
            )
        )  # fmt: skip
    ranged = [panel.metric for panel in panels if panel.metric.bounded]
    if ranged and not pd.isna(margin):
        style = DifferenceFormat.of(ranged[0])
        handles.append(Patch(color="#e9e9e9", label=f"the same: ± {style.margin(margin)}"))
    return handles
