"""Cost beside quality: which methods no other one beats."""

from dataclasses import dataclass

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tunegrid.metrics import main_metric
from tunegrid.reporting.figure_style import (
    MARK_SIZE,
    WIDTH,
    Look,
    Series,
    models_note,
    place_legend,
    series_label,
    series_looks,
    series_of,
)
from tunegrid.reporting.marks import explain_marks_in_legend, format_marks, name_absence
from tunegrid.statistics.costs import pareto_front


@dataclass(frozen=True)
class Cost:
    """A cost that is drawn.

    Attributes:
        column: of the table of costs.
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
#: From this ratio of the largest to the smallest cost on, the axis is logarithmic.
LOG_FROM = 20
#: A panel names so many of the series that it cannot show.
MOST_NAMED = 6


def plot_pareto(costs: pd.DataFrame) -> Figure:
    """Draw the main metric against memory and against time, a column of panels for each task.

    A point is a model and method, the mean over seeds. The line joins the points whose mean no
    other point beats at lower cost.

    Args:
        costs: as `tunegrid.statistics.costs.cost` returns it.
    """
    metric = main_metric()
    tasks = list(costs["task"].unique())
    models = list(costs["model"].unique())
    looks = series_looks(series_of(costs))
    figure, grid = plt.subplots(
        len(COSTS),
        len(tasks),
        figsize=(max(WIDTH, 2.3 * len(tasks)), 2.4 * len(COSTS)),
        sharey="col",
        squeeze=False,
    )
    for column, task in enumerate(tasks):
        rows = costs[costs["task"] == task].reset_index(drop=True)
        for row, cost in enumerate(COSTS):
            axes = grid[row, column]
            _draw_panel(axes, rows, rows[cost.column].astype(float) / cost.unit, looks, models)
            axes.set_xlabel(cost.label)
        grid[0, column].set_title(task)
    for axes in grid[:, 0]:
        axes.set_ylabel(f"{metric.with_unit(metric.title)}, test split")
    place_legend(figure, list(grid.flat), _legend_title(costs, models))
    return figure


def _legend_title(costs: pd.DataFrame, models: list[str]) -> str:
    """What the points and the line are, and what a reader must know of the runs."""
    better = "higher" if main_metric().higher_is_better else "lower"
    title = f"{models_note(models)}means over seeds; line: no mean is {better} at lower cost"
    shapes = costs.dropna(subset="traced").groupby("model")[["batch", "tokens"]].nunique()
    if (shapes > 1).any(axis=None):
        title += "\nsteps of unequal batch or length: see the table cost"
    return title + explain_marks_in_legend(costs)


def _draw_panel(
    axes: Axes, rows: pd.DataFrame, costs: pd.Series, looks: dict[Series, Look], models: list[str]
) -> None:
    """Draw one task's points and the line of those that no other one beats.

    Args:
        axes: where they are drawn.
        rows: of the table of costs, of one task.
        costs: of each row, in the unit of the axis.
        looks: of each model and method.
        models: of the whole figure.
    """
    metric = main_metric()
    scores = rows[metric.name]
    front = pareto_front(costs, scores if metric.higher_is_better else -scores)
    axes.plot(
        costs.iloc[front],
        scores.iloc[front],
        color="#888888",
        linewidth=0.9,
        drawstyle="steps-post",
        zorder=1,
    )
    not_shown = []
    for row, cost, score in zip(rows.itertuples(), costs, scores, strict=True):
        look = looks[row.model, row.method]
        label = series_label(row.model, row.method, models)
        axes.plot(
            [cost],
            [score],
            color=look.color,
            marker=look.marker,
            markersize=5.5,
            linestyle="none",
            label=label,
        )
        if name_absence(row):
            not_shown.append(f"{label}: {name_absence(row)}")
        elif pd.isna(cost) and costs.notna().any():
            not_shown.append(f"{label}: not known")
        elif format_marks(row) and pd.notna(cost):
            axes.annotate(
                format_marks(row),
                xy=(cost, score),
                xytext=(4, -7),
                textcoords="offset points",
                fontsize=MARK_SIZE,
            )
    _scale_axis(axes, costs)
    if len(not_shown) > MOST_NAMED:
        not_shown[MOST_NAMED:] = [f"and {len(not_shown) - MOST_NAMED} more"]
    axes.text(
        0.98,
        0.03,
        "\n".join(not_shown),
        transform=axes.transAxes,
        fontsize=MARK_SIZE,
        ha="right",
        va="bottom",
        # It stands over the line (1) and under the points (2), of which none may be hidden.
        zorder=1.5,
        bbox={"facecolor": "white", "linewidth": 0, "pad": 1},
    )


def _scale_axis(axes: Axes, costs: pd.Series) -> None:
    """Scale the axis of the costs, or say that none is known."""
    if costs.isna().all():
        axes.text(0.5, 0.5, "not known", transform=axes.transAxes, ha="center", va="center")
        axes.set_xticks([])
    elif costs.max() > LOG_FROM * costs.min() > 0:
        axes.set_xscale("log")
    else:
        axes.set_xlim(left=0)
    axes.margins(0.12)
