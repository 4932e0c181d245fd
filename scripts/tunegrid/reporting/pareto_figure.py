"""Cost beside quality: the picture of what pays."""

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tunegrid.reporting.figure_style import (
    WIDTH,
    models_note,
    place_legend,
    series_label,
    series_looks,
    series_of,
)
from tunegrid.reporting.marks import absence, figure_note, mark
from tunegrid.statistics.costs import pareto_front

#: The costs that are pictured: column of `cost` → (axis label, what divides the value).
COSTS = {
    "traced": ("step memory, traced (GB)", 1e9),
    "train_seconds": ("training time (minutes)", 60.0),
}
#: From this ratio of the largest to the smallest cost on, the axis is logarithmic.
LOG_FROM = 20


#: So many series that a panel cannot show are named in it.
MOST_NAMED = 6


def plot_pareto(table: pd.DataFrame) -> Figure:
    """Accuracy against memory and against time, a column of panels a task.

    A point a model and method (mean over seeds); the line joins those whose mean no other beats at
    lower cost.

    Args:
        table: as `tunegrid.statistics.costs.cost` returns it.
    """
    tasks, series = list(table["task"].unique()), series_of(table)
    models = list(table["model"].unique())
    looks = series_looks(series)
    figure, grid = plt.subplots(
        *(len(COSTS), len(tasks)),
        figsize=(max(WIDTH, 2.3 * len(tasks)), 2.4 * len(COSTS)),
        sharey="col",
        squeeze=False,
    )
    for column, task in enumerate(tasks):
        rows = table[table["task"] == task].reset_index(drop=True)
        for line, (cost, (label, unit)) in enumerate(COSTS.items()):
            axes = grid[line, column]
            _draw_panel(axes, rows, rows[cost].astype(float) / unit, looks, models)
            axes.set_xlabel(label)
            axes.set_ylabel("Accuracy, test split" if column == 0 else "")
        grid[0, column].set_title(task)
    handles = {label: handle for axes in grid.flat for handle, label in zip(
        *axes.get_legend_handles_labels(), strict=True)}  # fmt: skip
    title = f"{models_note(models)}means over seeds; line: no mean is higher at lower cost"
    shapes = table.dropna(subset="traced").groupby("model")[["batch", "tokens"]].nunique()
    if (shapes > 1).any(axis=None):
        title += "\nsteps of unequal batch or length: see the table cost"
    title += figure_note(table)
    place_legend(figure, list(handles.values()), list(handles), title)
    return figure


def _draw_panel(
    axes: Axes,
    rows: pd.DataFrame,
    costs: pd.Series,
    looks: dict[tuple[str, str], dict[str, str]],
    models: list[str],
) -> None:
    front = pareto_front(costs, rows["accuracy"])
    axes.plot(
        *(costs.iloc[front], rows["accuracy"].iloc[front]),
        color="#888888", linewidth=0.9, drawstyle="steps-post", zorder=1,
    )  # fmt: skip
    absent = []
    for row, value in zip(rows.itertuples(), costs, strict=True):
        look = looks[row.model, row.method]
        if absence(row):
            absent.append(f"{series_label(row.model, row.method, models)}: {absence(row)}")
        elif pd.isna(value) and costs.notna().any():
            absent.append(f"{series_label(row.model, row.method, models)}: not known")
        elif mark(row) and pd.notna(value):
            axes.annotate(
                mark(row), (value, row.accuracy), (4, -7), textcoords="offset points", fontsize=6
            )
        axes.plot(
            *([value], [row.accuracy]),
            color=look["color"], marker=look["marker"], markersize=5.5, linestyle="none",
            label=series_label(row.model, row.method, models),
        )  # fmt: skip
    if costs.notna().any() and costs.max() > LOG_FROM * costs.min() > 0:
        axes.set_xscale("log")
    elif costs.notna().any():
        axes.set_xlim(left=0)
    else:
        axes.text(0.5, 0.5, "not known", transform=axes.transAxes, ha="center", va="center")
        axes.set_xticks([])
    axes.margins(0.12)
    more = [f"and {len(absent) - MOST_NAMED} more"] * (len(absent) > MOST_NAMED)
    axes.text(
        *(0.98, 0.03, "\n".join(absent[:MOST_NAMED] + more)), transform=axes.transAxes,
        fontsize=6, ha="right", va="bottom",
    )  # fmt: skip
