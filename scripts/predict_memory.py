#!/usr/bin/env python
"""Predict the GPU memory of a training step, without a GPU and without weights.

The real model with the real method takes one step on fake tensors, and every tensor is counted from
its birth to its death; beside it stands a formula, for encoders of BERT's kind. What a GPU must
have are the live tensors, and margins for the allocator and for CUDA's context.

  python scripts/predict_memory.py --model roberta-base --method adapter-64 --batch 16 --tokens 128
  python scripts/predict_memory.py --model llama-3.2-3b --method lora --batch 16 --tokens 1024

A model is a name of config/models.yaml or config/shapes, a fetched model, or a folder or file with
a config.json. A method is a name of config/methods.yaml or a configuration string of the adapters
library. Fails when a model cannot be traced, because its code asks tensors for values that follow
from weights, or is not part of the Transformers library.
"""

import json
import logging
from pathlib import Path

from tunegrid.cli import describe, json_argument, run_program
from tunegrid.memory.arguments import (
    add_gpu_arguments,
    add_model_arguments,
    add_step_arguments,
    check_counts,
    requested_labels,
    requested_step,
)


def main() -> None:
    parser = describe(__doc__)
    add_model_arguments(parser)
    add_step_arguments(parser)
    add_gpu_arguments(parser)
    parser.add_argument("--json", action="store_true", help="print JSON; all sizes are bytes")
    parser.add_argument(
        "--cases", type=json_argument, help="for the workflow: the steps, a JSON list or @FILE"
    )
    parser.add_argument("--output", type=Path, help="for the workflow: the JSON file to write")
    arguments = parser.parse_args()
    check_counts(parser, arguments)

    from tunegrid.memory.light_imports import light_imports

    with light_imports():
        from tunegrid.errors import UserError
        from tunegrid.files import write_json
        from tunegrid.memory.analysis import analyse_step, format_answer, limit_tokens
        from tunegrid.memory.model_shapes import load_shape, method_entry, shipped_model
        from tunegrid.memory.records import parse_steps

    logging.getLogger().setLevel(logging.WARNING)  # the adapters library logs a line for each trace
    config = load_shape(arguments.model, shipped_model(arguments.model))
    if arguments.cases is not None:
        steps = parse_steps(arguments.cases)
    else:
        labels = requested_labels(parser, arguments, config)
        steps = [
            requested_step(arguments, method=name, entry=method_entry(name), labels=labels)
            for name in arguments.method or ["full"]
        ]
    model = Path(arguments.model).name
    # Growth is what figures show; a person's question is answered without it, in half the time.
    growth = arguments.output is not None
    records = []
    for step in steps:
        try:
            records.append(analyse_step(model, config, limit_tokens(config, step), growth=growth))
        except UserError as reason:
            if not arguments.output:
                raise
            # The workflow's tables show the other methods; what cannot be built fails in training.
            logging.warning("%s is left out: %s", step.method, reason)
    values = [record.to_json() for record in records]
    if arguments.output:
        write_json(arguments.output, values)
    elif arguments.json:
        print(json.dumps(values, indent=2))
    else:
        print(format_answer(records))


if __name__ == "__main__":
    run_program(main)
