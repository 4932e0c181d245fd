#!/usr/bin/env python
"""Draw the main metric against memory and time, with the line of what no other method beats.

Writes every file named, in the format of its suffix.
"""

from pathlib import Path

from tunegrid.cli import add_figure_options, describe, run_program


def main() -> None:
    parser = describe(__doc__)
    parser.add_argument("--cost", required=True, type=Path, help="cost.csv of count_cost")
    add_figure_options(parser)
    arguments = parser.parse_args()

    from tunegrid.reporting.figure_style import save
    from tunegrid.reporting.pareto_figure import plot_pareto
    from tunegrid.reporting.report_table import read_table

    save(plot_pareto(read_table(arguments.cost)), arguments.output, arguments.dpi)


if __name__ == "__main__":
    run_program(main)
