#!/usr/bin/env python
"""Summarise the runs of each model, task and method over their seeds.

For every metric: n, mean, variance and standard deviation (n−1), the 95 % interval of the mean (by
Student's t over seeds; over seeds and test examples, of compare_methods), median, minimum and
maximum; beside them the baselines, the number of degenerate runs and of test examples that stand in
train, and whether the method was still getting better in its last epoch.
"""

import logging
from pathlib import Path

from tunegrid.cli import describe, run_program


def main() -> None:
    parser = describe(__doc__)
    parser.add_argument("--runs", required=True, type=Path, help="runs.parquet")
    parser.add_argument("--cards", required=True, nargs="+", type=Path, help="data cards, JSON")
    parser.add_argument("--evaluations", required=True, type=Path, help="of score, Parquet")
    parser.add_argument("--intervals", required=True, type=Path, help="of compare_methods")
    parser.add_argument("--parquet", required=True, type=Path, help="the summary, to write")
    parser.add_argument("--csv", required=True, type=Path, help="the same, to write")
    arguments = parser.parse_args()

    import pandas as pd

    from tunegrid.files import atomic_path, read_json
    from tunegrid.statistics.summarise import summarise, unequal_steps

    summary = summarise(
        runs=pd.read_parquet(arguments.runs),
        cards=[read_json(path) for path in arguments.cards],
        intervals=pd.read_parquet(arguments.intervals),
        evaluations=pd.read_parquet(arguments.evaluations),
    )
    for text in unequal_steps(summary):
        logging.warning("methods took unequal numbers of optimizer steps: %s", text)
    with atomic_path(arguments.csv) as temporary:
        summary.to_csv(temporary, index=False)
    with atomic_path(arguments.parquet) as temporary:
        summary.to_parquet(temporary, index=False)


if __name__ == "__main__":
    run_program(main)
