"""Training curves of a task: training loss, and the loss and the metrics of the evaluated split."""

import math
from collections.abc import Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tunegrid.metrics import METRICS, Metric, compared_metrics
from tunegrid.reporting.figure_style import (
    WIDTH,
    Look,
    empty_figure,
    models_note,
    place_legend,
    seeds_note,
    series_label,
    series_looks,
    series_of,
)
from tunegrid.reporting.marks import explain_marks_in_legend, format_marks, name_absence
from tunegrid.statistics.run_counts import count_runs

#: What training minimises: the history's column, and the metric of this name.
OBJECTIVE = "loss"
#: From so many panels on, three of them stand side by side instead of two.
THREE_COLUMNS_FROM = 5
#: Height of a row of panels, in inches.
ROW_HEIGHT = 2.3


def plot_curves(history: pd.DataFrame, evaluations: pd.DataFrame, runs: pd.DataFrame) -> Figure:
    """Draw means over seeds against optimizer steps, with a band of ± one standard deviation.

    The first panel shows the training loss: that of each step's batch (thin) and its mean over each
    epoch (thick, at the epoch's last step). Each further panel shows one metric as it was measured
    at the end of each epoch: the loss, then every metric by which methods are compared. A curve
    ends where the first of its runs stopped.

    Args:
        history: one task's rows of history.parquet: columns model, task, method, seed, step, epoch
            and loss; a row for each step of each run.
        evaluations: the task's rows of evaluations.parquet: columns model, task, method, seed,
            epoch, step, split, and one for each metric of the registry; a row for each evaluated
            epoch of each run.
        runs: the task's, as collect_runs returns them.
    """
    if history.empty:
        return empty_figure("no run of this task is finished")
    series = series_of(runs)
    models = list(runs["model"].unique())
    looks = series_looks(series)
    groups = {(row.model, row.method): row for row in count_runs(runs).reset_index().itertuples()}
    metrics = _shown_metrics()
    figure, panels = _arrange_panels(1 + len(metrics))
    for model, method in series:
        look = looks[model, method]
        label = _label(groups[model, method], models)
        steps = history[(history["model"] == model) & (history["method"] == method)]
        batches = _over_seeds(steps, "loss")["mean"]
        panels[0].plot(batches.index, batches, color=look.color, linewidth=0.5, alpha=0.45)
        _draw_curve(panels[0], _over_seeds(_epoch_means(steps), "loss"), look, label)
        epochs = evaluations[(evaluations["model"] == model) & (evaluations["method"] == method)]
        for axes, metric in zip(panels[1:], metrics, strict=True):
            _draw_curve(axes, _over_seeds(epochs, metric.name), look, label)
    objective = METRICS[OBJECTIVE]
    _finish_panel(panels[0], objective, f"Training {objective.noun}")
    split = _name_splits(evaluations)
    for axes, metric in zip(panels[1:], metrics, strict=True):
        _finish_panel(axes, metric, f"{split} {metric.noun}")
    seeds = history.groupby(["model", "method"])["seed"].nunique()
    spread = "one seed each"
    if seeds.max() > 1:
        spread = f"mean over seeds; band: ± standard deviation over {seeds_note(seeds)} (n−1)"
    title = f"{history['task'].iloc[0]}; {models_note(models)}{spread}"
    title += explain_marks_in_legend(pd.DataFrame(groups.values()))
    place_legend(figure, panels, title)
    return figure


def _shown_metrics() -> list[Metric]:
    """The metrics that have a panel: what training minimises, then all that are compared."""
    return [METRICS[name] for name in dict.fromkeys([OBJECTIVE, *compared_metrics()])]


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


def _finish_panel(axes: Axes, metric: Metric, title: str) -> None:
    """Give a panel its title and the beginnings of its axes.

    The axis of a metric without an upper bound begins at its lower one; that of a metric with both
    shows the range of the curves, which would be too flat in the whole range of the metric.
    """
    axes.set_title(metric.with_unit(title), loc="left")
    axes.set_xlim(left=0)
    lower = metric.bounds[0]
    if np.isfinite(lower) and not metric.bounded:
        axes.set_ylim(bottom=lower)


def _label(group: Any, models: Sequence[str]) -> str:
    """A series in the legend, with the marks of its runs or the reason why it has none."""
    name = series_label(group.model, group.method, models)
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
