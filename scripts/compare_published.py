#!/usr/bin/env python
"""Set papers' numbers beside the grid's, and audit them, as Markdown, HTML, LaTeX and CSV.

published: every number, ours, the difference, and whether it lies within our interval;
published_audit: numbers that cannot be, or say another thing than they seem to; and, where a paper
has findings, published_findings: whether they hold here. docs/published-papers.md shows how a paper
is written down. Fails on a paper that is not written so.
"""

from pathlib import Path

from tunegrid.cli import describe, run_program


def main() -> None:
    parser = describe(__doc__)
    parser.add_argument(
        "--published",
        required=True,
        nargs="+",
        help="a paper's folder, or a CSV of numbers, below the workflow's folder",
    )
    parser.add_argument("--summary", required=True, type=Path, help="summary.parquet")
    parser.add_argument("--cards", required=True, nargs="+", type=Path, help="data cards, JSON")
    parser.add_argument("--output", required=True, type=Path, help="folder to write")
    arguments = parser.parse_args()

    import pandas as pd

    from tunegrid.files import read_json
    from tunegrid.published.audit import audit_published
    from tunegrid.published.findings import check_findings
    from tunegrid.published.number_comparison import compare_published, number_table
    from tunegrid.published.paper import read_paper, sourced_findings, sourced_notes
    from tunegrid.reporting.published_tables import findings_table, published_tables
    from tunegrid.reporting.table_files import write_tables

    papers = [read_paper(given) for given in arguments.published]
    published = number_table(number for paper in papers for number in paper.numbers)
    summary = pd.read_parquet(arguments.summary)
    cards = [read_json(path) for path in arguments.cards]
    tables = published_tables(
        compare_published(published, summary),
        audit_published(published, cards, summary),
        sourced_notes(papers),
    )
    if findings := sourced_findings(papers):
        tables["published_findings"] = findings_table(check_findings(findings, summary))
    write_tables(tables, arguments.output)


if __name__ == "__main__":
    run_program(main)
