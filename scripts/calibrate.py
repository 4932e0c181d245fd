#!/usr/bin/env python
"""Fit the margins of predicted GPU memory to your own runs.

Give the files of measured steps on your GPU (results/memory/measured/*.json, which the workflow
writes by scripts/measure_memory.py). For each kind of attention in them, what CUDA's allocator held
over what was predicted replaces the public number.

  python scripts/calibrate.py results/memory/measured/*.json --output margins.json
  python scripts/predict_memory.py --model roberta-base --margins margins.json

Fails where no file is of a GPU.
"""

import logging
from pathlib import Path

from tunegrid.cli import describe, run_program


def main() -> None:
    parser = describe(__doc__)
    parser.add_argument("files", nargs="+", type=Path, help="files of measured steps")
    parser.add_argument("--output", required=True, type=Path, help="JSON file to write")
    arguments = parser.parse_args()

    from tunegrid.files import write_json
    from tunegrid.memory.calibration_fit import calibrated
    from tunegrid.memory.records import read_measurements

    margins, words = calibrated(read_measurements(arguments.files))
    for line in words:
        logging.info("%s", line)
    write_json(arguments.output, margins.to_json())


if __name__ == "__main__":
    run_program(main)
