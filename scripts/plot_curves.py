#!/usr/bin/env python
"""Draw a task's training curves: training loss and metrics against optimizer steps.

A curve is the mean over seeds. Writes every file named, in the format of its suffix. Fails if the
task has no run in the grid.
"""

from pathlib import Path

from tunegrid.cli import add_figure_options, describe, run_program
from tunegrid.errors import UserError


def main() -> None:
    parser = describe(__doc__)
    parser.add_argument(
        "--history", required=True, type=Path, help="the training loss of every step, Parquet"
    )
    parser.add_argument(
        "--evaluations", required=True, type=Path, help="the metrics of every epoch, Parquet"
    )
    parser.add_argument("--runs", required=True, type=Path, help="runs.parquet of collect_runs")
    parser.add_argument("--task", required=True, help="the name of the task")
    add_figure_options(parser)
    arguments = parser.parse_args()

    import pandas as pd

    from tunegrid.reporting.curves_figure import plot_curves
    from tunegrid.reporting.figure_style import save

    of_task = [("task", "==", arguments.task)]
    runs = pd.read_parquet(arguments.runs, filters=of_task)
    if runs.empty:
        raise UserError(f"--task: {arguments.task!r} has no run in {arguments.runs}")
    figure = plot_curves(
        history=pd.read_parquet(arguments.history, filters=of_task),
        evaluations=pd.read_parquet(arguments.evaluations, filters=of_task),
        runs=runs,
    )
    save(figure, arguments.output, arguments.dpi)


if __name__ == "__main__":
    run_program(main)
