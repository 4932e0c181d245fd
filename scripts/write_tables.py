#!/usr/bin/env python
"""Write the report's tables: the answer, tasks, data, hyper-parameters, accuracy, methods and more.

Each as Markdown and HTML to read, and as CSV, unrounded, to compute with; the answer also as
reStructuredText, for the first page of the report.
"""

from pathlib import Path

from tunegrid.cli import describe, run_program


def main() -> None:
    parser = describe(__doc__)
    parser.add_argument("--runs", required=True, type=Path, help="runs.parquet")
    parser.add_argument("--summary", required=True, type=Path, help="summary.parquet")
    parser.add_argument("--cards", required=True, nargs="+", type=Path, help="data cards, JSON")
    parser.add_argument("--comparisons", required=True, type=Path, help="of compare_methods")
    parser.add_argument("--cost", required=True, type=Path, help="CSV of count_cost")
    parser.add_argument("--memory", required=True, type=Path, help="the table memory.csv")
    parser.add_argument("--fits", required=True, type=Path, help="the table memory_fits.csv")
    parser.add_argument("--errors", required=True, type=Path, help="folder of count_errors")
    parser.add_argument("--output", required=True, type=Path, help="folder to write")
    arguments = parser.parse_args()

    import pandas as pd

    from tunegrid.files import read_json, write_text
    from tunegrid.reporting.answer import answer_page
    from tunegrid.reporting.gpu_fit import fit_lines
    from tunegrid.reporting.grid_tables import build_tables
    from tunegrid.reporting.listing import ERRORS
    from tunegrid.reporting.readable import read_table
    from tunegrid.reporting.table_files import write_tables

    runs, summary = pd.read_parquet(arguments.runs), pd.read_parquet(arguments.summary)
    cards = [read_json(path) for path in arguments.cards]
    comparisons = pd.read_parquet(arguments.comparisons)
    memory = read_table(arguments.memory)
    errors = {name: read_table(arguments.errors / f"{name}.csv") for name in ERRORS}
    costs = read_table(arguments.cost)
    tables = build_tables(runs, summary, cards, comparisons, costs, memory, errors)
    write_tables(tables, arguments.output)
    fit = fit_lines(memory, read_table(arguments.fits))
    write_text(arguments.output / "answer.rst", answer_page(tables["answer"], fit))


if __name__ == "__main__":
    run_program(main)
