#!/usr/bin/env python
"""Follow a result back to its runs: settings, commit, log, Slurm job, and what has changed since.

    python scripts/trace.py results/tables/quality.md --task acl_sup --method adapter-64
    python scripts/trace.py results/runs/roberta-base/acl_sup/full/seed1
    python scripts/trace.py results/figures/curves_acl_sup.png --seed 2

Prints a paragraph a run. Fails when the path is no result, or no run of the grid is behind it.
"""

from pathlib import Path

from tunegrid.cli import describe, run_program


def main() -> None:
    parser = describe(__doc__)
    parser.add_argument("path", type=Path, help="a file or folder below results/")
    for key in ("model", "task", "method", "seed"):
        parser.add_argument(f"--{key}", help=f"only runs of this {key}")
    arguments = parser.parse_args()

    from tunegrid.results import RUN
    from tunegrid.trail import runs_behind, trail

    wanted = {key: value for key in RUN if (value := getattr(arguments, key)) is not None}
    results, cells = runs_behind(arguments.path, wanted)
    print(f"{arguments.path}: {'1 run' if len(cells) == 1 else f'{len(cells)} runs'}")
    for cell in cells:
        print()
        print("\n".join(trail(results, cell)))


if __name__ == "__main__":
    run_program(main)
