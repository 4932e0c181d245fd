#!/usr/bin/env python
"""Draw a task's training curves: loss and metrics against optimizer steps, mean over seeds.

Writes every file named, in the format of its suffix. Fails when the task has no run.
"""

from pathlib import Path

from tunegrid.cli import describe, run_program
from tunegrid.errors import UserError


def main() -> None:
    parser = describe(__doc__)
    parser.add_argument("--history", required=True, type=Path, help="history.parquet")
    parser.add_argument("--runs", required=True, type=Path, help="runs.parquet")
    parser.add_argument("--task", required=True, help="the task's name")
    parser.add_argument("--dpi", type=int, default=200, help="of PNG files")
    parser.add_argument("--output", required=True, type=Path, nargs="+", help="files to write")
    arguments = parser.parse_args()

    import pandas as pd

    from tunegrid.reporting.curves_figure import plot_curves
    from tunegrid.reporting.figure_style import save

    task = [("task", "==", arguments.task)]
    history = pd.read_parquet(arguments.history, filters=task)
    runs = pd.read_parquet(arguments.runs, filters=task)
    if runs.empty:
        raise UserError(f"--task: {arguments.task!r} has no run in {arguments.runs}")
    save(plot_curves(history, runs), arguments.output, arguments.dpi)


if __name__ == "__main__":
    run_program(main)
