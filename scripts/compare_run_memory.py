#!/usr/bin/env python
"""Set what finished runs took beside what is predicted for the same batch on the same device.

  python scripts/compare_run_memory.py results/runs/MODEL/TASK/METHOD/seed1 …

Of a run on a CPU the live tensors of its largest batch (`live_tensors` in its training.json), of a
run on a GPU what the allocator gave out at most in the whole run. Predicted is a step of as many
examples and tokens, with the kernels of that kind of device. Prints one table, in GB (10^9 bytes).
Fails where a folder holds no finished run, or its model's config.json is not found.
"""

import logging
from pathlib import Path

from tunegrid.cli import describe, run_program


def main() -> None:
    parser = describe(__doc__)
    parser.add_argument("runs", nargs="+", type=Path, help="folders of finished runs")
    parser.add_argument(
        "--model", help="a folder or file with the model's config.json (default: by its name)"
    )
    arguments = parser.parse_args()

    from tunegrid.memory.run_memory import compare_run, format_comparison

    logging.getLogger().setLevel(logging.WARNING)  # the adapters library logs a line for each trace
    runs = [compare_run(folder, arguments.model) for folder in arguments.runs]
    print(format_comparison(runs))


if __name__ == "__main__":
    run_program(main)
