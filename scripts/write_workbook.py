#!/usr/bin/env python
"""Write the workbook: the sheets summary, comparisons, memory, data, runs, settings and provenance.

Rows of degenerate runs, and of groups that hold some, are coloured.
"""

from pathlib import Path

from tunegrid.cli import describe, run_program


def main() -> None:
    parser = describe(__doc__)
    parser.add_argument("--runs", required=True, type=Path, help="runs.parquet")
    parser.add_argument("--summary", required=True, type=Path, help="summary.parquet")
    parser.add_argument("--comparisons", required=True, type=Path, help="of compare_methods")
    parser.add_argument("--memory", required=True, type=Path, help="memory.csv")
    parser.add_argument("--data", required=True, type=Path, help="data.csv")
    parser.add_argument("--output", required=True, type=Path, help="workbook to write")
    arguments = parser.parse_args()

    import pandas as pd

    from tunegrid.files import atomic_path
    from tunegrid.reporting.workbook import write_workbook

    runs, summary = pd.read_parquet(arguments.runs), pd.read_parquet(arguments.summary)
    comparisons = pd.read_parquet(arguments.comparisons)
    # A name like NA is text; what is missing is empty.
    memory, data = (
        pd.read_csv(path, keep_default_na=False, na_values="")
        for path in (arguments.memory, arguments.data)
    )
    with atomic_path(arguments.output) as temporary:
        write_workbook(runs, summary, comparisons, memory, data, temporary)


if __name__ == "__main__":
    run_program(main)
