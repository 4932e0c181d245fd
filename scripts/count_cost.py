#!/usr/bin/env python
"""Set what each model, task and method costs beside what it scores.

Writes a row for each model, task and method: the mean of every compared metric, the trainable
parameters, time, peak memory and energy of its runs (means over seeds), and the traced memory of a
training step.
"""

from pathlib import Path

from tunegrid.cli import describe, run_program


def main() -> None:
    parser = describe(__doc__)
    parser.add_argument("--runs", required=True, type=Path, help="runs.parquet")
    parser.add_argument("--memory", required=True, type=Path, help="the table memory.csv")
    parser.add_argument("--output", required=True, type=Path, help="CSV to write")
    arguments = parser.parse_args()

    import pandas as pd

    from tunegrid.files import atomic_path
    from tunegrid.reporting.report_table import read_table
    from tunegrid.statistics.costs import cost

    costs = cost(pd.read_parquet(arguments.runs), read_table(arguments.memory))
    with atomic_path(arguments.output) as temporary:
        costs.to_csv(temporary, index=False)


if __name__ == "__main__":
    run_program(main)
