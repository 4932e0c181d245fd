#!/usr/bin/env python
"""Count what the runs get wrong on the test split.

Writes confusion.csv (labels against predictions of each model, task and method, seeds together),
per_class.csv (precision, recall and F1 of each label), agreement.csv (how far seeds agree on single
examples) and hard.csv (the examples that every run of a task gets wrong). Fails when two runs of a
task were not measured on the same examples.
"""

import logging
from pathlib import Path

from tunegrid.cli import describe, run_program


def main() -> None:
    parser = describe(__doc__)
    parser.add_argument("--runs", required=True, type=Path, help="runs.parquet")
    parser.add_argument("--root", required=True, type=Path, help="the folder results/runs")
    parser.add_argument("--output", required=True, type=Path, help="folder to write")
    arguments = parser.parse_args()

    import pandas as pd

    from tunegrid.files import atomic_path
    from tunegrid.statistics.error_analysis import count_errors
    from tunegrid.statistics.outcomes import predictions_below
    from tunegrid.statistics.test_splits import tasks_scored_by_first

    runs = pd.read_parquet(arguments.runs)
    first = tasks_scored_by_first(runs)
    tables = count_errors(runs, predictions_below(arguments.root, scored_by_first=first))
    for name, table in tables.items():
        with atomic_path(arguments.output / f"{name}.csv") as temporary:
            table.to_csv(temporary, index=False)
    logging.info("%d examples that no run gets right", len(tables["hard"]))


if __name__ == "__main__":
    run_program(main)
