"""Cost beside quality: what no mean beats at lower cost, and what is shown to be dominated."""

import math
import textwrap
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import LogLocator, MaxNLocator, NullFormatter

from tunegrid.metrics import METRICS, Metric
from tunegrid.reporting.baseline_names import group_by_axis, tasks_of_numbers
from tunegrid.reporting.figure_style import (
    LEGEND_LINE,
    MARK_SIZE,
    WIDTH,
    Look,
    Series,
    models_note,
    place_legend,
    seeds_note,
    series_label,
    series_looks,
    series_of,
    split_note,
)
from tunegrid.reporting.figure_text import wrap_text
from tunegrid.reporting.marks import explain_marks_in_legend, format_marks, name_absence
from tunegrid.results import GROUP
from tunegrid.statistics.costs import pareto_front
from tunegrid.statistics.domination import find_dominated


@dataclass(frozen=True)
class Cost:
    """A cost that is drawn.

    Attributes:
        column: of the table of costs; with `_sd` it is that of the standard deviation, if any.
        label: of the axis.
        unit: the axis shows the column's values divided by this.
    """

    column: str
    label: str
    unit: float


COSTS = [
    Cost(column="traced", label="step memory, traced (GB)", unit=1e9),
    Cost(column="train_seconds", label="training time (minutes)", unit=60.0),
]
#: Drawn, too, where runs have measured it.
COST_AT_USE = Cost(column="latency_at_use", label="one example at use (ms)", unit=1e-3)
#: From this ratio of the largest to the smallest cost on, the axis is logarithmic; from the second
#: one on, it numbers powers of ten alone.
LOG_FROM, DECADES_FROM = 20, 300
#: Below a panel stand so many of the series that it cannot show.
MOST_NAMED = 6
#: The most panels side by side, and the height of one, in inches.
MOST_COLUMNS, ROW_HEIGHT = 3, 2.3
#: Font size of what stands below a panel, in points, and the width of what stands beside one, in
#: inches.
BELOW_SIZE, BESIDE = 7.5, 0.35
#: The most series that differ in their look. Of more, the legend names one of model and method, and
#: numbers stand for the other.
MOST_LOOKS = 36
#: So many characters of the name of an axis of quality stand in a line where each task has its own.
LABEL_CHARACTERS = 26
#: Room beyond the outermost points and error bars, as a share of the axis.
ROOM = 0.08
#: How markers and the line are drawn.
POINT: dict[str, Any] = {"linestyle": "none", "markersize": 5.5, "markeredgewidth": 1.1}
SPARSE: dict[str, Any] = POINT | {"elinewidth": 0.7}
CROWDED: dict[str, Any] = POINT | {"markersize": 3, "markeredgewidth": 0.7, "elinewidth": 0.3}
LINE: dict[str, Any] = {"color": "#888888", "linewidth": 0.9}


@dataclass(frozen=True)
class _Key:
    """How the series of a figure are drawn and named.

    Attributes:
        looks: of each series.
        names: of each series, as texts beside a panel call it.
        numbers: of each series, for the list of those on the line; empty if looks tell them apart.
        legend: the handles of the legend, by label.
    """

    looks: dict[Series, Look]
    names: dict[Series, str]
    numbers: dict[Series, str]
    legend: dict[str, Artist]


def plot_pareto(costs: pd.DataFrame, summary: pd.DataFrame, comparisons: pd.DataFrame) -> Figure:
    """Draw main metrics against memory and time, a column of panels for each task.

    Where runs have measured what their models cost at use, a third row shows how long one example
    takes, with the method merged into the weights where it can be.

    A point is a model and method, the mean over seeds. Its upright bar is the 95 % interval of the
    mean over seeds and test examples, its lying bar ± one standard deviation of a run's cost over
    seeds (a traced cost has none). All panels share the axis of quality where all tasks have the
    same main metric in the same unit, else those of a task do; those of one cost share that cost's.
    The line joins
    the points whose mean no other point beats at lower cost. A hollow point is dominated
    (`find_dominated`).

    Args:
        costs: as `tunegrid.statistics.costs.cost` returns it.
        summary: as `tunegrid.statistics.summarise.summarise` returns it, for the intervals.
        comparisons: as `tunegrid.statistics.compare.compare_methods` returns them.
    """
    intervals = summary[summary["main"].astype(bool)]
    share_quality = _share_an_axis(costs, tasks_of_numbers(summary))
    costs = costs.merge(intervals[[*GROUP, "crossed_low", "crossed_high"]], on=GROUP, how="left")
    drawn = [*COSTS, *([COST_AT_USE] if COST_AT_USE.column in costs else [])]
    tasks = list(costs["task"].unique())
    key = _key_of(costs)
    lines = math.ceil(len(tasks) / MOST_COLUMNS)
    columns = math.ceil(len(tasks) / lines)
    figure, grid = plt.subplots(
        len(drawn) * lines,
        columns,
        figsize=(WIDTH, ROW_HEIGHT * len(drawn) * lines),
        sharey=share_quality,
        squeeze=False,
    )
    for axes in grid.flat:
        axes.axis("off")
    below = 0
    for place, task in enumerate(tasks):
        rows = costs[costs["task"] == task].reset_index(drop=True)
        metric = METRICS[rows["main_metric"].iloc[0]]
        for at, cost in enumerate(drawn):
            axes = grid[place // columns * len(drawn) + at, place % columns]
            axes.axis("on")
            dominated = set(find_dominated(rows, cost.column, comparisons, metric.name))
            lacking = _draw_panel(axes, rows, cost, key, dominated)
            axes.set_ylim(*_limits(costs if share_quality else rows))
            if not share_quality or place % columns == 0:
                axes.set_ylabel(
                    _name_quality(metric, most=None if share_quality else LABEL_CHARACTERS)
                )
            _scale_axis(
                axes, costs[cost.column] / cost.unit, _spreads(costs, cost), rows[cost.column]
            )
            width = WIDTH / columns - BESIDE
            lacking = [wrap_text(figure, line, BELOW_SIZE, width) for line in lacking]
            axes.set_xlabel("\n".join([cost.label, *lacking]), fontsize=BELOW_SIZE)
            below = max(below, sum(line.count("\n") + 1 for line in lacking))
            if at == 0:
                axes.set_title(task)
    figure.set_figheight(figure.get_figheight() + len(drawn) * lines * below * LEGEND_LINE)
    place_legend(figure, [], _legend_title(costs, key), key.legend)
    return figure


def _share_an_axis(costs: pd.DataFrame, numbers: Collection[str]) -> bool:
    """Whether one axis shows the quality of all tasks; `numbers` are the tasks of numbers."""
    mains = costs["main_metric"].unique()
    if len(mains) > 1:
        return False
    return len(group_by_axis(METRICS[mains[0]], list(costs["task"].unique()), numbers)) == 1


def _name_quality(metric: Metric, most: int | None) -> str:
    """The name of an axis of quality, in lines of at most so many characters; None: in one line."""
    title = metric.with_unit(metric.title)
    whole = f"{title}, {split_note(metric)}"
    if most is None or len(whole) <= most:
        return whole
    return "\n".join([*textwrap.wrap(f"{title},", most), split_note(metric)])


def _key_of(costs: pd.DataFrame) -> _Key:
    """How the series of the table of costs are drawn and named."""
    series = series_of(costs)
    models, methods = (list(costs[name].unique()) for name in ("model", "method"))
    names = {one: series_label(*one, models) for one in series}
    looks = series_looks(series)
    legend: dict[str, Artist] = {}
    numbers: dict[Series, str] = {}
    if len(series) <= MOST_LOOKS:
        legend |= {names[one]: _handle(looks[one]) for one in series}
    else:
        # The fewer ones, of models and methods, have looks; the others have numbers.
        numbered, of_look = (1, 0) if len(models) <= len(methods) else (0, 1)
        few, many = (models, methods) if numbered else (methods, models)
        look_of = series_looks([("", name) for name in few])
        looks = {one: look_of["", one[of_look]] for one in series}
        numbers = {one: str(many.index(one[numbered]) + 1) for one in series}
        legend |= {name: _handle(look_of["", name]) for name in few}
        legend |= {
            f"{number}  {name}": Line2D([], [], linestyle="none")
            for number, name in enumerate(many, start=1)
        }
    legend["dominated"] = Line2D(
        [], [], color="#444444", marker="o", markerfacecolor="white", **POINT
    )
    legend["best means"] = Line2D([], [], **LINE)
    return _Key(looks=looks, names=names, numbers=numbers, legend=legend)


def _handle(look: Look) -> Line2D:
    return Line2D([], [], color=look.color, marker=look.marker, **POINT)


def _legend_title(costs: pd.DataFrame, key: _Key) -> str:
    """What the points and the line are, and what a reader must know of the runs."""
    directions = {METRICS[name].higher_is_better for name in costs["main_metric"]}
    better = "better"
    if len(directions) == 1:
        better = "higher" if directions.pop() else "lower"
    models = list(costs["model"].unique())
    title = (
        f"{models_note(models)}{_explain_bars(costs)}\n"
        f"line, best means: no mean is {better} at lower cost, which may be chance\n"
        "hollow, dominated: one that costs less is shown to be better, or the same within the"
        " margin; filled: not told"
    )
    if key.numbers:
        title += (
            "\nbelow a panel stand the numbers of the points on its line; the others are named in"
            " the table cost"
        )
    shapes = costs.dropna(subset="traced").groupby("model")[["batch", "tokens"]].nunique()
    if (shapes > 1).any(axis=None):
        title += "\nsteps of unequal batch or length: see the table cost"
    return title + explain_marks_in_legend(costs)


def _explain_bars(costs: pd.DataFrame) -> str:
    """What the error bars are, for the title of the legend."""
    finished = costs.loc[costs["n"] > 0, "n"]
    if finished.empty:
        return "no run is finished"
    if finished.max() < 2:
        return "one seed each; upright bars: 95 % interval over test examples"
    return (
        f"means over {seeds_note(finished)}; upright bars: 95 % interval over seeds and test"
        " examples; lying bars: ± standard deviation of a run's time over seeds"
    )


def _spreads(rows: pd.DataFrame, cost: Cost) -> pd.Series:
    """The standard deviation of each row's cost over seeds; 0 where there is none."""
    if f"{cost.column}_sd" not in rows:
        return pd.Series(0.0, index=rows.index)
    return rows[f"{cost.column}_sd"].astype(float).fillna(0) / cost.unit


def _draw_panel(
    axes: Axes, rows: pd.DataFrame, cost: Cost, key: _Key, dominated: set[Series]
) -> list[str]:
    """Draw one task's points, and the line of those whose mean no other one beats.

    Args:
        axes: where they are drawn.
        rows: of the table of costs, of one task, with crossed_low and crossed_high.
        cost: which one.
        key: how each model and method is drawn.
        dominated: those that are drawn hollow.

    Returns:
        What stands below the panel: which numbers stand on the line, if the figure has numbers, and
        a text for each series that cannot be shown, with the reason.
    """
    metric = METRICS[rows["main_metric"].iloc[0]]
    scores = rows["quality"].astype(float)
    values = rows[cost.column].astype(float) / cost.unit
    front = pareto_front(values, scores if metric.higher_is_better else -scores)
    axes.plot(values.iloc[front], scores.iloc[front], drawstyle="steps-post", zorder=1, **LINE)
    ends = rows[["crossed_low", "crossed_high"]].astype(float)
    ends = ends.fillna({"crossed_low": scores, "crossed_high": scores})
    bars = np.array([scores - ends["crossed_low"], ends["crossed_high"] - scores]).clip(min=0)
    spreads = _spreads(rows, cost)
    lacking = []
    for at, row in enumerate(rows.itertuples()):
        one = (row.model, row.method)
        look = key.looks[one]
        known = pd.notna(values[at]) and pd.notna(scores[at])
        if name_absence(row):
            lacking.append(f"{key.names[one]}: {name_absence(row)}")
        elif not known and values.notna().any():
            lacking.append(f"{key.names[one]}: not known")
        if not known:
            continue
        axes.errorbar(
            [values[at]],
            [scores[at]],
            xerr=[spreads[at]],
            yerr=bars[:, [at]],
            color=look.color,
            marker=look.marker,
            markerfacecolor="white" if one in dominated else look.color,
            **(CROWDED if key.numbers else SPARSE),
        )
        if format_marks(row) and not key.numbers:
            axes.annotate(
                format_marks(row),
                xy=(values[at], scores[at]),
                xytext=(4, -7),
                textcoords="offset points",
                fontsize=MARK_SIZE,
            )
    if len(lacking) > MOST_NAMED:
        lacking[MOST_NAMED:] = [f"and {len(lacking) - MOST_NAMED} more"]
    if not key.numbers or not front:
        return lacking
    numbers = [key.numbers[series] for series in series_of(rows.iloc[front])]
    return [f"on the line, from the left: {' '.join(numbers)}", *lacking]


def _limits(costs: pd.DataFrame) -> tuple[float, float]:
    """The ends of the axis of quality: all points with their error bars, and some room."""
    ends = costs[["quality", "crossed_low", "crossed_high"]].astype(float)
    if ends.isna().all(axis=None):
        return 0.0, 1.0
    low, high = ends.min(axis=None), ends.max(axis=None)
    room = ROOM * (high - low) or ROOM
    return low - room, high + room


def _scale_axis(axes: Axes, costs: pd.Series, spreads: pd.Series, shown: pd.Series) -> None:
    """Scale the axis of a cost so that all its panels are alike, or say that none is known.

    Args:
        axes: a panel.
        costs: of all panels of this cost, in the unit of the axis.
        spreads: half the length of the error bar of each.
        shown: the costs of this panel.
    """
    if shown.isna().all():
        axes.text(0.5, 0.5, "not known", transform=axes.transAxes, ha="center", va="center")
        axes.set_xticks([])
        return
    lower_ends = costs - spreads
    lowest, highest = lower_ends[lower_ends > 0].min(), (costs + spreads).max()
    if highest > LOG_FROM * lowest > 0:
        axes.set_xscale("log")
        room = (highest / lowest) ** ROOM
        axes.set_xlim(lowest / room, highest * room)
        digits = (1.0,) if highest > DECADES_FROM * lowest else (1.0, 3.0)
        axes.xaxis.set_major_locator(LogLocator(subs=digits))
        axes.xaxis.set_minor_formatter(NullFormatter())
    else:
        axes.set_xlim(0, highest * (1 + ROOM) or 1)
        axes.xaxis.set_major_locator(MaxNLocator(4))
    axes.xaxis.set_major_formatter("{x:g}")
