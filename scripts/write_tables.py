#!/usr/bin/env python
"""Write the report's tables: tasks, hyper-parameters, accuracy, methods.

Each as Markdown and HTML to read, and as CSV, unrounded, to compute with.
"""

from pathlib import Path

from tunegrid.cli import describe, json_argument, run_program


def main() -> None:
    parser = describe(__doc__)
    parser.add_argument("--runs", required=True, type=Path, help="runs.parquet")
    parser.add_argument("--summary", required=True, type=Path, help="summary.parquet")
    parser.add_argument("--titles", default={}, type=json_argument, help="JSON {task: title}")
    parser.add_argument("--output", required=True, type=Path, help="folder to write")
    arguments = parser.parse_args()

    import pandas as pd

    from tunegrid.reporting.tables import build_tables, write_tables

    runs, summary = pd.read_parquet(arguments.runs), pd.read_parquet(arguments.summary)
    write_tables(build_tables(runs, summary, arguments.titles), arguments.output)


if __name__ == "__main__":
    run_program(main)
