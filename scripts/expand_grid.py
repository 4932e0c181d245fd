#!/usr/bin/env python
"""Expand a configuration into its cells: one row a run, with its hash and settings.

The same expansion as the workflow's own, from files or from the snapshot that a start has written.
What tuning has chosen is put in where its files are there. Writes CSV, to a file or to the screen.
Fails, with one line a problem, on a configuration that the workflow would refuse.

By hand: python scripts/expand_grid.py --configfile config/demo.yaml
"""

import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from tunegrid.cli import describe, json_argument, run_program

if TYPE_CHECKING:  # `--help` need not wait for it
    from tunegrid.planning.grid import Cell

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
#: Of the runs that try candidates.
TUNING_COLUMNS = ("candidate", *COLUMNS)


def main() -> None:
    parser = describe(__doc__)
    parser.add_argument(
        "--configfile",
        type=Path,
        nargs="+",
        default=[],
        help="YAML files, the later over all, or a snapshot",
    )
    parser.add_argument("--config", type=json_argument, help="JSON over them all")
    parser.add_argument("--output", type=Path, help="file to write; default: the screen")
    parser.add_argument("--tuning", type=Path, help="file of the runs that try candidates")
    arguments = parser.parse_args()

    from tunegrid.planning.grid import expand_grid
    from tunegrid.planning.loading import load_project
    from tunegrid.planning.snapshot import read_snapshot
    from tunegrid.planning.snapshot_files import is_snapshot
    from tunegrid.planning.tuning_cells import tuning_cells

    files = arguments.configfile
    if len(files) == 1 and is_snapshot(files[0]) and arguments.config is None:
        project = read_snapshot(files[0])
    else:
        project = load_project(files, arguments.config)
    cells = list(expand_grid(project))
    write_cells(cells, COLUMNS, arguments.output)
    if arguments.tuning is not None:
        tune = project.config.tune
        write_cells(tuning_cells(tune, cells) if tune else [], TUNING_COLUMNS, arguments.tuning)


def write_cells(cells: "Iterable[Cell]", columns: Sequence[str], path: Path | None) -> None:
    """Write cells as CSV, the last column their settings as JSON; without a path to the screen."""
    import csv

    from tunegrid.files import atomic_path

    *own, _ = columns
    rows = [[getattr(cell, key) for key in own] + [cell.closed_settings().json] for cell in cells]
    if path is None:
        csv.writer(sys.stdout).writerows([columns, *rows])
        return
    with atomic_path(path) as temporary, temporary.open("w", newline="") as file:
        csv.writer(file).writerows([columns, *rows])


if __name__ == "__main__":
    run_program(main)
