#!/usr/bin/env python
"""Collect the runs of all candidates into one table: what each tried, scored and cost."""

from pathlib import Path

from tunegrid.cli import describe, json_argument, run_program


def main() -> None:
    parser = describe(__doc__)
    parser.add_argument(
        "--groups", required=True, type=json_argument, help="JSON list of [model, task, method]"
    )
    parser.add_argument("--scores", required=True, type=Path, help="folder of the files of scores")
    parser.add_argument("--parquet", required=True, type=Path, help="Parquet file to write")
    parser.add_argument("--csv", required=True, type=Path, help="CSV file to write")
    arguments = parser.parse_args()

    from tunegrid.files import atomic_path
    from tunegrid.tuning.tuning_rows import collect_tuning

    rows = collect_tuning(arguments.groups, arguments.scores)
    with atomic_path(arguments.parquet) as temporary:
        rows.to_parquet(temporary, index=False)
    with atomic_path(arguments.csv) as temporary:
        rows.to_csv(temporary, index=False)


if __name__ == "__main__":
    run_program(main)
