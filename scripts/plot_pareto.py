#!/usr/bin/env python
"""Draw each task's main metric against memory and time: the best means, and what is dominated.

Writes every file named, in the format of its suffix.
"""

from pathlib import Path

from tunegrid.cli import add_figure_options, describe, run_program


def main() -> None:
    parser = describe(__doc__)
    parser.add_argument("--cost", required=True, type=Path, help="cost.csv of count_cost")
    parser.add_argument("--summary", required=True, type=Path, help="summary.parquet of summarise")
    parser.add_argument(
        "--comparisons", required=True, type=Path, help="comparisons.parquet of compare_methods"
    )
    add_figure_options(parser)
    arguments = parser.parse_args()

    import pandas as pd

    from tunegrid.reporting.figure_style import save
    from tunegrid.reporting.pareto_figure import plot_pareto
    from tunegrid.reporting.report_table import read_table

    figure = plot_pareto(
        costs=read_table(arguments.cost),
        summary=pd.read_parquet(arguments.summary),
        comparisons=pd.read_parquet(arguments.comparisons),
    )
    save(figure, arguments.output, arguments.dpi)


if __name__ == "__main__":
    run_program(main)
