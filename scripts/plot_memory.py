#!/usr/bin/env python
"""Draw a model's memory: a stacked bar a method, and its growth with micro-batch and length."""

from pathlib import Path

from tunegrid.cli import describe, run_program


def main() -> None:
    parser = describe(__doc__)
    parser.add_argument("--predicted", required=True, type=Path, help="JSON of predict_memory")
    parser.add_argument("--dpi", type=int, default=200, help="of PNG files")
    parser.add_argument("--output", required=True, nargs="+", type=Path, help="files to write")
    arguments = parser.parse_args()

    from tunegrid.files import read_json
    from tunegrid.reporting.figure_style import save
    from tunegrid.reporting.memory_figure import plot_memory

    save(plot_memory(read_json(arguments.predicted)), arguments.output, arguments.dpi)


if __name__ == "__main__":
    run_program(main)
