#!/usr/bin/env python
"""Set a paper's numbers beside the grid's, and audit them, as Markdown, HTML and CSV.

published: every number, ours, the difference, and whether it lies within our interval;
published_audit: numbers that cannot be, or say another thing than they seem to; published_findings:
whether the report's conclusions hold here. Fails on a table with other columns than
source, model, task, method, metric, value.
"""

from pathlib import Path

from tunegrid.cli import describe, run_program


def main() -> None:
    parser = describe(__doc__)
    parser.add_argument(
        "--published", required=True, nargs="+", help="CSV of a paper, below the workflow's folder"
    )
    parser.add_argument("--summary", required=True, type=Path, help="summary.parquet")
    parser.add_argument("--cards", required=True, nargs="+", type=Path, help="data cards, JSON")
    parser.add_argument("--output", required=True, type=Path, help="folder to write")
    arguments = parser.parse_args()

    import pandas as pd

    from tunegrid.files import read_json
    from tunegrid.paths import user_path
    from tunegrid.published.findings import check_findings
    from tunegrid.published.numbers import audit_published, compare_published, read_published
    from tunegrid.reporting.published_tables import published_tables
    from tunegrid.reporting.table_files import write_tables

    published = read_published([user_path(path) for path in arguments.published])
    summary = pd.read_parquet(arguments.summary)
    cards = [read_json(path) for path in arguments.cards]
    tables = published_tables(
        compare_published(published, summary),
        audit_published(published, cards, summary),
        check_findings(summary),
    )
    write_tables(tables, arguments.output)


if __name__ == "__main__":
    run_program(main)
