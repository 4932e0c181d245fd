"""Training curves of a task: training loss, and the loss and the metrics of the evaluated split."""

import math
from collections.abc import Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from tunegrid.metrics import METRICS, Metric, TargetKind
from tunegrid.reporting.figure_style import (
    LEGEND_LINE,
    MOST_TOGETHER,
    WIDTH,
    Look,
    Series,
    empty_figure,
    models_note,
    place_legend,
    seeds_note,
    series_label,
    series_looks,
    series_of,
)
from tunegrid.reporting.figure_text import wrap_text
from tunegrid.reporting.marks import explain_marks_in_legend, format_marks, name_absence
from tunegrid.statistics.measured_tasks import MeasuredTask
from tunegrid.statistics.run_counts import count_runs

#: What training minimises: the history's column, and the metric of this name.
OBJECTIVE = "loss"
#: From so many panels on, three of them stand side by side instead of two.
THREE_COLUMNS_FROM = 5
#: Height of a row of panels, and of one where each method has its own, in inches.
ROW_HEIGHT, SMALL_ROW_HEIGHT = 2.3, 0.9
#: Font size of what stands around the small panels, and the gap for the name of a row between a
#: panel and its title, in points; the width of what stands left of the panels, in inches.
NAME_SIZE, NAME_PAD, BESIDE = 7, 12, 0.45


def plot_curves(history: pd.DataFrame, evaluations: pd.DataFrame, runs: pd.DataFrame) -> Figure:
    """Draw means over seeds against optimizer steps, with a band of ± one standard deviation.

    The first panel shows the training loss: that of each step's batch (thin) and its mean over each
    epoch (thick, at the epoch's last step). Each further panel shows one metric at the step of each
    evaluation: the loss, then every metric by which the task's methods are compared. A curve ends
    where the first of its runs stopped. Of many models and methods, each method has a row of such
    panels of its own (or each model, if there are more models).

    Args:
        history: one task's rows of history.parquet: columns model, task, method, seed, step, epoch
            and loss; a row for each step of each run.
        evaluations: the task's rows of evaluations.parquet: columns model, task, method, seed,
            epoch, step, split, and one for each metric of the task; a row for each evaluation
            of each run.
        runs: the task's, as collect_runs returns them.
    """
    if history.empty:
        return empty_figure("no run of this task is finished")
    series = series_of(runs)
    measured = MeasuredTask.of_row(runs.iloc[0].to_dict())
    metrics = _shown_metrics(measured)
    together = len(series) <= MOST_TOGETHER
    if together:
        figure, panels = _arrange_panels(1 + len(metrics))
        looks = series_looks(series)
        models = list(runs["model"].unique())
        notes = models_note(models)
        groups = _groups_of(runs)
        for one in series:
            label = _label(series_label(*one, models), groups[one])
            _draw_series(panels, metrics, history, evaluations, one, looks[one], label)
    else:
        figure, panels = _draw_rows(metrics, history, evaluations, runs)
        notes = ""
    objective = METRICS[OBJECTIVE]
    target = measured.target
    _finish_panel(panels[0], objective, f"Training {objective.noun}", target)
    split = _name_splits(evaluations)
    for axes, metric in zip(panels[1:], metrics, strict=True):
        _finish_panel(axes, metric, f"{split} {metric.noun}", target)
    title = f"{history['task'].iloc[0]}; {notes}{_explain_lines(history)}"
    title += explain_marks_in_legend(count_runs(runs))
    place_legend(figure, figure.axes, title)
    if not together:
        _arrange_rows(figure, panels)
    return figure


def _explain_lines(history: pd.DataFrame) -> str:
    """What the thin and thick lines and the bands are, for the title of the legend."""
    seeds = history.groupby(["model", "method"])["seed"].nunique()
    thin = "the loss of each step's batch"
    thick = "the mean of an epoch, or an evaluation"
    if seeds.max() < 2:
        return f"one seed each\nthin: {thin}; thick: {thick}"
    return (
        f"means over {seeds_note(seeds)}\nthin: {thin}; thick: {thick};"
        " band around the thick: ± standard deviation over seeds (n−1)"
    )


def _groups_of(runs: pd.DataFrame) -> dict[Series, Any]:
    """A row with the counts of runs for each model and method."""
    return {(row.model, row.method): row for row in count_runs(runs).reset_index().itertuples()}


def _draw_series(
    panels: Sequence[Axes],
    metrics: Sequence[Metric],
    history: pd.DataFrame,
    evaluations: pd.DataFrame,
    series: Series,
    look: Look,
    label: str,
) -> None:
    """Draw the curves of a model and method.

    Args:
        panels: one for the training loss, then one for each metric that is shown.
        metrics: those that are shown.
        history: as of `plot_curves`.
        evaluations: as of `plot_curves`.
        series: the model and method.
        look: of its curves.
        label: for the legend.
    """
    steps, epochs = (
        table[(table["model"] == series[0]) & (table["method"] == series[1])]
        for table in (history, evaluations)
    )
    batches = _over_seeds(steps, "loss")["mean"]
    panels[0].plot(batches.index, batches, color=look.color, linewidth=0.5, alpha=0.45)
    _draw_curve(panels[0], _over_seeds(_epoch_means(steps), "loss"), look, label)
    for axes, metric in zip(panels[1:], metrics, strict=True):
        _draw_curve(axes, _over_seeds(epochs, metric.name), look, label)


def _draw_rows(
    metrics: Sequence[Metric],
    history: pd.DataFrame,
    evaluations: pd.DataFrame,
    runs: pd.DataFrame,
) -> tuple[Figure, list[Axes]]:
    """Draw a row of panels for each method, with a curve for each model, or the other way round.

    Args:
        metrics: those that are shown.
        history: as of `plot_curves`.
        evaluations: as of `plot_curves`.
        runs: as of `plot_curves`.

    Returns:
        The figure, and the panels of its first row.
    """
    models, methods = list(runs["model"].unique()), list(runs["method"].unique())
    by_method = len(methods) >= len(models)
    few, many = (models, methods) if by_method else (methods, models)
    looks = series_looks([("", name) for name in few])
    groups = _groups_of(runs)
    columns = 1 + len(metrics)
    figure, grid = plt.subplots(
        len(many),
        columns,
        figsize=(WIDTH, SMALL_ROW_HEIGHT * len(many) + 1.0),
        sharex=True,
        sharey="col",
        squeeze=False,
        layout="none",
    )
    for panels, name in zip(grid, many, strict=True):
        notes = []
        for other in few:
            one = (other, name) if by_method else (name, other)
            if one not in groups:
                continue
            _draw_series(panels, metrics, history, evaluations, one, looks["", other], label=other)
            marks = name_absence(groups[one]) or format_marks(groups[one])
            notes += [f"{other} {marks}"] if marks else []
        panels[0].annotate(
            "; ".join([name, *notes]),
            xy=(0, 1),
            xycoords="axes fraction",
            xytext=(0, 2),
            textcoords="offset points",
            fontsize=NAME_SIZE,
            weight="bold",
        )
        for axes in panels:
            axes.tick_params(labelsize=NAME_SIZE)
            axes.yaxis.set_major_locator(MaxNLocator(3))
            axes.xaxis.set_major_locator(MaxNLocator(3))
    for axes in grid[-1]:
        axes.set_xlabel("Optimizer steps", fontsize=NAME_SIZE)
    return figure, list(grid[0])


def _arrange_rows(figure: Figure, panels: Sequence[Axes]) -> None:
    """Lay out the small panels below the legend by their known sizes.

    Constrained layout would take minutes to solve for so many.

    Args:
        figure: with its legend.
        panels: its first row, with titles.
    """
    lines = 1
    width = (WIDTH - BESIDE) / len(panels) - BESIDE
    for axes in panels:
        title = wrap_text(figure, axes.get_title(loc="left"), size=NAME_SIZE, width=width)
        axes.set_title(title, loc="left", fontsize=NAME_SIZE, pad=NAME_PAD)
        lines = max(lines, title.count("\n") + 1)
    height = figure.get_figheight()
    legend = figure.legends[0].get_window_extent().height / figure.dpi
    figure.subplots_adjust(
        left=BESIDE / WIDTH,
        right=1 - 0.1 / WIDTH,
        bottom=0.45 / height,
        top=1 - (legend + 0.2 + LEGEND_LINE * lines) / height,
        hspace=0.3,
        wspace=0.3,
    )


def _shown_metrics(measured: MeasuredTask) -> list[Metric]:
    """The metrics that have a panel: what training minimises, then all that are compared."""
    objective = METRICS[OBJECTIVE]
    return [objective, *(metric for metric in measured.compared if metric != objective)]


def _arrange_panels(count: int) -> tuple[Figure, list[Axes]]:
    """A figure of so many panels, row by row; the lowest of each column numbers its axis."""
    columns = 3 if count >= THREE_COLUMNS_FROM else 2
    rows = math.ceil(count / columns)
    figure, grid = plt.subplots(
        rows, columns, figsize=(WIDTH, ROW_HEIGHT * rows), sharex=True, squeeze=False
    )
    panels = list(grid.flat)
    for axes in panels[count:]:
        axes.axis("off")
    for axes in panels[max(0, count - columns) : count]:
        axes.tick_params(labelbottom=True)
    figure.supxlabel("Optimizer steps", fontsize=8)
    return figure, panels[:count]


def _draw_curve(axes: Axes, curve: pd.DataFrame, look: Look, label: str) -> None:
    """Draw a curve with its band.

    Args:
        axes: where it is drawn.
        curve: mean and standard deviation (`std`) by step.
        look: of its series.
        label: of its series, for the legend.
    """
    axes.plot(
        curve.index,
        curve["mean"],
        color=look.color,
        linestyle=look.linestyle,
        marker=look.marker,
        markersize=3.5,
        linewidth=1.3,
        label=label,
    )
    deviation = curve["std"].fillna(0)
    axes.fill_between(
        curve.index,
        curve["mean"] - deviation,
        curve["mean"] + deviation,
        color=look.color,
        alpha=0.18,
        linewidth=0,
    )


def _finish_panel(axes: Axes, metric: Metric, title: str, target: TargetKind) -> None:
    """Give a panel its title and the beginnings of its axes.

    The axis of a metric without an upper bound begins at its lower one; that of a metric with both
    shows the range of the curves, which would be too flat in the whole range of the metric.
    """
    axes.set_title(metric.with_unit(title, target), loc="left")
    axes.set_xlim(left=0)
    lower = metric.bounds[0]
    if np.isfinite(lower) and not metric.bounded:
        axes.set_ylim(bottom=lower)


def _label(name: str, group: Any) -> str:
    """A series in the legend, with the marks of its runs or the reason why it has none."""
    return f"{name} {name_absence(group) or format_marks(group)}".rstrip()


def _over_seeds(rows: pd.DataFrame, column: str) -> pd.DataFrame:
    """Mean and standard deviation over seeds by step.

    Steps that some run did not reach any more are left out; so is a run without any value.
    """
    curve = rows.dropna(subset=[column]).groupby("step")[column].agg(["mean", "std", "count"])
    return curve[curve["count"] == curve["count"].max()]


def _epoch_means(history: pd.DataFrame) -> pd.DataFrame:
    """The mean training loss of each seed's epochs, at the epoch's last step."""
    epochs = history.groupby(["seed", "epoch"])
    return epochs.agg(step=("step", "max"), loss=("loss", "mean")).reset_index()


def _name_splits(evaluations: pd.DataFrame) -> str:
    """What titles call the split that was evaluated: `Dev`, `Test`, or `Dev / test` if both."""
    return " / ".join(sorted(evaluations["split"].unique())).capitalize()
