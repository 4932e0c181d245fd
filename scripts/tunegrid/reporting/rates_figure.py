"""How much the score on dev of each method depends on its learning rate."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator, NullFormatter

from tunegrid.metrics import METRICS
from tunegrid.reporting.figure_style import Look, empty_figure, models_note, place_legend
from tunegrid.reporting.tuning_panels import arrange_panels, method_looks, split_into_panels
from tunegrid.tuning.tuning_rows import SETTING, tried_settings

RATE = "learning_rate"
#: Sizes of the points, in points of type: the least, and what a larger value of another setting
#: adds at most; of a ring around the chosen one, more than its point.
LEAST_SIZE, MOST_ADDED, RING = 3.2, 3.0, 4.5
#: A setting that varies by this factor or more has a logarithmic axis.
LOGARITHMIC_FROM = 20.0


@dataclass(frozen=True)
class Axis:
    """What the panels are drawn against.

    Attributes:
        key: the setting.
        values: of a setting that is no number: those that were tried, which have places 0, 1, …
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
        tried = rows[f"{SETTING}{other}"].dropna().unique() if other else []
        return cls(
            key=key,
            values=[] if key in numeric else list(rows[SETTING + key].dropna().unique()),
            other=other,
            others=sorted(tried),
        )

    def place(self, candidate: Any) -> float:
        """Where a candidate stands on the axis."""
        value = candidate[SETTING + self.key]
        return float(self.values.index(value) if self.values else value)

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
    hollow; a cross has a degenerate run. Candidates that are alike in the other setting are joined.

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
    figure, grid = arrange_panels(panels)
    for panel, axes in zip(panels, grid, strict=True):
        for method in panel.methods:
            _draw_method(axes, panel.rows[panel.rows["method"] == method], axis, looks[method])
        axes.yaxis.set_major_locator(MaxNLocator(5))
    _finish_axis(grid, axis, rows)
    metric = METRICS[rows["metric"].iloc[0]]
    figure.supxlabel(_name_setting(axis.key), fontsize=8)
    figure.supylabel(metric.with_unit(f"Dev {metric.noun}"), fontsize=8)
    further: dict[str, Artist] = {
        method: Line2D([], [], color=look.color, marker=look.marker, linestyle="", markersize=5)
        for method, look in looks.items()
    }
    place_legend(figure, [], _explain(rows, axis), further)
    return figure


def _draw_method(axes: Axes, rows: pd.DataFrame, axis: Axis, look: Look) -> None:
    """Draw the candidates of a method on a task."""
    points = []
    for _, runs in rows.groupby("candidate", sort=False):
        first = runs.iloc[0]
        points.append(
            {
                "place": axis.place(first),
                "size": axis.size(first),
                "mean": runs["score"].mean(skipna=False),
                "low": runs["score"].min(),
                "high": runs["score"].max(),
                "chosen": bool(first["chosen"]),
                "told": bool(first["told"]),
                "degenerate": bool(runs["degenerate"].any()),
            }
        )
    points.sort(key=lambda point: (point["size"], point["place"]))
    for size in dict.fromkeys(point["size"] for point in points):
        alike = [point for point in points if point["size"] == size]
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
    axes.vlines(
        point["place"], point["low"], point["high"], color=look.color, linewidth=1.0, zorder=2
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
        first.set_xticks(range(len(axis.values)), [str(value) for value in axis.values])
        first.set_xlim(-0.5, len(axis.values) - 0.5)
        return
    values = rows[SETTING + axis.key].astype(float)
    if values.min() > 0 and (axis.key == RATE or values.max() / values.min() >= LOGARITHMIC_FROM):
        for axes in grid:
            axes.set_xscale("log")
            axes.xaxis.set_minor_formatter(NullFormatter())
        room = (values.max() / values.min()) ** 0.04
        if room > 1:
            first.set_xlim(values.min() / room, values.max() * room)
    else:
        first.xaxis.set_major_locator(MaxNLocator(5, integer=bool((values % 1 == 0).all())))


def _explain(rows: pd.DataFrame, axis: Axis) -> str:
    """What points, lines and sizes are, for the title of the legend."""
    notes = "ring: the chosen candidate; hollow: told from it on dev, filled: not told"
    seeds = rows["seed"].nunique()
    if seeds > 1:
        notes += f"; upright: least to greatest of {seeds} seeds"
    if rows["degenerate"].any():
        notes += "; ×: a degenerate run"
    if axis.other:
        values = ", ".join(str(value) for value in axis.others[:4])
        more = ", …" if len(axis.others) > 4 else ""
        notes += f"\nlarger points: {_name_setting(axis.other).lower()} {values}{more}"
        if _count_varied(rows) > 2:
            notes += "; further settings vary, too (results/tuning.csv)"
    return f"{models_note(list(rows['model'].unique()))}{notes}"


def _count_varied(rows: pd.DataFrame) -> int:
    return sum(rows[SETTING + key].nunique() > 1 for key in tried_settings(rows))


def _name_setting(key: str) -> str:
    return key.replace("_", " ").capitalize()
