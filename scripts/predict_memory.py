#!/usr/bin/env python
"""Predict the GPU memory of a training step, without a GPU and without weights.

The real model with the real method takes one step on fake tensors, and every tensor is counted from
its birth to its death; beside it stands a formula, for encoders of BERT's kind. What a GPU must
have are the live tensors, and margins for the allocator and for CUDA's context.

  python scripts/predict_memory.py --model roberta-base --method adapter-64 --batch 16 --tokens 128
  python scripts/predict_memory.py --model llama-3.2-3b --method lora --batch 16 --tokens 1024

A model is a name of config/models.yaml or config/shapes, a fetched model, or a folder or file with
a config.json. A method is a name of config/methods.yaml or a configuration string of the adapters
library. Fails when a model cannot be traced, because its code asks tensors for their values, as
mixtures of experts do, or is not part of the Transformers library.
"""

import json
import logging
from dataclasses import replace
from pathlib import Path

from tunegrid.cli import describe, json_argument, run_program


def main() -> None:
    parser = describe(__doc__)
    parser.add_argument(
        "--model", required=True, help="a model's name, or a folder or file with its config.json"
    )
    parser.add_argument(
        "--method", action="append", help="a method; may be given several times (default: full)"
    )
    parser.add_argument(
        "--batch", type=int, default=16, help="examples of a micro-batch (default: 16)"
    )
    parser.add_argument(
        "--tokens", type=int, default=128, help="tokens of an example (default: 128)"
    )
    parser.add_argument(
        "--dtype",
        default="fp32",
        choices=["fp32", "tf32", "bf16", "fp16", "pure-bf16"],
        help="precision; bf16 and fp16 are autocast (default: fp32)",
    )
    parser.add_argument(
        "--attention",
        default="auto",
        choices=["auto", "sdpa", "eager"],
        help="attention kernel; auto is the first of sdpa and eager that the model has",
    )
    parser.add_argument(
        "--checkpointing",
        action="store_true",
        help="gradient checkpointing: compute every layer again in the backward pass",
    )
    parser.add_argument(
        "--optimizer",
        default="adamw",
        choices=["adamw", "adafactor", "adamw_8bit", "adamw-foreach", "sgd"],
        help="optimizer; the first three as training uses them (default: adamw)",
    )
    parser.add_argument(
        "--frozen-layers",
        type=int,
        default=0,
        help="first layers that do not train, nor do the embeddings; 0: none (default)",
    )
    parser.add_argument(
        "--accumulated", type=int, default=1, help="micro-batches of a step (default: 1)"
    )
    parser.add_argument("--labels", type=int, default=2, help="labels of a classifier (default: 2)")
    parser.add_argument("--json", action="store_true", help="print JSON; all sizes are bytes")
    parser.add_argument(
        "--cases", type=json_argument, help="for the workflow: the steps, a JSON list or @FILE"
    )
    parser.add_argument("--output", type=Path, help="for the workflow: the JSON file to write")
    arguments = parser.parse_args()
    if min(arguments.batch, arguments.tokens, arguments.accumulated, arguments.labels) < 1:
        parser.error("--batch, --tokens, --accumulated and --labels are at least 1")

    from tunegrid.errors import UserError
    from tunegrid.files import write_json
    from tunegrid.memory.analysis import analyse_step, format_answer, limit_tokens
    from tunegrid.memory.model_shapes import (
        is_language_model,
        load_shape,
        method_entry,
        shipped_model,
    )
    from tunegrid.memory.records import TrainingStep, parse_steps

    logging.getLogger().setLevel(logging.WARNING)  # the adapters library logs a line for each trace
    config = load_shape(arguments.model, shipped_model(arguments.model))
    if arguments.cases is not None:
        steps = parse_steps(arguments.cases)
    else:
        steps = [
            TrainingStep(
                method=name,
                method_source=method_entry(name),
                labels=arguments.labels,
                batch=arguments.batch,
                tokens=arguments.tokens,
                precision=arguments.dtype,
                attention=arguments.attention,
                checkpointing=arguments.checkpointing,
                optimizer=arguments.optimizer,
                accumulated=arguments.accumulated,
                frozen_layers=arguments.frozen_layers,
            )
            for name in arguments.method or ["full"]
        ]
        if is_language_model(config):  # a grid trains it as a classifier
            steps = [replace(step, labels=None) for step in steps]
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
