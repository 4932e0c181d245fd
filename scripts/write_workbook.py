#!/usr/bin/env python
"""Write the workbook: the answer, then all results, a sheet each, and what each column is.

Rows of degenerate, failed and missing runs, and of groups that hold some, are coloured; numbers
lead to the rows of their runs.
"""

from pathlib import Path

from tunegrid.cli import describe, run_program


def main() -> None:
    parser = describe(__doc__)
    parser.add_argument("--runs", required=True, type=Path, help="runs.parquet of collect_runs")
    parser.add_argument("--summary", required=True, type=Path, help="summary.parquet of summarise")
    parser.add_argument(
        "--comparisons", required=True, type=Path, help="comparisons.parquet of compare_methods"
    )
    parser.add_argument(
        "--overall", required=True, type=Path, help="overall.csv of compare_methods"
    )
    parser.add_argument(
        "--per-class", required=True, type=Path, help="per_class.csv of count_errors"
    )
    parser.add_argument("--cost", required=True, type=Path, help="cost.csv of count_cost")
    parser.add_argument("--memory", required=True, type=Path, help="memory.csv of write_memory")
    parser.add_argument(
        "--cards", required=True, nargs="+", type=Path, help="the data cards of the tasks, JSON"
    )
    parser.add_argument(
        "--published", type=Path, help="published.csv of compare_published, if there is one"
    )
    parser.add_argument("--tuning", type=Path, help="tuning.parquet of collect_tuning, if any")
    parser.add_argument("--output", required=True, type=Path, help="the workbook to write")
    arguments = parser.parse_args()

    import pandas as pd

    from tunegrid.files import atomic_path, read_json
    from tunegrid.reporting.data_tables import data_table
    from tunegrid.reporting.report_table import read_table
    from tunegrid.reporting.test_splits_table import has_test_splits, table_of_test_splits
    from tunegrid.reporting.tuning_table import tuning_table
    from tunegrid.reporting.workbook import write_workbook
    from tunegrid.tuning.tuning_rows import read_tuning

    runs = pd.read_parquet(arguments.runs)
    summary = pd.read_parquet(arguments.summary)
    cards = [read_json(path) for path in arguments.cards]
    tables = {
        "comparisons": pd.read_parquet(arguments.comparisons),
        "overall": read_table(arguments.overall),
        "per class": read_table(arguments.per_class),
        "cost": read_table(arguments.cost),
        "memory": read_table(arguments.memory),
        "data": data_table(cards).data,
    }
    if has_test_splits(cards):
        tables["test splits"] = table_of_test_splits(runs, summary, cards).data
    if arguments.published:
        tables["published"] = read_table(arguments.published)
    tuning = read_tuning(arguments.tuning)
    if tuning is not None:
        tables["tuning"] = tuning_table(tuning).data
    with atomic_path(arguments.output) as temporary:
        write_workbook(runs, summary, tables, temporary)


if __name__ == "__main__":
    run_program(main)
