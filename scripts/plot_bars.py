#!/usr/bin/env python
"""Draw one metric as a bar chart, grouped by task, a bar for each model and method.

Bars are means over seeds; the legend says what the error bars are. The majority class's score is
a dashed line. Writes every file named, in the format of its suffix.
"""

from pathlib import Path

from tunegrid.cli import describe, run_program


def main() -> None:
    parser = describe(__doc__)
    parser.add_argument("--summary", required=True, type=Path, help="summary.parquet")
    parser.add_argument("--metric", required=True, help="loss, accuracy, micro_f1 or macro_f1")
    parser.add_argument("--error-bar", default="sd", choices=["sd", "variance"])
    parser.add_argument("--dpi", type=int, default=200, help="of PNG files")
    parser.add_argument("--output", required=True, type=Path, nargs="+", help="files to write")
    arguments = parser.parse_args()

    import pandas as pd

    from tunegrid.reporting.bars_figure import plot_bars
    from tunegrid.reporting.figure_style import save

    summary = pd.read_parquet(arguments.summary)
    figure = plot_bars(summary, arguments.metric, arguments.error_bar)
    save(figure, arguments.output, arguments.dpi)


if __name__ == "__main__":
    run_program(main)
