#!/usr/bin/env python
"""Collect the grid's runs into one table and their training curves into another.

Every run's scores, settings and provenance become a row of runs.parquet and runs.csv; every
optimizer step a row of history.parquet. Fails when a run is missing or was made by other settings
than its cell's; with --attempts a run that is missing or failed is a row that says so.
"""

import logging
from pathlib import Path

from tunegrid.cli import describe, run_program


def main() -> None:
    parser = describe(__doc__)
    parser.add_argument("--cells", required=True, type=Path, help="CSV of expand_grid")
    parser.add_argument("--scores", required=True, type=Path, help="Parquet of score")
    parser.add_argument("--runs", required=True, type=Path, help="the folder results/runs")
    parser.add_argument("--attempts", type=Path, help="folder of the attempts at each run")
    parser.add_argument("--trials", type=Path, help="folder of the trials of methods")
    parser.add_argument("--parquet", required=True, type=Path, help="runs, to write")
    parser.add_argument("--csv", required=True, type=Path, help="the same, to write")
    parser.add_argument("--history", required=True, type=Path, help="curves, to write (Parquet)")
    arguments = parser.parse_args()

    import pandas as pd
    from pyarrow import parquet

    from tunegrid.files import atomic_path
    from tunegrid.results import FINISHED, RUN_PATH
    from tunegrid.statistics.collect import collect_history, collect_runs, read_cells

    scores = pd.read_parquet(arguments.scores)
    cells = read_cells(arguments.cells)
    runs = collect_runs(
        cells, scores, arguments.runs, attempts=arguments.attempts, trials=arguments.trials
    )
    finished = runs[runs["state"] == FINISHED]
    history = collect_history(finished, arguments.runs)
    with atomic_path(arguments.history) as temporary:
        parquet.write_table(history, temporary)
    with atomic_path(arguments.csv) as temporary:
        runs.to_csv(temporary, index=False)
    with atomic_path(arguments.parquet) as temporary:
        runs.to_parquet(temporary, index=False)
    for row in runs[runs["state"] != FINISHED].itertuples():
        logging.warning("%s: %s: %s", RUN_PATH.format(**row._asdict()), row.state, row.problem)
    logging.info("%d runs, %d degenerate", len(finished), finished["degenerate"].sum())


if __name__ == "__main__":
    run_program(main)
