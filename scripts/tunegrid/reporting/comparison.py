"""Methods side by side: quality against how much of the model is trained."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from tunegrid.reporting.style import COLOURS, MARKERS, WIDTH, error_note, place_legend
from tunegrid.results import METRICS
from tunegrid.statistics.summary import unequal_steps

SHOWN = ["accuracy", "macro_f1"]


def plot_methods(runs: pd.DataFrame, summary: pd.DataFrame, error_bar: str) -> Figure:
    """Accuracy and macro-F1 of every method, methods ordered by their trainable share.

    A panel a metric and task; a hollow point a run, a filled one the mean of its seeds. The
    axis names each method's trainable share of the parameters (those that receive a gradient).

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
        figsize=(max(WIDTH, len(tasks) * (0.6 + 0.55 * len(methods))), 2.2 * len(SHOWN)),
        sharex=True,
        sharey="row",
        squeeze=False,
    )
    spread = 0.5 / len(models)
    for row, metric in enumerate(SHOWN):
        for column, task in enumerate(tasks):
            axes = grid[row, column]
            for position, model in enumerate(models):
                offset = (position - (len(models) - 1) / 2) * spread
                colour = COLOURS[position % len(COLOURS)]
                # One step further in each round of colours, so that 36 models look different.
                marker = MARKERS[(position + position // len(COLOURS)) % len(MARKERS)]
                mine = summary[(summary["task"] == task) & (summary["model"] == model)]
                mine = mine[mine["metric"] == metric].set_index("method").reindex(methods)
                points = runs[(runs["task"] == task) & (runs["model"] == model)]
                axes.scatter(
                    [methods.index(method) + offset - spread * 0.28 for method in points["method"]],
                    points[metric],
                    s=14,
                    marker=marker,
                    facecolors="none",
                    edgecolors=colour,
                    linewidths=0.7,
                    alpha=0.8,
                )
                axes.errorbar(
                    np.arange(len(methods)) + offset,
                    mine["mean"],
                    yerr=mine[error_bar].fillna(0),
                    color=colour,
                    marker=marker,
                    markersize=5,
                    linestyle="none",
                    capsize=3,
                    elinewidth=1.0,
                    label=model if row == column == 0 else None,
                )
            baseline = summary[(summary["task"] == task) & (summary["metric"] == metric)]
            axes.axhline(
                baseline["majority_baseline"].iloc[0],
                color="black",
                linestyle="dashed",
                linewidth=1.0,
                label="majority class" if row == column == 0 else None,
            )
            axes.set_xlim(-0.6, len(methods) - 0.4)
            if row == 0:
                axes.set_title(task)
        grid[row, 0].set_ylabel(f"{METRICS[metric]}, test split")
    for axes in grid[-1]:
        axes.set_xticks(
            range(len(methods)), [f"{method}\n{_percent(share[method])}" for method in methods]
        )
    figure.supxlabel("method, and the share of the parameters that it trains", fontsize=8)
    table = summary[summary["metric"].isin(SHOWN)]
    title = f"hollow: a run, filled: mean over seeds; {error_note(error_bar, table['n'])}"
    if unequal_steps(summary):
        title += "\nmethods took unequal numbers of optimizer steps: see the tables"
    place_legend(figure, *grid[0, 0].get_legend_handles_labels(), title)
    return figure


def _percent(value: float) -> str:
    return f"{value:.3g} %"
