"""Bar charts: one metric, grouped by task, a bar for each model and method."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from tunegrid.metrics import METRICS
from tunegrid.reporting.figure_style import (
    BASELINE,
    WIDTH,
    error_note,
    models_note,
    place_legend,
    series_label,
    series_looks,
    series_of,
)
from tunegrid.reporting.marks import absence, figure_note, mark

#: Inches that a bar may take before the figure grows wider than a page.
NARROWEST = 0.09


def plot_bars(summary: pd.DataFrame, metric: str, error_bar: str) -> Figure:
    """The mean of `metric` over seeds, with error bars, and the majority baseline of each task.

    Args:
        summary: as `tunegrid.statistics.summarise.summarise` returns it.
        metric: one of `METRICS`.
        error_bar: the summary's column that error bars show, `sd` or `variance`.
    """
    table = summary[summary["metric"] == metric]
    tasks, series = list(table["task"].unique()), series_of(table)
    models = list(table["model"].unique())
    looks = series_looks(series)
    width = 0.8 / len(series)
    inches = max(WIDTH, len(tasks) * len(series) * NARROWEST / 0.8)
    figure, axes = plt.subplots(figsize=(inches, 3.0))
    for position, (model, method) in enumerate(series):
        rows = table[(table["model"] == model) & (table["method"] == method)].set_index("task")
        rows = rows.reindex(tasks)
        x = np.arange(len(tasks)) + (position - (len(series) - 1) / 2) * width
        look = looks[model, method]
        axes.bar(
            x,
            rows["mean"],
            width * 0.92,
            yerr=rows[error_bar].fillna(0),
            label=series_label(model, method, models),
            color=look["color"],
            hatch=look["hatch"],
            edgecolor="white",
            linewidth=0.4,
            error_kw={"elinewidth": 0.9, "capsize": min(3.0, 60 * width), "ecolor": "#222222"},
        )
        _mark(axes, x, rows, error_bar)
    _baselines(axes, table, tasks)
    axes.set_xticks(range(len(tasks)), tasks)
    axes.tick_params(axis="x", length=0)
    axes.set_ylabel(f"{METRICS[metric].title}{' (nats)' if metric == 'loss' else ''}, test split")
    if metric != "loss":
        axes.set_ylim(0, 1)
    axes.set_ylim(bottom=0)
    place_legend(
        figure,
        *axes.get_legend_handles_labels(),
        models_note(models) + error_note(error_bar, table["n"]) + figure_note(table),
    )
    return figure


def _mark(axes: plt.Axes, x: np.ndarray, rows: pd.DataFrame, error_bar: str) -> None:
    """The marks of its runs over each bar, and where a group has none, why."""
    for place, row in zip(x, rows.itertuples(), strict=True):
        if row.n == 0:
            told, height = f" {absence(row) or 'not finite'}", 0.0
        elif row.n > 0 and mark(row):
            spread = getattr(row, error_bar)
            told, height = f" {mark(row)}", row.mean + (0 if np.isnan(spread) else spread)
        else:
            continue
        axes.text(*(place, height, told), rotation=90, fontsize=6, ha="center", va="bottom")


def _baselines(axes: plt.Axes, table: pd.DataFrame, tasks: list[str]) -> None:
    """A dashed line across each task's bars at the score of its majority class."""
    baselines = table.groupby("task")["majority_baseline"].first().reindex(tasks)
    if baselines.notna().any():
        axes.hlines(
            baselines,
            np.arange(len(tasks)) - 0.45,
            np.arange(len(tasks)) + 0.45,
            colors="black",
            linestyles="dashed",
            linewidth=1.0,
            label=BASELINE,
        )
