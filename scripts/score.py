#!/usr/bin/env python
"""Score runs: from the predictions that training wrote to every metric of the registry.

Of one run (--run) writes metrics.json: its test scores, the majority class's beside them, and the
scores of every epoch. Of a whole grid (--cells) writes a row a run and, of the evaluated epochs, a
row an epoch; a cell without a finished run of its settings has no row. Nothing is trained: a metric
that is added or corrected is computed from the predictions that are there.

Fails when predictions break a law that holds between metrics, which no run writes.

By hand: python scripts/score.py --run results/runs/MODEL/TASK/METHOD/seed1 --output metrics.json
"""

import logging
from pathlib import Path

from tunegrid.cli import describe, json_argument, run_program


def main() -> None:
    parser = describe(__doc__)
    parser.add_argument("--run", type=Path, help="folder of the one run to score")
    parser.add_argument("--output", type=Path, help="JSON file to write, with --run")
    parser.add_argument(
        "--test-score",
        choices=["pooled", "first"],
        default="pooled",
        help="what the scores of a task with several test splits are of, with --run",
    )
    parser.add_argument(
        "--task-metrics",
        type=json_argument,
        help="by what its task is measured (names, main, positive), with --run",
    )
    parser.add_argument("--cells", type=Path, help="CSV of expand_grid: score all its runs")
    parser.add_argument("--runs", type=Path, help="the folder results/runs, with --cells")
    parser.add_argument("--scores", type=Path, help="Parquet of the runs to write, with --cells")
    parser.add_argument("--evaluations", type=Path, help="Parquet of the epochs, with --cells")
    parser.add_argument("--processes", type=int, default=1, help="that share the work; default: 1")
    arguments = parser.parse_args()
    of_one_run = arguments.run and arguments.output
    of_a_grid = all([arguments.cells, arguments.runs, arguments.scores, arguments.evaluations])
    if not of_one_run and not of_a_grid:
        parser.error("give --run and --output, or --cells, --runs, --scores and --evaluations")

    from tunegrid.files import atomic_path, write_json
    from tunegrid.metrics import TaskMetrics
    from tunegrid.statistics.collect import read_cells
    from tunegrid.statistics.score import score_run
    from tunegrid.statistics.score_grid import score_grid

    if of_one_run:
        asked = arguments.task_metrics
        score = score_run(
            arguments.run,
            None if asked is None else TaskMetrics.from_json(asked),
            test_score=arguments.test_score,
        )
        write_json(arguments.output, score.to_json())
        return
    scores, evaluations = score_grid(
        read_cells(arguments.cells), arguments.runs, processes=arguments.processes
    )
    with atomic_path(arguments.evaluations) as temporary:
        evaluations.to_parquet(temporary, index=False)
    with atomic_path(arguments.scores) as temporary:
        scores.to_parquet(temporary, index=False)
    logging.info("%d runs scored, %d degenerate", len(scores), scores["degenerate"].sum())


if __name__ == "__main__":
    run_program(main)
