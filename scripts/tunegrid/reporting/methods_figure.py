"""Methods side by side: quality against how much of the model is trained."""

import textwrap
from dataclasses import dataclass
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tunegrid.metrics import METRICS, compared_metrics
from tunegrid.reporting.figure_style import (
    BASELINE,
    COLOURS,
    MARK_SIZE,
    MARKERS,
    WIDTH,
    error_note,
    place_legend,
)
from tunegrid.reporting.marks import explain_marks_in_legend, format_marks, name_absence
from tunegrid.statistics.summarise import unequal_steps

#: Height of a row of panels, and of what stands above and below all rows, in inches.
ROW_HEIGHT = 1.8
HEIGHT_AROUND = 0.8
#: So many characters of a label are as long as a panel is high.
LABEL_CHARACTERS = 24
#: Width of what stands beside a panel, in inches.
WIDTH_AROUND = 0.6
#: Width of a method's place on the axis: at least, and for each character of the longest name.
PLACE, CHARACTER = 0.55, 0.07
#: Share of a method's place that its models take together.
FILLED = 0.5
#: How far the points of the runs stand to the left of their mean, as a share of a model's place.
RUNS_ASIDE = 0.28


@dataclass(frozen=True)
class _ModelLook:
    """How the runs and means of a model are drawn.

    Attributes:
        color: of its points.
        marker: of its points.
        offset: of its means from the middle of a method's place.
        aside: how far the runs stand to the left of the means.
    """

    color: str
    marker: str
    offset: float
    aside: float


def _model_looks(count: int) -> list[_ModelLook]:
    """The looks of so many models: they stand side by side, and the first 36 differ."""
    width = FILLED / count
    kinds = len(COLOURS)
    return [
        _ModelLook(
            color=COLOURS[position % kinds],
            # One marker further in each round of colours.
            marker=MARKERS[(position + position // kinds) % len(MARKERS)],
            offset=(position - (count - 1) / 2) * width,
            aside=width * RUNS_ASIDE,
        )
        for position in range(count)
    ]


def plot_methods(runs: pd.DataFrame, summary: pd.DataFrame, error_bar: str) -> Figure:
    """Draw every compared metric of every method, methods ordered by their trainable share.

    A row of panels for each metric, a column for each task. A hollow point is a run, a cross a
    degenerate run, a filled point the mean over seeds. The axis names the share of the parameters
    that each method trains (those that receive a gradient).

    Args:
        runs: as collect_runs returns it.
        summary: as summarise returns it.
        error_bar: `sd` or `variance`, the summary's column that error bars show.
    """
    metrics = compared_metrics()
    tasks = list(summary["task"].unique())
    models = list(summary["model"].unique())
    looks = _model_looks(len(models))
    shares = summary.groupby("method")["trainable_percent"].mean().sort_values()
    methods = list(shares.index)
    place = max(PLACE, CHARACTER * max(len(method) for method in methods))
    figure, grid = plt.subplots(
        len(metrics),
        len(tasks),
        figsize=(
            max(WIDTH, len(tasks) * (WIDTH_AROUND + place * len(methods))),
            HEIGHT_AROUND + ROW_HEIGHT * len(metrics),
        ),
        sharex=True,
        sharey="row",
        squeeze=False,
    )
    for row, metric in enumerate(metrics):
        for column, task in enumerate(tasks):
            axes = grid[row, column]
            means = summary[(summary["task"] == task) & (summary["metric"] == metric)]
            points = runs[runs["task"] == task]
            for model, look in zip(models, looks, strict=True):
                own_points = points[points["model"] == model]
                own_means = means[means["model"] == model].set_index("method").reindex(methods)
                _draw_runs(axes, own_points["method"].map(methods.index), own_points, metric, look)
                _draw_means(axes, own_means, error_bar, look, label=model)
            baseline = means["majority_baseline"].iloc[0]
            if pd.notna(baseline):
                axes.axhline(
                    baseline, color="black", linestyle="dashed", linewidth=1.0, label=BASELINE
                )
            axes.set_xlim(-0.6, len(methods) - 0.4)
        title = METRICS[metric].with_unit(METRICS[metric].title)
        grid[row, 0].set_ylabel(textwrap.fill(f"{title}, test split", LABEL_CHARACTERS))
    for axes, task in zip(grid[0], tasks, strict=True):
        axes.set_title(task)
    names = [f"{method}\n{_format_share(shares[method])}" for method in methods]
    for axes in grid[-1]:
        axes.set_xticks(range(len(methods)), names)
    figure.supxlabel("method, and the share of the parameters that it trains", fontsize=8)
    place_legend(figure, list(grid.flat), _legend_title(runs, summary, error_bar))
    return figure


def _draw_runs(
    axes: Axes, places: pd.Series, runs: pd.DataFrame, metric: str, look: _ModelLook
) -> None:
    """Draw each run of a model: a hollow point, or a cross if it is degenerate.

    Args:
        axes: where they are drawn.
        places: of the runs' methods on the axis.
        runs: as collect_runs returns it, one model's on one task.
        metric: which one is drawn.
        look: of the model.
    """
    x = places + look.offset - look.aside
    degenerate = runs["degenerate"].astype(bool)
    style: dict[str, Any] = {"s": 14, "linewidths": 0.7, "alpha": 0.8}
    axes.scatter(
        x[~degenerate],
        runs.loc[~degenerate, metric],
        marker=look.marker,
        facecolors="none",
        edgecolors=look.color,
        **style,
    )
    axes.scatter(x[degenerate], runs.loc[degenerate, metric], marker="x", color=look.color, **style)


def _draw_means(
    axes: Axes, means: pd.DataFrame, error_bar: str, look: _ModelLook, label: str
) -> None:
    """Draw the means of a model with error bars and marks, or why a method has none.

    Args:
        axes: where they are drawn.
        means: of the summary, a row for each method in the order of the axis.
        error_bar: the column that error bars show.
        look: of the model.
        label: for the legend.
    """
    places = np.arange(len(means)) + look.offset
    axes.errorbar(
        places,
        means["mean"],
        yerr=means[error_bar].fillna(0),
        color=look.color,
        marker=look.marker,
        markersize=5,
        linestyle="none",
        capsize=3,
        elinewidth=1.0,
        label=label,
    )
    for place, row in zip(places, means.itertuples(), strict=True):
        if row.n == 0:
            axes.text(
                place,
                0.02,
                name_absence(row) or "not finite",
                transform=axes.get_xaxis_transform(),
                rotation=90,
                fontsize=MARK_SIZE,
                ha="center",
                va="bottom",
            )
        elif row.n > 0 and format_marks(row):
            axes.annotate(
                format_marks(row),
                xy=(place, row.mean),
                xytext=(6, -2),
                textcoords="offset points",
                fontsize=MARK_SIZE,
            )


def _legend_title(runs: pd.DataFrame, summary: pd.DataFrame, error_bar: str) -> str:
    """What the points and the error bars are, and what a reader must know of the runs."""
    cross = ", crossed: a degenerate one" if runs["degenerate"].any() else ""
    counts = summary.loc[summary["metric"].isin(compared_metrics()), "n"]
    title = f"hollow: a run{cross}, filled: mean over seeds; {error_note(error_bar, counts)}"
    if unequal_steps(summary):
        title += "\nmethods took unequal numbers of optimizer steps: see the tables"
    return title + explain_marks_in_legend(summary)


def _format_share(percent: float) -> str:
    return "—" if np.isnan(percent) else f"{percent:.3g} %"
