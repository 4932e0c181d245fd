#!/usr/bin/env python
"""Draw a model's memory: a stacked bar for each method, and growth with micro-batch and length."""

from pathlib import Path

from tunegrid.cli import add_figure_options, describe, run_program


def main() -> None:
    parser = describe(__doc__)
    parser.add_argument(
        "--predicted", required=True, type=Path, help="the JSON file of predict_memory"
    )
    add_figure_options(parser)
    arguments = parser.parse_args()

    from tunegrid.memory.records import read_predictions
    from tunegrid.reporting.figure_style import save
    from tunegrid.reporting.memory_figure import plot_memory

    save(plot_memory(read_predictions([arguments.predicted])), arguments.output, arguments.dpi)


if __name__ == "__main__":
    run_program(main)
