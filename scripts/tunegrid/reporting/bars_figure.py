"""Bar charts: one metric, grouped by task, a bar for each model and method."""

from collections.abc import Collection, Mapping
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tunegrid.metrics import METRICS, Metric, TargetKind
from tunegrid.reporting.baseline_names import (
    group_by_axis,
    name_baselines,
    tasks_of_numbers,
)
from tunegrid.reporting.figure_style import (
    BASELINE_LINES,
    MARK_SIZE,
    MOST_TOGETHER,
    WIDTH,
    Look,
    error_note,
    models_note,
    place_legend,
    series_label,
    series_looks,
    series_of,
)
from tunegrid.reporting.figure_text import widest
from tunegrid.reporting.marks import explain_marks_in_legend, format_marks, name_absence
from tunegrid.reporting.method_rows import (
    ModelPlace,
    arrange_method_rows,
    name_block,
    place_models,
)

#: Share of a task's place on the axis that its bars take together.
FILLED = 0.8
#: The least width of an upright bar, in inches. More bars than fit side by side lie, and their
#: methods stand beside them.
NARROWEST = 0.09
#: Width of what stands beside upright bars, in inches.
BESIDE = 0.6
#: Font size of the names of tasks below upright bars, in points.
TASK_SIZE = 8
#: Width of a lying bar, without and with the marks of runs at its end, and the least height of a
#: method's place, in inches.
LYING, LYING_MARKED, LEAST_PLACE = 0.05, 0.085, 0.15
#: The least height of a panel that has not the same axis as all others, in inches.
LEAST_BLOCK = 1.2


def plot_bars(summary: pd.DataFrame, metric: str, error_bar: str) -> Figure:
    """Draw the mean of a metric over seeds, with error bars and the scores that cost nothing.

    These are named by `tunegrid.reporting.baseline_names`. The axis reaches from the metric's lower
    bound to its upper one, as far as it has bounds. Bars begin at 0, so that negative values point
    down, or at the bound next to it. Many bars lie, a panel for each task, with the methods below
    each other; so do those of tasks that cannot share an axis (`group_by_axis`).

    Args:
        summary: as `tunegrid.statistics.summarise.summarise` returns it.
        metric: a name in `METRICS`.
        error_bar: the summary's column that error bars show, `sd` or `variance`.
    """
    table = summary[summary["metric"] == metric]
    bars = len(series_of(table)) * table["task"].nunique()
    together = len(series_of(table)) <= MOST_TOGETHER
    numbers = tasks_of_numbers(summary)
    tasks = list(table["task"].unique())
    blocks = {
        tuple(group): _title_of(METRICS[metric], group, numbers)
        for group in group_by_axis(METRICS[metric], tasks, numbers)
    }
    if len(blocks) == 1 and together and bars * NARROWEST <= FILLED * (WIDTH - BESIDE):
        (title,) = blocks.values()
        figure = _draw_upright(table, METRICS[metric], error_bar, title)
    else:
        figure = _draw_lying(table, METRICS[metric], error_bar, blocks)
    models = list(table["model"].unique())
    note = models_note(models) + error_note(error_bar, table["n"]) + explain_marks_in_legend(table)
    place_legend(figure, figure.axes, note)
    return figure


def _title_of(metric: Metric, tasks: Collection[str], numbers: Collection[str]) -> str:
    """The name of the axis that these tasks share; `numbers` are the tasks of numbers."""
    target: TargetKind = "regression" if set(tasks) <= set(numbers) else "single_label"
    return f"{metric.with_unit(metric.title, target)}, test split"


def _foot(metric: Metric) -> float:
    """Where bars begin."""
    return float(np.clip(0.0, *metric.bounds))


def _draw_upright(table: pd.DataFrame, metric: Metric, error_bar: str, title: str) -> Figure:
    """Draw the bars of each task side by side in one panel.

    Args:
        table: the rows of the summary of this metric.
        metric: which one.
        error_bar: the column that error bars show.
        title: of the axis of scores.
    """
    tasks, series = list(table["task"].unique()), series_of(table)
    models = list(table["model"].unique())
    looks = series_looks(series)
    foot = _foot(metric)
    width = FILLED / len(series)
    figure, axes = plt.subplots(figsize=(WIDTH, 3.0))
    for position, (model, method) in enumerate(series):
        rows = table[(table["model"] == model) & (table["method"] == method)].set_index("task")
        rows = rows.reindex(tasks)
        places = np.arange(len(tasks)) + (position - (len(series) - 1) / 2) * width
        axes.bar(
            places,
            rows["mean"] - foot,
            width * 0.92,
            bottom=foot,
            yerr=rows[error_bar],
            label=series_label(model, method, models),
            **_style(looks[model, method], capsize=min(3.0, 60 * width)),
        )
        for place, row in zip(places, rows.itertuples(), strict=True):
            _write_marks(axes, place, row, error_bar, foot, lying=False)
    middles: npt.NDArray[np.intp] = np.arange(len(tasks))
    for column, label in name_baselines([metric]).items():
        line = BASELINE_LINES[column]
        scores = table.groupby("task")[column].first().reindex(tasks).astype(float)
        if scores.notna().any():
            axes.hlines(scores, middles - 0.45, middles + 0.45, linewidth=1.0, label=label, **line)
    axes.set_xticks(range(len(tasks)), tasks, fontsize=TASK_SIZE)
    if widest(figure, tasks, TASK_SIZE) > 0.95 * (WIDTH - BESIDE) / len(tasks):
        axes.set_xticks(range(len(tasks)), tasks, rotation=90)
        figure.set_figheight(figure.get_figheight() + widest(figure, tasks, TASK_SIZE))
    axes.tick_params(axis="x", length=0)
    axes.set_ylabel(title)
    axes.margins(y=0.12)  # room for the marks, where the axis is not limited
    bottom, top = _finite_bounds(metric)
    axes.set_ylim(bottom=bottom, top=top)
    if metric.bounds[0] < foot:
        axes.axhline(foot, color="black", linewidth=0.6)
    return figure


def _draw_lying(
    table: pd.DataFrame, metric: Metric, error_bar: str, blocks: Mapping[tuple[str, ...], str]
) -> Figure:
    """Draw a panel for each task, in which the bars lie below each other.

    Args:
        table: the rows of the summary of this metric.
        metric: which one.
        error_bar: the column that error bars show.
        blocks: the tasks that share an axis of scores → its title.
    """
    methods = list(table["method"].unique())
    places = place_models(list(table["model"].unique()))
    bar = LYING_MARKED if explain_marks_in_legend(table) else LYING
    height = max(LEAST_PLACE, bar * len(places) / FILLED)
    if len(blocks) > 1:
        height = max(height, LEAST_BLOCK / len(methods))
    figure, panels_of_blocks = arrange_method_rows(methods, list(blocks), row_height=height)
    for panels, title in zip(panels_of_blocks, blocks.values(), strict=True):
        _draw_lying_block(panels, table, metric, error_bar, places)
        first = next(iter(panels.values()))
        first.margins(x=0.12)
        left, right = _finite_bounds(metric)
        first.set_xlim(left=left, right=right)
        name_block(first, title, len(methods) * height)
    return figure


def _draw_lying_block(
    panels: Mapping[str, Axes],
    table: pd.DataFrame,
    metric: Metric,
    error_bar: str,
    places: Mapping[str, ModelPlace],
) -> None:
    """Draw the panels that share an axis of scores.

    Args:
        panels: by their task.
        table: as of `_draw_lying`.
        metric: which one.
        error_bar: the column that error bars show.
        places: of the models within the place of a method.
    """
    foot = _foot(metric)
    methods = list(table["method"].unique())
    for task, axes in panels.items():
        of_task = table[table["task"] == task]
        for model, place in places.items():
            rows = of_task[of_task["model"] == model].set_index("method").reindex(methods)
            _draw_lying_model(axes, rows, error_bar, foot, model, place)
        for column, label in name_baselines([metric]).items():
            line = BASELINE_LINES[column]
            score = of_task[column].iloc[0]
            if pd.notna(score):
                axes.axvline(score, linewidth=1.0, label=label, **line)
        if metric.bounds[0] < foot:
            axes.axvline(foot, color="black", linewidth=0.6)


def _draw_lying_model(
    axes: Axes, rows: pd.DataFrame, error_bar: str, foot: float, model: str, place: ModelPlace
) -> None:
    """Draw the bars of a model in one panel.

    Args:
        axes: the panel.
        rows: of the summary, one for each method.
        error_bar: the column that error bars show.
        foot: where bars begin.
        model: for the legend.
        place: of the model.
    """
    middles: npt.NDArray[np.floating] = np.arange(len(rows)) + place.offset
    axes.barh(
        middles,
        rows["mean"] - foot,
        place.height * 0.92,
        left=foot,
        xerr=rows[error_bar],
        label=model,
        **_style(place.look, capsize=1.0),
    )
    for middle, row in zip(middles, rows.itertuples(), strict=True):
        _write_marks(axes, middle, row, error_bar, foot, lying=True)


def _style(look: Look, capsize: float) -> dict[str, Any]:
    """How bars and their error bars are drawn; `capsize` in points."""
    return {
        "color": look.color,
        "hatch": look.hatch,
        "edgecolor": "white",
        "linewidth": 0.4,
        "error_kw": {"elinewidth": 0.9, "capsize": capsize, "ecolor": "#222222"},
    }


def _finite_bounds(metric: Metric) -> tuple[float | None, float | None]:
    """The ends of the metric's range, None where it has none."""
    lower, upper = metric.bounds
    return lower if np.isfinite(lower) else None, upper if np.isfinite(upper) else None


def _write_marks(
    axes: Axes, place: float, row: Any, error_bar: str, foot: float, *, lying: bool
) -> None:
    """Write the marks of a group's runs at the end of its bar, or why it has no bar.

    Args:
        axes: where the bar is drawn.
        place: of the bar on the axis of the methods.
        row: of the summary; all missing if the grid does not have the group.
        error_bar: the column of its error bar.
        foot: where bars begin.
        lying: whether the bar lies.
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
    text = f"{text} " if below else f" {text}"
    if lying:
        side = "right" if below else "left"
        axes.text(end, place, text, fontsize=MARK_SIZE, ha=side, va="center_baseline")
    else:
        side = "top" if below else "bottom"
        axes.text(place, end, text, rotation=90, fontsize=MARK_SIZE, ha="center", va=side)
