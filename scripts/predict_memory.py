#!/usr/bin/env python
"""Predict the GPU memory of a training step, without a GPU and without weights.

The real model with the real method takes one step on fake tensors, and every tensor is counted from
its birth to its death; beside it stands a formula, for BERT's kind of encoder. Needs what a GPU
must have: live tensors, and margins for the allocator and CUDA's context.

  python scripts/predict_memory.py --model roberta-base --method adapter-64 --batch 16 --tokens 128
  python scripts/predict_memory.py --model llama-3.2-3b --method lora --batch 16 --tokens 1024

A model is a name of config/models.yaml or config/shapes, a fetched model, or a folder or file with
a config.json. A method is a name of config/methods.yaml or a configuration string of the adapters
library. Fails when a model cannot be traced, because its code asks tensors for their values, as
mixtures of experts do, or is not part of the Transformers library.
"""

import json
import logging
from pathlib import Path
from typing import Any

from tunegrid.cli import describe, json_argument, run_program


def main() -> None:
    parser = describe(__doc__)
    parser.add_argument("--model", required=True, help="name, folder or config.json")
    parser.add_argument("--method", action="append", default=[], help="may be given several times")
    parser.add_argument("--batch", type=int, default=16, help="examples of a micro-batch")
    parser.add_argument("--tokens", type=int, default=128, help="of an example")
    parser.add_argument("--dtype", default="fp32", choices=["fp32", "tf32", "bf16", "pure-bf16"])
    parser.add_argument("--attention", default="auto", choices=["auto", "sdpa", "eager"])
    parser.add_argument("--checkpointing", action="store_true", help="gradient checkpointing")
    parser.add_argument("--optimizer", default="adamw", choices=["adamw", "adamw-foreach", "sgd"])
    parser.add_argument("--accumulated", type=int, default=1, help="micro-batches of a step")
    parser.add_argument("--labels", type=int, default=2, help="of a classifier")
    parser.add_argument("--json", action="store_true", help="print JSON, bytes")
    parser.add_argument("--cases", type=json_argument, help="the workflow's own: JSON list")
    parser.add_argument("--output", type=Path, help="the workflow's own: JSON file to write")
    arguments = parser.parse_args()
    if min(arguments.batch, arguments.tokens, arguments.accumulated, arguments.labels) < 1:
        parser.error("--batch, --tokens, --accumulated and --labels are at least 1")

    from tunegrid.errors import UserError
    from tunegrid.files import write_json
    from tunegrid.memory.asking import as_table, cases_of
    from tunegrid.memory.catalogue import catalogue
    from tunegrid.memory.predicting import peaks_of
    from tunegrid.memory.shapes import is_language_model, load_shape
    from tunegrid.memory.study import fits, growth, prediction, workload

    logging.getLogger().setLevel(logging.WARNING)  # the adapters library tells of each trace
    config = load_shape(arguments.model, catalogue("models").get(arguments.model))
    cases: list[dict[str, Any]] = arguments.cases or cases_of(vars(arguments))
    if is_language_model(config):
        cases = [case | {"labels": None} for case in cases]
    found = []
    for case in cases:
        work = workload(config, case)
        row = {"model": Path(arguments.model).name, "method": case["method"]}
        try:
            row |= prediction(work)
        except UserError as reason:
            if not arguments.output:
                raise
            # The workflow's tables show the others; what cannot be built fails in training, too.
            logging.warning("%s is left out: %s", case["method"], reason)
            continue
        peak_of = peaks_of(work)
        row["fits"] = fits(peak_of)
        # What figures show; a person's question is answered without it, in half the time.
        found.append(row | (growth(work, peak_of) if arguments.output else {}))
    if arguments.output:
        write_json(arguments.output, found)
    elif arguments.json:
        print(json.dumps(found, indent=2))
    else:
        print(as_table(found))


if __name__ == "__main__":
    run_program(main)
