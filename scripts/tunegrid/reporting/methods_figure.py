"""Methods below each other: quality against how much of the model is trained."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tunegrid.metrics import METRICS, Metric
from tunegrid.reporting.baseline_names import group_by_axis, name_baselines
from tunegrid.reporting.figure_style import (
    BASELINE_LINES,
    MARK_SIZE,
    error_note,
    place_legend,
    split_note,
)
from tunegrid.reporting.marks import explain_marks_in_legend, format_marks, name_absence
from tunegrid.reporting.method_rows import (
    ModelPlace,
    arrange_method_rows,
    name_block,
    place_models,
)
from tunegrid.statistics.measured_tasks import MeasuredTask, measured_tasks
from tunegrid.statistics.summarise import unequal_steps

#: Height of a model's place within that of a method, without and with the marks of runs beside it,
#: and the least height of a method's place and of a panel, in inches.
PLACE, PLACE_MARKED, LEAST_PLACE, LEAST_PANEL = 0.06, 0.085, 0.16, 1.2
#: How far the points of the runs stand above their mean, as a share of a model's place.
RUNS_ASIDE = 0.3


def plot_methods(runs: pd.DataFrame, summary: pd.DataFrame, error_bar: str) -> Figure:
    """Draw every compared metric of every method, methods ordered by their trainable share.

    A block of panels for each metric, a panel for each task that has it (of an error in the task's
    own unit a block for each task); the methods stand below
    each other, beside each the share of the parameters that it trains (those that receive a
    gradient). A hollow point is a run, a cross a degenerate run, a filled point the mean over
    seeds. Lines are
    the scores that cost nothing (`tunegrid.reporting.baseline_names`).

    Args:
        runs: as collect_runs returns it.
        summary: as summarise returns it.
        error_bar: `sd` or `variance`, the summary's column that error bars show.
    """
    measured = measured_tasks(runs)
    blocks = _blocks_of(measured)
    places = place_models(list(summary["model"].unique()))
    shares = summary.groupby("method")["trainable_percent"].mean().sort_values()
    methods = list(shares.index)
    names = [f"{method}  {_format_share(shares[method])}" for method in methods]
    place = PLACE_MARKED if explain_marks_in_legend(summary) else PLACE
    height = max(LEAST_PLACE, place * len(places), LEAST_PANEL / len(methods))
    figure, panels_of_blocks = arrange_method_rows(
        names, [tasks for _, tasks in blocks], row_height=height
    )
    for (metric, tasks), panels in zip(blocks, panels_of_blocks, strict=True):
        for task, axes in panels.items():
            means = summary[(summary["task"] == task) & (summary["metric"] == metric.name)]
            points = runs[runs["task"] == task]
            for model, own_place in places.items():
                own_points = points[points["model"] == model]
                own_means = means[means["model"] == model].set_index("method").reindex(methods)
                at = own_points["method"].map(methods.index).astype(float)
                _draw_runs(axes, at, own_points, metric.name, own_place)
                _draw_means(axes, own_means, error_bar, own_place, label=model)
            for column, label in name_baselines([metric]).items():
                score = means[column].iloc[0]
                if pd.notna(score):
                    line = BASELINE_LINES[column]
                    axes.axvline(score, linewidth=1.0, label=label, zorder=1, **line)
        title = metric.with_unit(metric.title, measured[tasks[0]].target)
        name_block(panels[tasks[0]], f"{title}, {split_note(metric)}", len(methods) * height)
    place_legend(figure, figure.axes, _legend_title(runs, summary, error_bar))
    return figure


def _blocks_of(measured: Mapping[str, MeasuredTask]) -> list[tuple[Metric, list[str]]]:
    """The metrics by which methods are compared, in order, each with tasks of one axis."""
    numbers = {task for task, of_task in measured.items() if of_task.target == "regression"}
    blocks = []
    for metric in METRICS.values():
        tasks = [task for task, of_task in measured.items() if metric in of_task.compared]
        blocks += [(metric, group) for group in group_by_axis(metric, tasks, numbers)]
    return blocks


def _draw_runs(
    axes: Axes, places: pd.Series, runs: pd.DataFrame, metric: str, place: ModelPlace
) -> None:
    """Draw each run of a model: a hollow point, or a cross if it is degenerate.

    Args:
        axes: where they are drawn.
        places: of the runs' methods on the axis.
        runs: as collect_runs returns it, one model's on one task.
        metric: which one is drawn.
        place: of the model.
    """
    y = places + place.offset - place.height * RUNS_ASIDE
    degenerate = runs["degenerate"].astype(bool)
    style: dict[str, Any] = {"s": 8, "linewidths": 0.6, "alpha": 0.8}
    axes.scatter(
        runs.loc[~degenerate, metric],
        y[~degenerate],
        marker=place.look.marker,
        facecolors="none",
        edgecolors=place.look.color,
        **style,
    )
    axes.scatter(
        runs.loc[degenerate, metric], y[degenerate], marker="x", color=place.look.color, **style
    )


def _draw_means(
    axes: Axes, means: pd.DataFrame, error_bar: str, place: ModelPlace, label: str
) -> None:
    """Draw the means of a model with error bars and marks, or why a method has none.

    Args:
        axes: where they are drawn.
        means: of the summary, a row for each method in the order of the axis.
        error_bar: the column that error bars show.
        place: of the model.
        label: for the legend.
    """
    y = np.arange(len(means)) + place.offset
    axes.errorbar(
        means["mean"],
        y,
        xerr=means[error_bar],
        color=place.look.color,
        marker=place.look.marker,
        markersize=4,
        linestyle="none",
        capsize=2,
        elinewidth=0.9,
        label=label,
    )
    for at, row in zip(y, means.itertuples(), strict=True):
        if row.n == 0:
            axes.text(
                0.02,
                at,
                name_absence(row) or "not finite",
                transform=axes.get_yaxis_transform(),
                fontsize=MARK_SIZE,
                ha="left",
                va="center",
                bbox={"facecolor": "white", "linewidth": 0, "pad": 0.5},
            )
        elif row.n > 0 and format_marks(row):
            axes.annotate(
                format_marks(row),
                xy=(row.mean, at),
                xytext=(4, 1),
                textcoords="offset points",
                fontsize=MARK_SIZE,
            )


def _legend_title(runs: pd.DataFrame, summary: pd.DataFrame, error_bar: str) -> str:
    """What the points and the error bars are, and what a reader must know of the runs."""
    cross = ", crossed: a degenerate one" if runs["degenerate"].any() else ""
    compared = {entry.name for task in measured_tasks(runs).values() for entry in task.compared}
    counts = summary.loc[summary["metric"].isin(compared), "n"]
    title = (
        "beside a method: the share of the parameters that it trains\n"
        f"hollow: a run{cross}, filled: mean over seeds; {error_note(error_bar, counts)}"
    )
    if unequal_steps(summary):
        title += "\nmethods took unequal numbers of optimizer steps: see the tables"
    return title + explain_marks_in_legend(summary)


def _format_share(percent: float) -> str:
    return "—" if np.isnan(percent) else f"{percent:.3f} %"
