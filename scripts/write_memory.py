#!/usr/bin/env python
"""Write the tables of the memory analysis, as Markdown, HTML, LaTeX and, unrounded, CSV.

Table `memory` has a step of each model and method by formula, traced and measured; `memory_fits`
the largest micro-batch of each GPU; `memory_saving` what is saved against full fine-tuning.
"""

from pathlib import Path

from tunegrid.cli import describe, run_program


def main() -> None:
    parser = describe(__doc__)
    parser.add_argument(
        "--predicted",
        required=True,
        nargs="+",
        type=Path,
        help="a JSON of predict_memory for each model",
    )
    parser.add_argument(
        "--measured",
        required=True,
        nargs="+",
        type=Path,
        help="a JSON of measure_memory for each model",
    )
    parser.add_argument("--output", required=True, type=Path, help="the folder to write to")
    arguments = parser.parse_args()

    from tunegrid.memory.records import read_measurements, read_predictions
    from tunegrid.reporting.memory_tables import memory_tables
    from tunegrid.reporting.table_files import write_tables

    predicted = read_predictions(arguments.predicted)
    measured = read_measurements(arguments.measured)
    write_tables(memory_tables(predicted, measured), arguments.output)


if __name__ == "__main__":
    run_program(main)
