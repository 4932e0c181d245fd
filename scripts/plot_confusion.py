#!/usr/bin/env python
"""Plot the confusion matrices of a task: labels against predictions, a panel a model and method.

Writes the same figure in the format of each output's suffix.
"""

from pathlib import Path

from tunegrid.cli import describe, run_program


def main() -> None:
    parser = describe(__doc__)
    parser.add_argument("--confusion", required=True, type=Path, help="CSV of count_errors")
    parser.add_argument("--summary", required=True, type=Path, help="summary.parquet")
    parser.add_argument("--card", required=True, type=Path, help="the task's data card, JSON")
    parser.add_argument("--dpi", type=int, default=200, help="of PNG files")
    parser.add_argument("--output", required=True, type=Path, nargs="+", help="files to write")
    arguments = parser.parse_args()

    import pandas as pd

    from tunegrid.files import read_json
    from tunegrid.reporting.confusion_figure import plot_confusion
    from tunegrid.reporting.figure_style import save
    from tunegrid.reporting.readable import read_table
    from tunegrid.results import GROUP

    card, confusion = read_json(arguments.card), read_table(arguments.confusion)
    confusion = confusion[confusion["task"] == card["task"]]
    labels = list(card["splits"]["train"]["labels"])
    summary = pd.read_parquet(arguments.summary, filters=[("task", "==", card["task"])])
    groups = summary.drop_duplicates(GROUP)
    save(plot_confusion(confusion, labels, groups), arguments.output, arguments.dpi)


if __name__ == "__main__":
    run_program(main)
