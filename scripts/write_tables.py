#!/usr/bin/env python
"""Write the tables of the results: the answer, tasks, data, runs, metrics, comparisons, costs.

Each table as Markdown and HTML to read, as LaTeX to print, and as CSV, unrounded, to compute with.
"""

from pathlib import Path

from tunegrid.cli import describe, run_program


def main() -> None:
    parser = describe(__doc__)
    parser.add_argument("--runs", required=True, type=Path, help="runs.parquet of collect_runs")
    parser.add_argument("--summary", required=True, type=Path, help="summary.parquet of summarise")
    parser.add_argument(
        "--cards", required=True, nargs="+", type=Path, help="the data cards of the tasks, JSON"
    )
    parser.add_argument(
        "--comparisons", required=True, type=Path, help="comparisons.parquet of compare_methods"
    )
    parser.add_argument(
        "--overall", required=True, type=Path, help="overall.csv of compare_methods"
    )
    parser.add_argument("--cost", required=True, type=Path, help="cost.csv of count_cost")
    parser.add_argument("--memory", required=True, type=Path, help="memory.csv of write_memory")
    parser.add_argument("--errors", required=True, type=Path, help="the folder of count_errors")
    parser.add_argument("--tuning", type=Path, help="tuning.parquet of collect_tuning, if any")
    parser.add_argument("--output", required=True, type=Path, help="the folder to write to")
    arguments = parser.parse_args()

    import pandas as pd

    from tunegrid.files import read_json
    from tunegrid.reporting.report_table import read_table
    from tunegrid.reporting.result_tables import build_tables
    from tunegrid.reporting.table_files import write_tables
    from tunegrid.reporting.table_names import ERRORS
    from tunegrid.tuning.tuning_rows import read_tuning

    tables = build_tables(
        runs=pd.read_parquet(arguments.runs),
        summary=pd.read_parquet(arguments.summary),
        cards=[read_json(path) for path in arguments.cards],
        comparisons=pd.read_parquet(arguments.comparisons),
        overall=read_table(arguments.overall),
        costs=read_table(arguments.cost),
        memory=read_table(arguments.memory),
        errors={name: read_table(arguments.errors / f"{name}.csv") for name in ERRORS},
        tuning=read_tuning(arguments.tuning),
    )
    write_tables(tables, arguments.output)


if __name__ == "__main__":
    run_program(main)
