#!/usr/bin/env python
"""Fit the margins of predicted GPU memory to your own runs.

Give folders with finished runs on your GPUs, or files of measured steps
(results/memory/measured/*.json, which the workflow writes by scripts/measure_memory.py). For each
kind of attention in them, what CUDA's allocator held over the tensors replaces the public number:
over those that it gave out in a run, or those that were predicted of a step. So does what CUDA
itself took, where the driver told it to a run.

  python scripts/calibrate.py results/runs --output margins.json
  python scripts/calibrate.py results/memory/measured/*.json --output margins.json
  python scripts/predict_memory.py --model roberta-base --margins margins.json

Runs on a CPU are passed over, and those in which memory ran out: there the allocator held what the
GPU has. Fails where nothing is of a GPU.
"""

import logging
from pathlib import Path

from tunegrid.cli import describe, run_program


def main() -> None:
    parser = describe(__doc__)
    parser.add_argument(
        "paths",
        nargs="+",
        type=Path,
        help="folders with finished runs, or files of measured steps",
    )
    parser.add_argument("--output", required=True, type=Path, help="JSON file to write")
    arguments = parser.parse_args()

    from tunegrid.files import write_json
    from tunegrid.memory.calibration_fit import calibrated, read_held

    margins, words = calibrated(read_held(arguments.paths))
    for line in words:
        logging.info("%s", line)
    write_json(arguments.output, margins.to_json())


if __name__ == "__main__":
    run_program(main)
