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

    from tunegrid.files import atomic_path, write_text
    from tunegrid.reporting.tables import build_tables, to_html, to_markdown

    runs, summary = pd.read_parquet(arguments.runs), pd.read_parquet(arguments.summary)
    for name, table in build_tables(runs, summary, arguments.titles).items():
        write_text(arguments.output / f"{name}.md", to_markdown(table))
        write_text(arguments.output / f"{name}.html", to_html(table))
        with atomic_path(arguments.output / f"{name}.csv") as temporary:
            table.data.to_csv(temporary, index=False)


if __name__ == "__main__":
    run_program(main)
