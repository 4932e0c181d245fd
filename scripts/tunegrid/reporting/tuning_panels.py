"""What both figures of tuning have in common: small panels, in each of which methods are drawn."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tunegrid.metrics import METRICS
from tunegrid.reporting.figure_style import WIDTH, Look, series_looks
from tunegrid.reporting.figure_text import widest, wrap_text

#: So many methods stand in one panel; of more, further panels of the same model and task follow.
MOST_IN_PANEL = 6
#: So many panels stand side by side.
COLUMNS = 3
#: Font size of a panel's title and of the numbers of its axes, in points.
TITLE_SIZE, TICK_SIZE = 8, 7


@dataclass(frozen=True)
class TuningPanel:
    """A panel of a model, what it was tuned on, and at most `MOST_IN_PANEL` methods.

    Attributes:
        title: of the panel.
        methods: that are drawn, in the grid's order.
        rows: of these, of the table that is drawn.
    """

    title: str
    methods: Sequence[str]
    rows: pd.DataFrame


def split_into_panels(rows: pd.DataFrame, on: str) -> list[TuningPanel]:
    """The panels of a figure, in the grid's order.

    Args:
        rows: as `tunegrid.tuning.tuning_rows.collect_tuning` returns them.
        on: the column that a panel is of, beside the model: task or chosen_on.
    """
    panels = []
    several_models = rows["model"].nunique() > 1
    several_metrics = rows["metric"].nunique() > 1
    for (model, place), of_panel in rows.groupby(["model", on], sort=False):
        methods = list(of_panel["method"].unique())
        count = math.ceil(len(methods) / MOST_IN_PANEL)
        for number in range(count):
            drawn = methods[number * MOST_IN_PANEL : (number + 1) * MOST_IN_PANEL]
            title = f"{model} · {place}" if several_models else str(place)
            if several_metrics:
                title += f": {METRICS[of_panel['metric'].iloc[0]].noun}"
            title += f" ({number + 1} of {count})" if count > 1 else ""
            panels.append(
                TuningPanel(
                    title=title,
                    methods=drawn,
                    rows=of_panel[of_panel["method"].isin(drawn)],
                )
            )
    return panels


def name_score(rows: pd.DataFrame, before: str) -> str:
    """What the axis of scores shows: the metric with its unit, or that each panel names its own.

    Args:
        rows: as of `split_into_panels`.
        before: what stands before the metric.
    """
    names = rows["metric"].unique()
    if len(names) > 1:
        return f"{before} score, by each panel's metric"
    metric = METRICS[names[0]]
    return metric.with_unit(f"{before} {metric.noun}")


def method_looks(rows: pd.DataFrame) -> dict[str, Look]:
    """The look of each method, the same in all panels."""
    looks = series_looks([("", method) for method in rows["method"].unique()])
    return {method: look for (_, method), look in looks.items()}


def arrange_panels(panels: Sequence[TuningPanel], row_height: float) -> tuple[Figure, list[Axes]]:
    """A figure of these panels, row by row; all share the axis of what was varied.

    Args:
        panels: at least one.
        row_height: of a row of panels, in inches.
    """
    figure = plt.figure()
    columns = min(COLUMNS, len(panels))
    if widest(figure, (panel.title for panel in panels), TITLE_SIZE) > WIDTH / columns - 0.6:
        columns = min(2, columns)
    rows = math.ceil(len(panels) / columns)
    figure.set_size_inches(WIDTH, row_height * rows)
    grid = list(figure.subplots(rows, columns, sharex=True, squeeze=False).flat)
    for axes in grid[len(panels) :]:
        axes.axis("off")
    for axes in grid[max(0, len(panels) - columns) : len(panels)]:
        axes.tick_params(labelbottom=True)
    for panel, axes in zip(panels, grid, strict=False):
        title = wrap_text(figure, panel.title, TITLE_SIZE, WIDTH / columns - 0.6)
        axes.set_title(title, loc="left", fontsize=TITLE_SIZE)
        axes.tick_params(labelsize=TICK_SIZE)
    return figure, grid[: len(panels)]
