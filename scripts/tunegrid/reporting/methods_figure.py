"""Methods side by side: quality against how much of the model is trained."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from tunegrid.metrics import METRICS
from tunegrid.reporting.figure_style import (
    BASELINE,
    COLOURS,
    MARKERS,
    WIDTH,
    error_note,
    place_legend,
)
from tunegrid.reporting.marks import absence, figure_note, mark
from tunegrid.statistics.summarise import unequal_steps

SHOWN = ["accuracy", "macro_f1"]


def _inches(methods: list[str]) -> float:
    """What the longest of these names takes along the axis."""
    return max(0.55, 0.07 * max(map(len, methods)))


def plot_methods(runs: pd.DataFrame, summary: pd.DataFrame, error_bar: str) -> Figure:
    """Accuracy and macro-F1 of every method, methods ordered by their trainable share.

    A panel a metric and task; a hollow point a run, a cross a degenerate one, a filled point the
    mean of its seeds. The axis names each method's trainable share of the parameters (those that
    receive a gradient).

    Args:
        runs: as collect_runs returns it.
        summary: as summarise returns it.
        error_bar: `sd` or `variance`, the summary's column that error bars show.
    """
    tasks = list(summary["task"].unique())
    models = list(summary["model"].unique())
    share = summary.groupby("method")["trainable_percent"].mean().sort_values()
    methods = list(share.index)
    figure, grid = plt.subplots(
        *(len(SHOWN), len(tasks)),
        figsize=(max(WIDTH, len(tasks) * (0.6 + _inches(methods) * len(methods))), 4.4),
        sharex=True,
        sharey="row",
        squeeze=False,
    )
    spread = 0.5 / len(models)
    for row, metric in enumerate(SHOWN):
        for column, task in enumerate(tasks):
            axes = grid[row, column]
            for position, model in enumerate(models):
                mine = summary[(summary["task"] == task) & (summary["model"] == model)]
                mine = mine[mine["metric"] == metric].set_index("method").reindex(methods)
                points = runs[(runs["task"] == task) & (runs["model"] == model)]
                _draw_model(
                    axes,
                    (points["method"].map(methods.index), points[metric], points["degenerate"]),
                    mine.assign(spread=mine[error_bar]),
                    # The models of a method stand side by side.
                    offset=(position - (len(models) - 1) / 2) * spread,
                    hang=spread * 0.28,
                    color=COLOURS[position % len(COLOURS)],
                    # One step further in each round of colours, so that 36 models look different.
                    marker=MARKERS[(position + position // len(COLOURS)) % len(MARKERS)],
                    label=model if row == column == 0 else None,
                )
            baseline = summary[(summary["task"] == task) & (summary["metric"] == metric)]
            axes.axhline(
                baseline["majority_baseline"].iloc[0],
                color="black",
                linestyle="dashed",
                linewidth=1.0,
                label=BASELINE if row == column == 0 else None,
            )
            axes.set_xlim(-0.6, len(methods) - 0.4)
            if row == 0:
                axes.set_title(task)
        grid[row, 0].set_ylabel(f"{METRICS[metric].title}, test split")
    for axes in grid[-1]:
        axes.set_xticks(
            range(len(methods)), [f"{method}\n{_percent(share[method])}" for method in methods]
        )
    figure.supxlabel("method, and the share of the parameters that it trains", fontsize=8)
    table = summary[summary["metric"].isin(SHOWN)]
    crossed = ", crossed: a degenerate one" if runs["degenerate"].any() else ""
    title = f"hollow: a run{crossed}, filled: mean over seeds; {error_note(error_bar, table['n'])}"
    if unequal_steps(summary):
        title += "\nmethods took unequal numbers of optimizer steps: see the tables"
    title += figure_note(table)
    place_legend(figure, *grid[0, 0].get_legend_handles_labels(), title)
    return figure


def _draw_model(
    axes: plt.Axes,
    points: tuple[pd.Series, pd.Series, pd.Series],
    means: pd.DataFrame,
    offset: float,
    hang: float,
    color: str,
    marker: str,
    label: str | None,
) -> None:
    """A model's runs (place, value, whether degenerate), and its rows of the summary by method."""
    place, value, degenerate = points
    place, broken = place + offset - hang, degenerate.astype(bool)
    look = {"s": 14, "linewidths": 0.7, "alpha": 0.8}
    axes.scatter(
        *(place[~broken], value[~broken]),
        marker=marker,
        facecolors="none",
        edgecolors=color,
        **look,
    )
    axes.scatter(place[broken], value[broken], marker="x", color=color, **look)
    at = np.arange(len(means)) + offset
    axes.errorbar(
        *(at, means["mean"]), yerr=means["spread"].fillna(0), color=color, marker=marker,
        markersize=5, linestyle="none", capsize=3, elinewidth=1.0, label=label,
    )  # fmt: skip
    for x, row in zip(at, means.itertuples(), strict=True):
        if row.n > 0 and mark(row):
            axes.annotate(mark(row), (x, row.mean), (6, -2), textcoords="offset points", fontsize=6)
        if row.n == 0:
            axes.text(
                *(x, 0.02, absence(row) or "not finite"), transform=axes.get_xaxis_transform(),
                rotation=90, fontsize=6, ha="center", va="bottom",
            )  # fmt: skip


def _percent(value: float) -> str:
    return "—" if np.isnan(value) else f"{value:.3g} %"
