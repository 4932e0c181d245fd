#!/usr/bin/env python
"""Write the first page of the report: the answer in a picture and in sentences, as HTML."""

from pathlib import Path

from tunegrid.cli import describe, run_program


def main() -> None:
    parser = describe(__doc__)
    parser.add_argument(
        "--comparisons", required=True, type=Path, help="comparisons.parquet of compare_methods"
    )
    parser.add_argument(
        "--overall", required=True, type=Path, help="overall.csv of compare_methods"
    )
    parser.add_argument("--summary", required=True, type=Path, help="summary.parquet of summarise")
    parser.add_argument("--memory", required=True, type=Path, help="memory.csv of write_memory")
    parser.add_argument("--fits", required=True, type=Path, help="memory_fits.csv of write_memory")
    parser.add_argument("--tuning", type=Path, help="tuning.parquet of collect_tuning, if any")
    parser.add_argument("--output", required=True, type=Path, help="the file to write")
    arguments = parser.parse_args()

    import pandas as pd

    from tunegrid.files import write_text
    from tunegrid.reporting.first_page import first_page
    from tunegrid.reporting.report_table import read_table
    from tunegrid.tuning.tuning_rows import read_tuning

    page = first_page(
        comparisons=pd.read_parquet(arguments.comparisons),
        overall=read_table(arguments.overall),
        summary=pd.read_parquet(arguments.summary),
        memory=read_table(arguments.memory),
        fits=read_table(arguments.fits),
        tuning=read_tuning(arguments.tuning),
    )
    write_text(arguments.output, page)


if __name__ == "__main__":
    run_program(main)
