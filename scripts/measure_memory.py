#!/usr/bin/env python
"""Measure the memory of a few real training steps, beside what is predicted for this device.

On a GPU by CUDA's allocator; on a CPU by the profiler's record of its allocations. From random
weights: memory does not depend on their values. Where a step does not fit, half the micro-batch is
measured.
"""

import logging
from pathlib import Path

from tunegrid.cli import describe, json_argument, run_program


def main() -> None:
    parser = describe(__doc__)
    parser.add_argument("--model", required=True, help="name, folder or config.json")
    parser.add_argument("--cases", required=True, type=json_argument, help="JSON list")
    parser.add_argument("--output", required=True, type=Path, help="JSON file to write")
    arguments = parser.parse_args()

    from tunegrid.errors import UserError
    from tunegrid.files import write_json
    from tunegrid.memory.catalogue import catalogue
    from tunegrid.memory.measuring import measure_what_fits
    from tunegrid.memory.predicting import UntraceableError, predict
    from tunegrid.memory.shapes import load_shape
    from tunegrid.memory.study import workload

    config = load_shape(arguments.model, catalogue("models").get(arguments.model))
    found = []
    for case in arguments.cases:
        try:
            work, measured = measure_what_fits(workload(config, case))
        except UserError as reason:
            logging.warning("%s is left out: %s", case["method"], reason)
            continue
        try:
            predicted = predict(work, cuda=measured.device != "CPU").peak
        except UntraceableError as reason:
            logging.warning("%s", reason)
            predicted = None
        logging.info("%s: %d bytes, predicted %s", case["method"], measured.peak, predicted)
        found.append(
            {
                "model": Path(arguments.model).name,
                "method": case["method"],
                "batch": work.batch,
                "tokens": work.tokens,
                **vars(measured),
                "predicted": predicted,
            }
        )
    write_json(arguments.output, found)


if __name__ == "__main__":
    run_program(main)
