"""Confusion matrices of a task: a panel a model and method."""

import math
from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from tunegrid.reporting.figure_style import (
    LEGEND_LINE,
    WIDTH,
    empty_figure,
    models_note,
    series_label,
    series_of,
)
from tunegrid.reporting.marks import absence, figure_note, mark

#: The most panels side by side, their largest side (inches), and the most labels whose shares can
#: be read.
COLUMNS, SIDE, MOST_WRITTEN = 4, 2.3, 10
#: Inches that a character of a label takes.
CHARACTER = 0.07
#: A cell darker than this is written in white.
DARK = 0.55


def plot_confusion(confusion: pd.DataFrame, labels: Sequence[str], groups: pd.DataFrame) -> Figure:
    """The share of each label's test examples that is given each label, all seeds together.

    Args:
        confusion: the rows of one task of `tunegrid.statistics.error_analysis.count_errors`.
        labels: those of the task, in order.
        groups: a row of each of the task's cell groups, with `COUNTS`.
    """
    if confusion.empty:
        return empty_figure("no run of this task is finished")
    occurring = set(confusion["label"]) | set(confusion["predicted_label"])
    labels = [label for label in labels if label in occurring]
    series = series_of(groups)
    models = list(groups["model"].unique())
    rows = math.ceil(len(series) / COLUMNS)
    columns = math.ceil(len(series) / rows)
    side = min(SIDE, WIDTH / columns)
    note = figure_note(groups)
    # The labels below the panels, and a further line above them.
    below, above = CHARACTER * max(map(len, labels)), LEGEND_LINE * note.count("\n")
    figure, grid = plt.subplots(
        *(rows, columns),
        figsize=(max(columns * side, 3.4), 0.6 + 0.8 * rows * side + below + above),
        sharex=True, sharey=True, squeeze=False,
    )  # fmt: skip
    for place, axes in enumerate(grid.flat[len(series) :], start=len(series)):
        axes.axis("off")
        grid.flat[place - columns].tick_params(labelbottom=True)
    for axes, group in zip(grid.flat, groups.itertuples(), strict=False):
        model, method = group.model, group.method
        own = confusion[(confusion["model"] == model) & (confusion["method"] == method)]
        shares = own.pivot_table(index="label", columns="predicted_label", values="share")
        shares = shares.reindex(index=labels, columns=labels)
        image = axes.imshow(shares.to_numpy(dtype=float), cmap="Greys", vmin=0, vmax=1)
        axes.set_title(f"{series_label(model, method, models)} {mark(group)}", loc="left")
        axes.text(*(0.5, 0.5, absence(group)), transform=axes.transAxes, ha="center", va="center")
        axes.grid(visible=False)
        if len(labels) <= MOST_WRITTEN:
            _write_shares(axes, shares.to_numpy(dtype=float))
        places = range(len(labels)) if len(labels) <= 3 * MOST_WRITTEN else []
        axes.set_xticks(places, [labels[at] for at in places], rotation=90)
        axes.set_yticks(places, [labels[at] for at in places])
        axes.tick_params(length=0, labelsize=6.5)
    figure.supxlabel("predicted label", fontsize=8)
    figure.supylabel("label", fontsize=8)
    task = confusion["task"].iloc[0]
    figure.suptitle(
        f"{task}; {models_note(models)}share of a label's test examples, all seeds together{note}",
        fontsize=7.5,
    )
    figure.colorbar(image, ax=grid, shrink=0.6, label="share")
    return figure


def _write_shares(axes: plt.Axes, shares: np.ndarray) -> None:
    for (row, column), share in np.ndenumerate(shares):
        if not np.isnan(share):
            colour = "white" if share > DARK else "black"
            text = f"{share:.2f}".lstrip("0")
            axes.text(column, row, text, ha="center", va="center", fontsize=6.5, color=colour)
