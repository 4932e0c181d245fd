"""Panels in which methods stand below each other, whose names have room however many there are."""

import math
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.ticker import MaxNLocator

from tunegrid.reporting.figure_style import WIDTH, Look, series_looks
from tunegrid.reporting.figure_text import widest

#: Font size of the names of methods and of the numbers below a panel, in points.
NAME_SIZE = 7
#: Font size of the names of tasks, in points.
TITLE_SIZE = 8.5
#: The least width of a panel, and the gap beside it, in inches.
NARROWEST_PANEL, GAP = 0.72, 0.16
#: Width of what stands left of the names, and height of what stands around a panel, in inches.
LEFT, HEIGHT_AROUND = 0.45, 0.5
#: Width that a number below a panel takes, in inches.
NUMBER = 0.42
#: A panel that is higher than this, in inches, has the numbers of its axis at the top, too.
TALL = 6.0
#: Width of a character beside a block, in inches, and the least characters of a line there.
CHARACTER, LEAST_CHARACTERS = 0.07, 12
#: Share of a method's place that its models take together.
FILLED = 0.8


@dataclass(frozen=True)
class ModelPlace:
    """How a model is drawn, and where within the place of each method.

    Attributes:
        look: its colour and shape.
        offset: of its middle from the middle of a method's place; 1 is the whole place.
        height: of its part of the place.
    """

    look: Look
    offset: float
    height: float


def place_models(models: Sequence[str]) -> dict[str, ModelPlace]:
    """How and where each model is drawn: below each other, and the first 36 differ in look."""
    looks = series_looks([("", model) for model in models])
    height = FILLED / len(models)
    return {
        model: ModelPlace(
            look=looks["", model],
            offset=(position - (len(models) - 1) / 2) * height,
            height=height,
        )
        for position, model in enumerate(models)
    }


def arrange_method_rows(
    names: Sequence[str], blocks: Sequence[Sequence[str]], row_height: float
) -> tuple[Figure, list[dict[str, Axes]]]:
    """A figure of panels, one for each task, in each of which the methods stand below each other.

    The panels of a block share both axes. As many stand side by side as have room for the names of
    their tasks; the others follow below.

    Args:
        names: of the methods, from the top.
        blocks: the tasks of each block, from the top: a block has an axis of its own, and a panel
            for each of its tasks.
        row_height: of a method's place, in inches.

    Returns:
        The figure, and the panels of each block by their task.
    """
    figure = plt.figure()
    beside = LEFT + widest(figure, names, NAME_SIZE)
    titles = [task for tasks in blocks for task in tasks]
    needed = max(NARROWEST_PANEL, widest(figure, titles, TITLE_SIZE)) + GAP
    most = max(1, int((WIDTH - beside) // needed))
    largest = max(len(tasks) for tasks in blocks)
    columns = math.ceil(largest / math.ceil(largest / most))
    lines_of_blocks = [math.ceil(len(tasks) / columns) for tasks in blocks]
    lines = sum(lines_of_blocks)
    figure.set_size_inches(
        max(WIDTH, beside + needed),
        lines * (len(names) * row_height + HEIGHT_AROUND) + HEIGHT_AROUND,
    )
    figure.set_layout_engine(ConstrainedLayoutEngine(w_pad=GAP / 2))
    grid = figure.subplots(lines, columns, sharey=True, squeeze=False)
    room = (figure.get_figwidth() - beside) / columns - GAP
    panels: list[dict[str, Axes]] = []
    above = 0
    for tasks, lines_of_block in zip(blocks, lines_of_blocks, strict=True):
        cells = list(grid[above : above + lines_of_block].flat)
        above += lines_of_block
        for axes in cells[len(tasks) :]:
            axes.axis("off")
        for task, axes in zip(tasks, cells, strict=False):
            axes.set_title(task, fontsize=TITLE_SIZE)
            axes.grid(axis="x")
            axes.tick_params(axis="y", length=0)
            axes.tick_params(labelsize=NAME_SIZE)
            if len(names) * row_height > TALL:
                axes.tick_params(axis="x", labeltop=True, top=True)
            if axes is not cells[0]:
                axes.sharex(cells[0])
        cells[0].xaxis.set_major_locator(MaxNLocator(int(np.clip(room // NUMBER, 1, 5))))
        cells[0].xaxis.set_major_formatter("{x:g}")
        panels.append(dict(zip(tasks, cells, strict=False)))
    grid[0, 0].set_yticks(range(len(names)), names)
    grid[0, 0].set_ylim(len(names) - 0.5, -0.5)
    return figure, panels


def name_block(axes: Axes, title: str, height: float) -> None:
    """Write what the axis of a block shows beside its first panel, at its top if it is tall.

    Args:
        axes: the first panel of the block.
        title: is broken into lines where the panel ends.
        height: of a panel, in inches.
    """
    characters = max(LEAST_CHARACTERS, int(height / CHARACTER))
    axes.set_ylabel(textwrap.fill(title, characters), loc="top" if height > TALL else "center")
