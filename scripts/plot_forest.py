#!/usr/bin/env python
"""Draw what each method loses of each task's main metric against the reference, with intervals.

Writes every file named, in the format of its suffix.
"""

from pathlib import Path

from tunegrid.cli import add_figure_options, describe, run_program


def main() -> None:
    parser = describe(__doc__)
    parser.add_argument(
        "--comparisons", required=True, type=Path, help="comparisons.parquet of compare_methods"
    )
    parser.add_argument(
        "--overall", required=True, type=Path, help="overall.csv of compare_methods"
    )
    add_figure_options(parser)
    arguments = parser.parse_args()

    import pandas as pd

    from tunegrid.reporting.figure_style import save
    from tunegrid.reporting.forest_figure import draw_forest
    from tunegrid.reporting.report_table import read_table

    comparisons = pd.read_parquet(arguments.comparisons)
    figure = draw_forest(comparisons, read_table(arguments.overall))
    save(figure, arguments.output, arguments.dpi)


if __name__ == "__main__":
    run_program(main)
