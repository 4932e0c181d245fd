#!/usr/bin/env python
"""Compare the methods of each model, and the models, on each task and over all tasks.

Each method is compared with a reference (or with every other one): the difference, its interval and
corrected p from the variance components of seeds and test examples, a verdict (better, worse, the
same within a margin, cannot be told), and the seeds or test examples that would tell; beside it
McNemar's test of each seed, and the interval of each method's own mean. Fails when two runs of a
task were not measured on the same examples.
"""

import logging
from pathlib import Path

from tunegrid.cli import describe, run_program


def main() -> None:
    parser = describe(__doc__)
    parser.add_argument("--runs", required=True, type=Path, help="runs.parquet")
    parser.add_argument("--root", required=True, type=Path, help="the folder results/runs")
    parser.add_argument("--cards", required=True, nargs="+", type=Path, help="data cards, JSON")
    parser.add_argument("--parquet", required=True, type=Path, help="comparisons, to write")
    parser.add_argument("--csv", required=True, type=Path, help="the same, to write")
    parser.add_argument("--overall", required=True, type=Path, help="CSV over all tasks, to write")
    parser.add_argument("--mcnemar", required=True, type=Path, help="CSV of each seed, to write")
    parser.add_argument("--intervals", required=True, type=Path, help="Parquet, to write")
    parser.add_argument(
        "--settings", default="{}", help="the configuration's section compare, as JSON"
    )
    parser.add_argument(
        "--processes", type=int, default=1, help="how many share the work; default: 1"
    )
    arguments = parser.parse_args()

    from itertools import chain

    import pandas as pd

    from tunegrid.config.compare_settings import CompareSettings
    from tunegrid.files import atomic_path, read_json
    from tunegrid.statistics.compare import compare_methods
    from tunegrid.statistics.measured_tasks import measured_tasks
    from tunegrid.statistics.outcomes import compared_columns, predictions_below
    from tunegrid.statistics.test_splits import tasks_scored_by_first
    from tunegrid.tasks.cards import label_names

    cards = [read_json(path) for path in arguments.cards]
    runs = pd.read_parquet(arguments.runs)
    needed = [compared_columns(one.target, one.metrics) for one in measured_tasks(runs).values()]
    columns = list(dict.fromkeys(chain(*needed)))
    tables = compare_methods(
        runs,
        predictions_below(arguments.root, columns, tasks_scored_by_first(runs)),
        {card["task"]: label_names(card) for card in cards},
        settings=CompareSettings.model_validate_json(arguments.settings),
        processes=arguments.processes,
    )
    comparisons = tables["comparisons"]
    with atomic_path(arguments.overall) as temporary:
        tables["overall"].to_csv(temporary, index=False)
    with atomic_path(arguments.mcnemar) as temporary:
        tables["mcnemar"].to_csv(temporary, index=False)
    with atomic_path(arguments.intervals) as temporary:
        tables["intervals"].to_parquet(temporary, index=False)
    with atomic_path(arguments.csv) as temporary:
        comparisons.to_csv(temporary, index=False)
    with atomic_path(arguments.parquet) as temporary:
        comparisons.to_parquet(temporary, index=False)
    logging.info("%d comparisons", len(comparisons))


if __name__ == "__main__":
    run_program(main)
