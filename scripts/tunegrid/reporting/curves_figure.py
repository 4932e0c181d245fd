"""Training curves of a task: training loss, and loss and metrics of the evaluated split."""

from collections.abc import Sequence
from typing import Any

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure

from tunegrid.reporting.figure_style import (
    WIDTH,
    empty_figure,
    models_note,
    place_legend,
    seeds_note,
    series_label,
    series_looks,
    series_of,
)
from tunegrid.reporting.marks import absence, figure_note, mark
from tunegrid.results import EVALUATED
from tunegrid.statistics.run_counts import count_runs

#: Panels: history column → title.
PANELS = {
    "loss": "Training loss (nats)",
    "eval_loss": "{split} loss (nats)",
    "eval_accuracy": "{split} accuracy (= micro-F1)",
    "eval_macro_f1": "{split} macro-F1",
}


def plot_curves(history: pd.DataFrame, runs: pd.DataFrame) -> Figure:
    """Mean over seeds against optimizer steps, with a band of ± one standard deviation.

    The training loss is that of each step's batch (thin) and its mean over each epoch (thick,
    at the epoch's last step); the rest is measured at the end of each epoch. A curve ends where the
    first of its runs stopped.

    Args:
        history: one task's rows of history.parquet.
        runs: the task's, as collect_runs returns them.
    """
    if history.empty:
        return empty_figure("no run of this task is finished")
    series = series_of(runs)
    models = list(runs["model"].unique())
    told = {(row.model, row.method): row for row in count_runs(runs).reset_index().itertuples()}
    eval_split = evaluated_split(runs)
    looks = series_looks(series)
    figure, grid = plt.subplots(2, 2, figsize=(WIDTH, 4.6), sharex=True)
    for axes, (column, title) in zip(grid.flat, PANELS.items(), strict=True):
        for model, method in series:
            rows = history[(history["model"] == model) & (history["method"] == method)]
            look = looks[model, method]
            if column == "loss":
                steps = _over_seeds(rows, "loss")["mean"]
                axes.plot(steps.index, steps, color=look["color"], linewidth=0.5, alpha=0.45)
                rows = _epoch_means(rows)
            curve = _over_seeds(rows, column)
            axes.plot(
                curve.index,
                curve["mean"],
                color=look["color"],
                linestyle=look["linestyle"],
                marker=look["marker"],
                markersize=3.5,
                linewidth=1.3,
                label=_label(told[model, method], models),
            )
            deviation = curve["std"].fillna(0)
            axes.fill_between(
                curve.index,
                curve["mean"] - deviation,
                curve["mean"] + deviation,
                color=look["color"],
                alpha=0.18,
                linewidth=0,
            )
        axes.set_title(title.format(split=eval_split.capitalize()), loc="left")
        axes.set_xlim(left=0)
        if column.endswith("loss"):
            axes.set_ylim(bottom=0)
    for axes in grid[1]:
        axes.set_xlabel("Optimizer steps")
    seeds = history.groupby(["model", "method"])["seed"].nunique()
    spread = "one seed each"
    if seeds.max() > 1:
        spread = f"mean over seeds; band: ± standard deviation over {seeds_note(seeds)} (n−1)"
    title = f"{history['task'].iloc[0]}; {models_note(models)}{spread}"
    title += figure_note(pd.DataFrame(told.values()))
    place_legend(figure, *grid[0, 1].get_legend_handles_labels(), title)
    return figure


def _label(row: Any, models: Sequence[str]) -> str:
    """A series in the legend, with what is to be known of its runs."""
    return f"{series_label(row.model, row.method, models)} {absence(row) or mark(row)}".rstrip()


def _over_seeds(rows: pd.DataFrame, column: str) -> pd.DataFrame:
    """Mean and standard deviation by step, as far as all seeds go that have a value at all."""
    curve = rows.dropna(subset=[column]).groupby("step")[column].agg(["mean", "std", "count"])
    return curve[curve["count"] == curve["count"].max()]


def _epoch_means(rows: pd.DataFrame) -> pd.DataFrame:
    """The mean training loss of each seed's epochs, at the epoch's last step."""
    epochs = rows.groupby(["seed", "epoch"])
    return epochs.agg(step=("step", "max"), loss=("loss", "mean")).reset_index()


def evaluated_split(runs: pd.DataFrame) -> str:
    """What to call the split that the curves were measured on: `dev`, `test`, or both."""
    return " / ".join(sorted(runs["settings.protocol"].map(EVALUATED).unique()))
