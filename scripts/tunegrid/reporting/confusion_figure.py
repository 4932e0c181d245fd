"""Confusion matrices of a task: a panel for each model and method."""

import math
from collections.abc import Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.image import AxesImage

from tunegrid.reporting.figure_style import (
    LEGEND_LINE,
    WIDTH,
    empty_figure,
    models_note,
    series_label,
)
from tunegrid.reporting.marks import explain_marks_in_legend, format_marks, name_absence

#: The most panels side by side.
MOST_COLUMNS = 4
#: The largest side of a panel, in inches.
LARGEST_SIDE = 2.3
#: With more labels than this the shares cannot be read, and are not written.
MOST_WRITTEN = 10
#: With more labels than this their names cannot be read, and are not written.
MOST_NAMED = 30
#: Length of a character of a label or a title, in inches.
CHARACTER = 0.07
#: Share of its place that a panel takes; the rest is the gap to its neighbour.
PANEL_SHARE = 0.75
#: A share larger than this is written in white.
DARK = 0.55
#: Font size of what stands in and beside a panel, in points.
SMALL = 6.5


def plot_confusion(confusion: pd.DataFrame, labels: Sequence[str], groups: pd.DataFrame) -> Figure:
    """Draw the share of each label's test examples that is given each label, all seeds together.

    Args:
        confusion: the rows of one task of `tunegrid.statistics.error_analysis.count_errors`.
        labels: those of the task, in the order of their ids.
        groups: a row for each of the task's cell groups, with `COUNTS`.
    """
    if confusion.empty:
        return empty_figure("no run of this task is finished")
    occurring = set(confusion["label"]) | set(confusion["predicted_label"])
    labels = [label for label in labels if label in occurring]
    models = list(groups["model"].unique())
    note = explain_marks_in_legend(groups)
    rows = math.ceil(len(groups) / MOST_COLUMNS)
    columns = math.ceil(len(groups) / rows)
    side = min(LARGEST_SIDE, WIDTH / columns)
    titles = [_title(group, models, side) for group in groups.itertuples()]
    title_lines = rows * max(title.count("\n") for title in titles)
    names_below = CHARACTER * max(len(label) for label in labels)
    more_lines = LEGEND_LINE * (title_lines + note.count("\n"))
    figure, grid = plt.subplots(
        rows,
        columns,
        figsize=(max(columns * side, 3.4), 0.6 + 0.8 * rows * side + names_below + more_lines),
        sharex=True,
        sharey=True,
        squeeze=False,
    )
    panels = list(grid.flat)
    for place in range(len(groups), len(panels)):
        panels[place].axis("off")
        # The panel above is the last one of its column: it names the labels.
        panels[place - columns].tick_params(labelbottom=True)
    for axes, title, group in zip(panels, titles, groups.itertuples(), strict=False):
        own_rows = (confusion["model"] == group.model) & (confusion["method"] == group.method)
        image = _draw_panel(axes, confusion[own_rows], labels)
        axes.set_title(title, loc="left")
        axes.text(0.5, 0.5, name_absence(group), transform=axes.transAxes, ha="center", va="center")
    figure.supxlabel("predicted label", fontsize=8)
    figure.supylabel("label", fontsize=8)
    task = confusion["task"].iloc[0]
    figure.suptitle(
        f"{task}; {models_note(models)}share of a label's test examples, all seeds together{note}",
        fontsize=7.5,
    )
    figure.colorbar(image, ax=grid, shrink=0.6, label="share")
    return figure


def _title(group: Any, models: Sequence[str], side: float) -> str:
    """A model and method with the marks of their runs, in two lines if it is long.

    Args:
        group: a row with `COUNTS`.
        models: those of the figure.
        side: of the panel's place, in inches.
    """
    name = series_label(group.model, group.method, models)
    title = f"{name} {format_marks(group)}".rstrip()
    if len(models) > 1 and len(title) * CHARACTER > PANEL_SHARE * side:
        return title.replace(" · ", " ·\n", 1)
    return title


def _draw_panel(axes: Axes, confusion: pd.DataFrame, labels: Sequence[str]) -> AxesImage:
    """Draw the matrix of one model and method; without rows it is empty."""
    table = confusion.pivot_table(index="label", columns="predicted_label", values="share")
    shares = table.reindex(index=labels, columns=labels).to_numpy(dtype=float)
    image = axes.imshow(shares, cmap="Greys", vmin=0, vmax=1)
    axes.grid(visible=False)
    if len(labels) <= MOST_WRITTEN:
        _write_shares(axes, shares)
    named = list(labels) if len(labels) <= MOST_NAMED else []
    axes.set_xticks(range(len(named)), named, rotation=90)
    axes.set_yticks(range(len(named)), named)
    axes.tick_params(length=0, labelsize=SMALL)
    return image


def _write_shares(axes: Axes, shares: npt.NDArray[np.floating]) -> None:
    """Write each share into its cell of the matrix, without the leading zero."""
    for (row, column), share in np.ndenumerate(shares):
        if not np.isnan(share):
            colour = "white" if share > DARK else "black"
            text = f"{share:.2f}".lstrip("0")
            axes.text(column, row, text, ha="center", va="center", fontsize=SMALL, color=colour)
