#!/usr/bin/env python
"""Draw the methods side by side: every compared metric against the share that a method trains.

Writes every file named, in the format of its suffix.
"""

from pathlib import Path

from tunegrid.cli import add_figure_options, describe, run_program


def main() -> None:
    parser = describe(__doc__)
    parser.add_argument("--runs", required=True, type=Path, help="runs.parquet of collect_runs")
    parser.add_argument("--summary", required=True, type=Path, help="summary.parquet of summarise")
    add_figure_options(parser, error_bar=True)
    arguments = parser.parse_args()

    import pandas as pd

    from tunegrid.reporting.figure_style import save
    from tunegrid.reporting.methods_figure import plot_methods

    runs, summary = pd.read_parquet(arguments.runs), pd.read_parquet(arguments.summary)
    save(plot_methods(runs, summary, arguments.error_bar), arguments.output, arguments.dpi)


if __name__ == "__main__":
    run_program(main)
