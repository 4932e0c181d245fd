#!/usr/bin/env python
"""Set what each model, task and method costs beside what it scores.

Writes a row for each model, task and method: the mean of every compared metric, the trainable
parameters, time, peak memory and energy of its runs (means over seeds), and the traced memory of a
training step. Where settings were tuned, also the runs, time and energy of tuning, and what a tuned
model takes in all.
"""

from pathlib import Path

from tunegrid.cli import describe, run_program


def main() -> None:
    parser = describe(__doc__)
    parser.add_argument("--runs", required=True, type=Path, help="runs.parquet")
    parser.add_argument("--memory", required=True, type=Path, help="the table memory.csv")
    parser.add_argument("--tuning", type=Path, help="tuning.parquet of collect_tuning, if any")
    parser.add_argument("--output", required=True, type=Path, help="CSV to write")
    arguments = parser.parse_args()

    import pandas as pd

    from tunegrid.files import atomic_path
    from tunegrid.reporting.report_table import read_table
    from tunegrid.statistics.costs import cost
    from tunegrid.tuning.tuning_rows import read_tuning

    costs = cost(
        runs=pd.read_parquet(arguments.runs),
        memory=read_table(arguments.memory),
        tuning=read_tuning(arguments.tuning),
    )
    with atomic_path(arguments.output) as temporary:
        costs.to_csv(temporary, index=False)


if __name__ == "__main__":
    run_program(main)
