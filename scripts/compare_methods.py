#!/usr/bin/env python
"""Compare the methods of each model and task, paired by seed and by test example.

Each method against that which trains most parameters: the difference, its 95 % interval (crossed
bootstrap over seeds and examples), p corrected by Holm, effect size, and the seeds that would tell
the two apart; McNemar's test of each seed beside it; and, of the same resamples, the interval of
each method's own mean. Fails when two runs of a task were not measured on the same examples.
"""

import logging
from pathlib import Path

from tunegrid.cli import describe, run_program


def main() -> None:
    parser = describe(__doc__)
    parser.add_argument("--runs", required=True, type=Path, help="runs.parquet")
    parser.add_argument("--root", required=True, type=Path, help="the folder results/runs")
    parser.add_argument("--parquet", required=True, type=Path, help="comparisons, to write")
    parser.add_argument("--csv", required=True, type=Path, help="the same, to write")
    parser.add_argument("--mcnemar", required=True, type=Path, help="CSV of each seed, to write")
    parser.add_argument("--intervals", required=True, type=Path, help="Parquet, to write")
    parser.add_argument("--processes", type=int, default=1, help="that share the work; default: 1")
    arguments = parser.parse_args()

    import pandas as pd

    from tunegrid.files import atomic_path
    from tunegrid.statistics.compare import compare_methods
    from tunegrid.statistics.outcomes import predictions_below

    runs, load = pd.read_parquet(arguments.runs), predictions_below(arguments.root)
    found = compare_methods(runs, load, processes=arguments.processes)
    comparisons = found["comparisons"]
    with atomic_path(arguments.mcnemar) as temporary:
        found["mcnemar"].to_csv(temporary, index=False)
    with atomic_path(arguments.intervals) as temporary:
        found["intervals"].to_parquet(temporary, index=False)
    with atomic_path(arguments.csv) as temporary:
        comparisons.to_csv(temporary, index=False)
    with atomic_path(arguments.parquet) as temporary:
        comparisons.to_parquet(temporary, index=False)
    logging.info("%d comparisons", len(comparisons))


if __name__ == "__main__":
    run_program(main)
