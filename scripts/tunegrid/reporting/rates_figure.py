"""How much the score on dev of each method depends on its learning rate."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, MaxNLocator, NullFormatter

from tunegrid.reporting.figure_style import Look, empty_figure, models_note, place_legend
from tunegrid.reporting.tuning_panels import (
    arrange_panels,
    method_looks,
    name_score,
    split_into_panels,
)
from tunegrid.reporting.tuning_table import format_setting
from tunegrid.results import GROUP
from tunegrid.tuning.tuning_rows import SETTING, tried_settings

RATE = "learning_rate"
#: Height of a row of panels, in inches.
ROW_HEIGHT = 2.8
#: Sizes of the points, in points of type: the least, and what a larger value of another setting
#: adds at most; of a ring around the chosen one, more than its point.
LEAST_SIZE, MOST_ADDED, RING = 3.0, 2.4, 4.0
#: So many values of a list have each a place, in which methods stand side by side; of more, and of
#: values that are drawn from a range, the axis is one of numbers. Of a place, the share that all
#: methods take together.
MOST_PLACES, FILLED = 6, 0.6
#: How faint a candidate is drawn that was stopped early.
FAINT = 0.35
#: A setting that varies by this factor or more has a logarithmic axis.
LOGARITHMIC_FROM = 10.0
#: Figures write no formulas.
SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


@dataclass(frozen=True)
class Axis:
    """What the panels are drawn against.

    Attributes:
        key: the setting.
        values: those that were tried, which have places 0, 1, …; empty where they stand on the
            axis as numbers.
        other: a further setting that was tried, which the sizes of the points tell; empty: none.
        others: the values of this one in their order.
    """

    key: str
    values: Sequence[Any]
    other: str
    others: Sequence[Any]

    @classmethod
    def of(cls, rows: pd.DataFrame) -> "Axis":
        """The learning rate; else the first setting that is a number; else the first of all."""
        settings = tried_settings(rows)
        numeric = [key for key in settings if pd.api.types.is_numeric_dtype(rows[SETTING + key])]
        key = RATE if RATE in settings else [*numeric, *settings][0]
        others = [one for one in [*numeric, *settings] if one != key]
        other = next((one for one in others if rows[SETTING + one].nunique() > 1), "")
        values = sorted(rows[SETTING + key].dropna().unique())
        # Values that are drawn from a range differ in all candidates of a method.
        tried = rows.drop_duplicates([*GROUP, "candidate"]).groupby(GROUP)[SETTING + key]
        is_listed = bool((tried.count() > tried.nunique()).any()) and len(values) <= MOST_PLACES
        return cls(
            key=key,
            values=values if is_listed or key not in numeric else [],
            other=other,
            others=sorted(rows[SETTING + other].dropna().unique()) if other else [],
        )

    def place(self, candidate: Any, offset: float) -> float:
        """Where a candidate stands on the axis: in a place, off its middle, or at its number."""
        value = candidate[SETTING + self.key]
        return self.values.index(value) + offset if self.values else float(value)

    def size(self, candidate: Any) -> float:
        """The size of a candidate's point, larger for a larger value of the other setting."""
        if not self.other or candidate[SETTING + self.other] not in self.others:
            return LEAST_SIZE
        rank = self.others.index(candidate[SETTING + self.other])
        return LEAST_SIZE + MOST_ADDED * rank / max(1, len(self.others) - 1)


def plot_rates(rows: pd.DataFrame) -> Figure:
    """Draw the score on dev of every candidate against its learning rate, a panel for each task.

    A point is a candidate's mean over the seeds of tuning, the upright line through it goes from
    its least to its greatest seed. The chosen one has a ring; those that are told from it are
    hollow; a cross has a degenerate run; those that were stopped early are faint. Candidates that
    are alike in the other setting are joined.

    Args:
        rows: as `tunegrid.tuning.tuning_rows.collect_tuning` returns them. Where the learning rate
            is not tuned, the first other setting takes its place.
    """
    if rows.empty:
        return empty_figure("no method is tuned yet")
    axis = Axis.of(rows)
    rows = rows[rows[SETTING + axis.key].notna()]
    panels = split_into_panels(rows, on="task")
    looks = method_looks(rows)
    figure, grid = arrange_panels(panels, ROW_HEIGHT)
    for panel, axes in zip(panels, grid, strict=True):
        for position, method in enumerate(panel.methods):
            of_method = panel.rows[panel.rows["method"] == method]
            offset = FILLED * ((position + 0.5) / len(panel.methods) - 0.5)
            _draw_method(axes, of_method, axis, looks[method], offset)
        axes.yaxis.set_major_locator(MaxNLocator(5))
    _finish_axis(grid, axis, rows)
    figure.supxlabel(_name_setting(axis.key), fontsize=8)
    figure.supylabel(name_score(rows, "Dev"), fontsize=8)
    further: dict[str, Artist] = {
        method: Line2D([], [], color=look.color, marker=look.marker, linestyle="", markersize=5)
        for method, look in looks.items()
    }
    place_legend(figure, [], _explain(rows, axis), further)
    return figure


def _draw_method(axes: Axes, rows: pd.DataFrame, axis: Axis, look: Look, offset: float) -> None:
    """Draw the candidates of a method on a task.

    Args:
        axes: where they are drawn.
        rows: of the method and task.
        axis: what they are drawn against.
        look: of the method.
        offset: of the method from the middle of a place.
    """
    points = []
    for _, runs in rows.groupby("candidate", sort=False):
        first = runs.iloc[0]
        points.append(
            {
                "place": axis.place(first, offset),
                "size": axis.size(first),
                "mean": runs["score"].mean(skipna=False),
                "low": runs["score"].min(),
                "high": runs["score"].max(),
                "chosen": bool(first["chosen"]),
                "told": bool(first["told"]),
                "degenerate": bool(runs["degenerate"].any()),
                "stopped": bool(first["stopped"]),
            }
        )
    points.sort(key=lambda point: (point["size"], point["place"]))
    sizes = [] if axis.values else dict.fromkeys(point["size"] for point in points)
    for size in sizes:
        alike = [point for point in points if point["size"] == size and not point["stopped"]]
        axes.plot(
            [point["place"] for point in alike],
            [point["mean"] for point in alike],
            color=look.color,
            linewidth=0.7,
            alpha=0.5,
            zorder=1,
        )
    for point in points:
        _draw_point(axes, point, look)


def _draw_point(axes: Axes, point: dict[str, Any], look: Look) -> None:
    """Draw a candidate with the spread of its seeds."""
    alpha = FAINT if point["stopped"] else 1.0
    axes.vlines(
        point["place"],
        point["low"],
        point["high"],
        color=look.color,
        linewidth=1.0,
        alpha=alpha,
        zorder=2,
    )
    axes.plot(
        point["place"],
        point["mean"],
        color=look.color,
        marker="x" if point["degenerate"] else look.marker,
        markersize=point["size"],
        markerfacecolor="white" if point["told"] else look.color,
        markeredgewidth=0.9,
        linestyle="",
        alpha=alpha,
        zorder=3,
    )
    if point["chosen"]:
        axes.plot(
            point["place"],
            point["mean"],
            color="black",
            marker="o",
            markersize=point["size"] + RING,
            markerfacecolor="none",
            markeredgewidth=0.9,
            linestyle="",
            zorder=4,
        )


def _finish_axis(grid: Sequence[Axes], axis: Axis, rows: pd.DataFrame) -> None:
    """Number the axis of the setting: by factors, evenly, or by the values' own names."""
    first = grid[0]
    if axis.values:
        names = [format_setting(axis.key, value) for value in axis.values]
        first.set_xticks(range(len(axis.values)), names)
        first.set_xlim(-0.5, len(axis.values) - 0.5)
        return
    values = rows[SETTING + axis.key].astype(float)
    if values.min() > 0 and values.max() / values.min() >= LOGARITHMIC_FROM:
        for axes in grid:
            axes.set_xscale("log")
            axes.xaxis.set_major_formatter(FuncFormatter(_format_power))
            axes.xaxis.set_minor_formatter(NullFormatter())
        room = (values.max() / values.min()) ** 0.04
        if room > 1:
            first.set_xlim(values.min() / room, values.max() * room)
    else:
        first.xaxis.set_major_locator(MaxNLocator(5, integer=bool((values % 1 == 0).all())))


def _explain(rows: pd.DataFrame, axis: Axis) -> str:
    """What points, lines and sizes are, for the title of the legend."""
    seeds = rows["seed"].nunique()
    points = ["ring: the chosen candidate", "hollow: told from it on dev"]
    points += ["×: a degenerate run"] if rows["degenerate"].any() else []
    points += ["faint: stopped early, after fewer epochs"] if rows["stopped"].any() else []
    further = [f"upright: least to greatest of {seeds} seeds"] if seeds > 1 else []
    if axis.other:
        values = ", ".join(format_setting(axis.other, value) for value in axis.others[:4])
        more = ", …" if len(axis.others) > 4 else ""
        further.append(f"small to large: {_name_setting(axis.other).lower()} {values}{more}")
    if _count_varied(rows) > 2:
        further.append("further settings vary, too")
    note = models_note(list(rows["model"].unique())) + "; ".join(points)
    return f"{note}\n{'; '.join(further)}".rstrip()


def _count_varied(rows: pd.DataFrame) -> int:
    return sum(rows[SETTING + key].nunique() > 1 for key in tried_settings(rows))


def _format_power(value: float, _: int) -> str:
    """A number of a logarithmic axis: a power of ten, or the number itself."""
    exponent = math.log10(value)
    if not exponent.is_integer():
        return f"{value:g}"
    return f"10{str(round(exponent)).translate(SUPERSCRIPTS)}"


def _name_setting(key: str) -> str:
    return key.replace("_", " ").capitalize()
