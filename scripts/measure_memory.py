#!/usr/bin/env python
"""Measure the memory of a few real training steps, beside what is predicted for this device.

On a GPU by CUDA's allocator; on a CPU by the profiler's record of its allocations. The weights are
random, since memory does not depend on their values. Where a step does not fit, half its
micro-batch is measured.
"""

import logging
from pathlib import Path

from tunegrid.cli import describe, json_argument, run_program


def main() -> None:
    parser = describe(__doc__)
    parser.add_argument(
        "--model", required=True, help="a model's name, or a folder or file with its config.json"
    )
    parser.add_argument(
        "--cases", required=True, type=json_argument, help="the steps, a JSON list or @FILE"
    )
    parser.add_argument("--output", required=True, type=Path, help="the JSON file to write")
    arguments = parser.parse_args()

    from tunegrid.errors import UserError
    from tunegrid.files import write_json
    from tunegrid.memory.analysis import limit_tokens, measure_step
    from tunegrid.memory.model_shapes import load_shape, shipped_model
    from tunegrid.memory.records import parse_steps

    config = load_shape(arguments.model, shipped_model(arguments.model))
    model = Path(arguments.model).name
    records = []
    for step in parse_steps(arguments.cases):
        try:
            record = measure_step(model, config, limit_tokens(config, step))
        except UserError as reason:
            logging.warning("%s is left out: %s", step.method, reason)
            continue
        logging.info("%s: %d bytes, predicted %s", step.method, record.peak, record.predicted)
        records.append(record)
    write_json(arguments.output, [record.to_json() for record in records])


if __name__ == "__main__":
    run_program(main)
