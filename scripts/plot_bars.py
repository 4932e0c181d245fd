#!/usr/bin/env python
"""Draw one metric as a bar chart: grouped by task, a bar for each model and method.

Bars are means over seeds; the legend says what the error bars are. A dashed line is the score of
predicting train's most frequent label (of numbers, their mean in train). Writes every file named,
in the format of its suffix.
"""

from pathlib import Path

from tunegrid.cli import add_figure_options, describe, run_program
from tunegrid.metrics import METRICS


def main() -> None:
    parser = describe(__doc__)
    parser.add_argument("--summary", required=True, type=Path, help="summary.parquet of summarise")
    parser.add_argument("--metric", required=True, choices=METRICS, help="which one is drawn")
    add_figure_options(parser, error_bar=True)
    arguments = parser.parse_args()

    import pandas as pd

    from tunegrid.reporting.bars_figure import plot_bars
    from tunegrid.reporting.figure_style import save

    summary = pd.read_parquet(arguments.summary)
    figure = plot_bars(summary, arguments.metric, arguments.error_bar)
    save(figure, arguments.output, arguments.dpi)


if __name__ == "__main__":
    run_program(main)
