"""Bar charts: one metric, grouped by task, a bar for each model and method."""

from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tunegrid.metrics import METRICS, Metric
from tunegrid.reporting.figure_style import (
    BASELINE,
    MARK_SIZE,
    WIDTH,
    error_note,
    models_note,
    place_legend,
    series_label,
    series_looks,
    series_of,
)
from tunegrid.reporting.marks import explain_marks_in_legend, format_marks, name_absence

#: Share of a task's place on the axis that its bars take together.
FILLED = 0.8
#: The least width of a bar in inches; more bars than fit make the figure wider than a page.
NARROWEST = 0.09


def plot_bars(summary: pd.DataFrame, metric: str, error_bar: str) -> Figure:
    """Draw the mean of a metric over seeds, with error bars and the majority class's score.

    The axis reaches from the metric's lower bound to its upper one, as far as it has bounds. Bars
    begin at 0, so that negative values point down, or at the bound next to it.

    Args:
        summary: as `tunegrid.statistics.summarise.summarise` returns it.
        metric: a name in `METRICS`.
        error_bar: the summary's column that error bars show, `sd` or `variance`.
    """
    entry = METRICS[metric]
    table = summary[summary["metric"] == metric]
    tasks, series = list(table["task"].unique()), series_of(table)
    models = list(table["model"].unique())
    looks = series_looks(series)
    foot = float(np.clip(0.0, *entry.bounds))
    width = FILLED / len(series)
    inches = max(WIDTH, len(tasks) * len(series) * NARROWEST / FILLED)
    figure, axes = plt.subplots(figsize=(inches, 3.0))
    for position, (model, method) in enumerate(series):
        rows = table[(table["model"] == model) & (table["method"] == method)].set_index("task")
        rows = rows.reindex(tasks)
        places = np.arange(len(tasks)) + (position - (len(series) - 1) / 2) * width
        look = looks[model, method]
        axes.bar(
            places,
            rows["mean"] - foot,
            width * 0.92,
            bottom=foot,
            yerr=rows[error_bar].fillna(0),
            label=series_label(model, method, models),
            color=look.color,
            hatch=look.hatch,
            edgecolor="white",
            linewidth=0.4,
            error_kw={"elinewidth": 0.9, "capsize": min(3.0, 60 * width), "ecolor": "#222222"},
        )
        for place, row in zip(places, rows.itertuples(), strict=True):
            _write_marks(axes, place, row, error_bar, foot)
    _draw_baselines(axes, table, tasks)
    axes.set_xticks(range(len(tasks)), tasks)
    axes.tick_params(axis="x", length=0)
    axes.set_ylabel(f"{entry.with_unit(entry.title)}, test split")
    _limit_axis(axes, entry, foot)
    note = models_note(models) + error_note(error_bar, table["n"]) + explain_marks_in_legend(table)
    place_legend(figure, [axes], note)
    return figure


def _limit_axis(axes: Axes, metric: Metric, foot: float) -> None:
    """Let the axis show the whole range of the metric, as far as it is finite."""
    lower, upper = metric.bounds
    axes.margins(y=0.12)  # room for the marks, where the axis is not limited
    if np.isfinite(lower):
        axes.set_ylim(bottom=lower)
    if np.isfinite(upper):
        axes.set_ylim(top=upper)
    if lower < foot:
        axes.axhline(foot, color="black", linewidth=0.6)


def _write_marks(axes: Axes, place: float, row: Any, error_bar: str, foot: float) -> None:
    """Write the marks of a group's runs at the end of its bar, or why it has no bar.

    Args:
        axes: where the bar is drawn.
        place: of the bar on the x axis.
        row: of the summary; all missing if the grid does not have the group.
        error_bar: the column of its error bar.
        foot: where bars begin.
    """
    if pd.isna(row.n):
        return
    if row.n == 0:
        text, end, below = name_absence(row) or "not finite", foot, False
    else:
        text, below = format_marks(row), row.mean < foot
        spread = np.nan_to_num(getattr(row, error_bar))
        end = row.mean - spread if below else row.mean + spread
    if not text:
        return
    # A space keeps the text off the bar.
    axes.text(
        place,
        end,
        f"{text} " if below else f" {text}",
        rotation=90,
        fontsize=MARK_SIZE,
        ha="center",
        va="top" if below else "bottom",
    )


def _draw_baselines(axes: Axes, table: pd.DataFrame, tasks: list[str]) -> None:
    """Draw a dashed line across each task's bars at the score of its majority class."""
    baselines = table.groupby("task")["majority_baseline"].first().reindex(tasks)
    if baselines.isna().all():
        return
    places: npt.NDArray[np.intp] = np.arange(len(tasks))
    axes.hlines(
        baselines,
        places - 0.45,
        places + 0.45,
        colors="black",
        linestyles="dashed",
        linewidth=1.0,
        label=BASELINE,
    )
