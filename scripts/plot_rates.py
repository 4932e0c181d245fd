#!/usr/bin/env python
"""Draw how much the score on dev of each method depends on its learning rate.

Writes every file named, in the format of its suffix.
"""

from pathlib import Path

from tunegrid.cli import add_figure_options, describe, run_program


def main() -> None:
    parser = describe(__doc__)
    parser.add_argument(
        "--tuning", required=True, type=Path, help="tuning.parquet of collect_tuning"
    )
    add_figure_options(parser)
    arguments = parser.parse_args()

    import pandas as pd

    from tunegrid.reporting.figure_style import save
    from tunegrid.reporting.rates_figure import plot_rates

    save(plot_rates(pd.read_parquet(arguments.tuning)), arguments.output, arguments.dpi)


if __name__ == "__main__":
    run_program(main)
