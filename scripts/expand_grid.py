#!/usr/bin/env python
"""Expand a configuration into its cells: one row a run, with its hash and settings.

The same expansion as the workflow's own, from files or from the JSON that the workflow hands on.
What tuning has chosen is put in where its files are there. Writes CSV, to a file or to the screen.
Fails, with one line a problem, on a configuration that the workflow would refuse.

By hand: python scripts/expand_grid.py --configfile config/demo.yaml
"""

import sys
from pathlib import Path

from tunegrid.cli import describe, json_argument, run_program

COLUMNS = (
    "model",
    "task",
    "method",
    "seed",
    "hash",
    "path",
    "test_score",
    "target",
    "metrics",
    "main_metric",
    "positive",
    "settings",
)


def main() -> None:
    parser = describe(__doc__)
    parser.add_argument(
        "--configfile", type=Path, nargs="+", default=[], help="YAML files, the later over all"
    )
    parser.add_argument("--config", type=json_argument, help="JSON over them all")
    parser.add_argument("--output", type=Path, help="file to write; default: the screen")
    arguments = parser.parse_args()

    import csv

    from tunegrid.files import atomic_path
    from tunegrid.planning.grid import expand_grid
    from tunegrid.planning.loading import load_project

    cells = list(expand_grid(load_project(arguments.configfile, arguments.config)))
    *own, _ = COLUMNS
    rows = [[getattr(cell, key) for key in own] + [cell.closed_settings().json] for cell in cells]
    if arguments.output is None:
        csv.writer(sys.stdout).writerows([COLUMNS, *rows])
        return
    with atomic_path(arguments.output) as temporary, temporary.open("w", newline="") as file:
        csv.writer(file).writerows([COLUMNS, *rows])


if __name__ == "__main__":
    run_program(main)
