"""Confusion matrices of a task: a panel for each model and method."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
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
    LEGEND_SIZE,
    WIDTH,
    empty_figure,
    models_note,
    series_label,
)
from tunegrid.reporting.figure_text import show_labels, widest, wrap_text
from tunegrid.reporting.marks import explain_marks_in_legend, format_marks, name_absence
from tunegrid.statistics.run_counts import COUNTS

#: The most panels side by side.
MOST_COLUMNS = 4
#: The side of a panel: at least, and of few labels at most, in inches.
SMALLEST_SIDE, LARGEST_SIDE = 1.2, 1.9
#: With so many labels at most, the shares are written, which takes this side of a cell in inches.
MOST_WRITTEN, WRITTEN_CELL = 10, 0.2
#: With so many labels at most, they are named below the panels, too; font size of names in points,
#: and the side of a cell that they take in inches.
MOST_NAMED_BELOW, NAME_SIZE, NAMED_CELL = 30, 6.5, 0.1
#: With so many labels at most, each is named beside the panels, and numbered below them.
MOST_NAMED, SMALL_NAME_SIZE, SMALL_CELL = 160, 5.0, 0.075
#: Panels that would be higher than this together, in inches, are one for each model.
MOST_HEIGHT = 60.0
#: Gap between panels, height of a line of a title, and room for the name of an axis with its gaps,
#: in inches.
GAP, TITLE_LINE, AXIS_LABEL = 0.15, 0.17, 0.35
#: Width of the scale of the shares with its numbers, and of its bar, in inches.
SCALE, SCALE_BAR = 0.6, 0.1
#: The least width of a figure, in inches.
LEAST_WIDTH = 3.4
#: Font size of titles, in points.
TITLE_SIZE = 8.5
#: A share larger than this is written in white.
DARK = 0.55


@dataclass(frozen=True)
class _Panel:
    """What a panel shows.

    Attributes:
        name: of the model and method.
        counts: a row with `COUNTS`.
        shares: rows of the table of confusions.
    """

    name: str
    counts: Any
    shares: pd.DataFrame

    @property
    def title(self) -> str:
        """The name with the marks of the runs."""
        return f"{self.name} {format_marks(self.counts)}".rstrip()


@dataclass(frozen=True)
class _Names:
    """How the labels stand beside and below the panels.

    Attributes:
        labels: as the table of confusions has them, in the order of the axes.
        beside: what stands beside the panels, for each label.
        below: what stands below the panels, for each label.
        size: of the font, in points.
        every: which of them are named: each, or each second one, and so on.
    """

    labels: list[str]
    beside: list[str]
    below: list[str]
    size: float
    every: int

    @property
    def cell(self) -> float:
        """The least side of a cell, in inches."""
        if len(self.labels) <= MOST_WRITTEN:
            return WRITTEN_CELL
        return (NAMED_CELL if self.size == NAME_SIZE else SMALL_CELL) / self.every

    @property
    def note(self) -> str:
        """What a reader must know of the names; empty if they are plain."""
        if self.below is self.beside:
            return ""
        numbers = "; below a panel stand the numbers of the labels"
        if self.every == 1:
            return numbers
        return f"{numbers}; of {len(self.labels)} labels one in {self.every} is named"


def plot_confusion(confusion: pd.DataFrame, labels: Sequence[str], groups: pd.DataFrame) -> Figure:
    """Draw the share of each label's test examples that is given each label, all seeds together.

    A panel is a model and method. Where these would be too many, a panel is a model, all methods
    together, and the figure says so. Labels stand as they are written (`show_labels`).

    Args:
        confusion: the rows of one task of `tunegrid.statistics.error_analysis.count_errors`.
        labels: those of the task, in the order of their ids.
        groups: a row for each of the task's cell groups, with `COUNTS`.
    """
    if confusion.empty:
        return empty_figure("no run of this task is finished")
    names = _name_labels(labels, set(confusion["label"]) | set(confusion["predicted_label"]))
    models = list(groups["model"].unique())
    note = f"{confusion['task'].iloc[0]}; {models_note(models)}share of a label's test examples"
    note += ", all seeds together"
    panels = list(_panels_of(confusion, groups))
    figure = plt.figure()
    side, columns = _arrange(figure, panels, names)
    if math.ceil(len(panels) / columns) * side > MOST_HEIGHT:
        note += f"; a panel holds all methods of a model, as {len(panels)} panels are too many"
        panels = list(_pool_methods(confusion, groups))
        side, columns = _arrange(figure, panels, names)
    note += names.note + explain_marks_in_legend(groups)
    _draw(figure, panels, names, side, columns, note)
    return figure


def _name_labels(labels: Sequence[str], occurring: set[str]) -> _Names:
    """How the labels that occur are named."""
    shown = [(at, label) for at, label in enumerate(labels) if label in occurring]
    few = len(shown) <= MOST_NAMED_BELOW
    texts = show_labels(labels, numbered=not few)
    beside = [texts[at] for at, _ in shown]
    return _Names(
        labels=[label for _, label in shown],
        beside=beside,
        below=beside if few else [str(at) for at, _ in shown],
        size=NAME_SIZE if few else SMALL_NAME_SIZE,
        every=math.ceil(len(shown) / MOST_NAMED),
    )


def _panels_of(confusion: pd.DataFrame, groups: pd.DataFrame) -> Iterator[_Panel]:
    """A panel for each model and method."""
    models = list(groups["model"].unique())
    for group in groups.itertuples():
        own = (confusion["model"] == group.model) & (confusion["method"] == group.method)
        yield _Panel(series_label(group.model, group.method, models), group, confusion[own])


def _pool_methods(confusion: pd.DataFrame, groups: pd.DataFrame) -> Iterator[_Panel]:
    """A panel for each model, of the counts of all its methods."""
    counts = groups.groupby("model", sort=False)[COUNTS].sum()
    for row in counts.itertuples():
        own = confusion[confusion["model"] == row.Index]
        pooled = own.groupby(["label", "predicted_label"], as_index=False)["count"].sum()
        pooled["share"] = pooled["count"] / pooled.groupby("label")["count"].transform("sum")
        methods = (groups["model"] == row.Index).sum()
        yield _Panel(f"{row.Index} · {methods} methods", row, pooled)


def _arrange(figure: Figure, panels: Sequence[_Panel], names: _Names) -> tuple[float, int]:
    """The side of a panel in inches, and how many stand side by side."""
    words = [word for panel in panels for word in panel.title.split(" ")]
    title = widest(figure, words, TITLE_SIZE)
    least = max(SMALLEST_SIDE, title, names.cell * len(names.labels))
    room = WIDTH - AXIS_LABEL - SCALE - widest(figure, names.beside, names.size)
    most = int(np.clip(room // (least + GAP), 1, MOST_COLUMNS))
    columns = math.ceil(len(panels) / math.ceil(len(panels) / most))
    return max(least, min(LARGEST_SIDE, room / columns - GAP)), columns


def _draw(
    figure: Figure, panels: Sequence[_Panel], names: _Names, side: float, columns: int, note: str
) -> None:
    """Draw all panels, and around them what they have in common.

    Every size is known, so nothing is left to a layout that would have to search for it.

    Args:
        figure: an empty one.
        panels: in their order.
        names: of the labels.
        side: of a panel, in inches.
        columns: so many panels stand side by side.
        note: stands above the panels.
    """
    figure.set_layout_engine("none")
    titles = [wrap_text(figure, panel.title, TITLE_SIZE, side) for panel in panels]
    title = TITLE_LINE * (max(title.count("\n") for title in titles) + 1)
    left = AXIS_LABEL + widest(figure, names.beside, names.size)
    below = AXIS_LABEL + widest(figure, names.below, names.size)
    width = max(LEAST_WIDTH, left + columns * (side + GAP) + SCALE)
    note = wrap_text(figure, note, LEGEND_SIZE, width - 0.2)
    above = LEGEND_LINE * (note.count("\n") + 2)
    rows = math.ceil(len(panels) / columns)
    height = above + rows * (title + side + GAP) + below
    figure.set_size_inches(width, height)
    figure.text(0.5, 1 - 0.08 / height, note, fontsize=LEGEND_SIZE, ha="center", va="top")
    for place, (panel, text) in enumerate(zip(panels, titles, strict=True)):
        row, column = divmod(place, columns)
        x = left + column * (side + GAP)
        y = height - above - (row + 1) * (title + side) - row * GAP
        axes = figure.add_axes((x / width, y / height, side / width, side / height))
        image = _draw_panel(axes, panel.shares, names)
        axes.set_title(text, loc="left", fontsize=TITLE_SIZE)
        absence = name_absence(panel.counts)
        axes.text(0.5, 0.5, absence, transform=axes.transAxes, ha="center", va="center")
        # The first panel of each row and the last one of each column name the labels.
        is_first, is_last = column == 0, place + columns >= len(panels)
        axes.tick_params(labelleft=is_first, labelbottom=is_last)
        axes.set_ylabel("label" if is_first else "")
        axes.set_xlabel("predicted label" if is_last else "")
    y = height - above - title - side
    x = left + columns * (side + GAP)
    scale = figure.add_axes((x / width, y / height, SCALE_BAR / width, min(side, 1.5) / height))
    figure.colorbar(image, cax=scale, label="share")


def _draw_panel(axes: Axes, shares: pd.DataFrame, names: _Names) -> AxesImage:
    """Draw the matrix of one panel; without rows it is empty."""
    table = shares.pivot_table(index="label", columns="predicted_label", values="share")
    matrix = table.reindex(index=names.labels, columns=names.labels).to_numpy(dtype=float)
    image = axes.imshow(matrix, cmap="Greys", vmin=0, vmax=1)
    axes.grid(visible=False)
    if len(names.labels) <= MOST_WRITTEN:
        _write_shares(axes, matrix)
    places = range(0, len(names.labels), names.every)
    axes.set_xticks(places, names.below[:: names.every], rotation=90)
    axes.set_yticks(places, names.beside[:: names.every])
    axes.tick_params(length=0, labelsize=names.size)
    return image


def _write_shares(axes: Axes, shares: npt.NDArray[np.floating]) -> None:
    """Write each share into its cell of the matrix, without the leading zero."""
    for (row, column), share in np.ndenumerate(shares):
        if not np.isnan(share):
            colour = "white" if share > DARK else "black"
            text = f"{share:.2f}".lstrip("0")
            axes.text(column, row, text, ha="center", va="center", fontsize=NAME_SIZE, color=colour)
