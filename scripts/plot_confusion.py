#!/usr/bin/env python
"""Draw the confusion matrices of a task: labels against predictions.

A panel for each model and method. Writes every file named, in the format of its suffix.
"""

from pathlib import Path

from tunegrid.cli import add_figure_options, describe, run_program


def main() -> None:
    parser = describe(__doc__)
    parser.add_argument(
        "--confusion", required=True, type=Path, help="confusion.csv of count_errors"
    )
    parser.add_argument("--summary", required=True, type=Path, help="summary.parquet of summarise")
    parser.add_argument("--card", required=True, type=Path, help="the data card of the task, JSON")
    add_figure_options(parser)
    arguments = parser.parse_args()

    import pandas as pd

    from tunegrid.files import read_json
    from tunegrid.reporting.confusion_figure import plot_confusion
    from tunegrid.reporting.figure_style import save
    from tunegrid.reporting.report_table import read_table
    from tunegrid.results import GROUP

    card = read_json(arguments.card)
    confusion = read_table(arguments.confusion)
    summary = pd.read_parquet(arguments.summary, filters=[("task", "==", card["task"])])
    figure = plot_confusion(
        confusion=confusion[confusion["task"] == card["task"]],
        labels=list(card["splits"]["train"]["labels"]),
        groups=summary.drop_duplicates(GROUP),
    )
    save(figure, arguments.output, arguments.dpi)


if __name__ == "__main__":
    run_program(main)
