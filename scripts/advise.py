#!/usr/bin/env python
"""Advise on what fits a GPU, and what to change first where it does not: no GPU, no weights needed.

The step is predicted as it is asked for and, where it does not fit, with gradient checkpointing, in
bf16, with AdamW in 8 bits, with shorter examples, and with several of these; and the other way,
which is the smallest GPU of config/gpus.yaml that has room.

  python scripts/advise.py --model roberta-base --method full --batch 32 --tokens 512 --gpu T4
  python scripts/advise.py --model llama-3.2-3b --method lora --method full --batch 4 --tokens 1024

Models, methods and GPUs are named as for predict_memory.py. Where no method is named, they are
full, adapter-64 and lora. What changes cost in time is told by floating-point operations, as
torch.utils.flop_counter counts them. A step that cannot be traced is a line of the table with its
reason. Fails where that is so of every method.
"""

import json
import logging
from pathlib import Path

from tunegrid.cli import describe, run_program
from tunegrid.memory.arguments import (
    add_gpu_arguments,
    add_model_arguments,
    add_step_arguments,
    check_counts,
    requested_labels,
    requested_step,
)

#: The methods of which a person may choose, where none is named.
METHODS = ("full", "adapter-64", "lora")


def main() -> None:
    parser = describe(__doc__)
    add_model_arguments(parser)
    add_step_arguments(parser, methods=METHODS)
    add_gpu_arguments(parser)
    parser.add_argument("--json", action="store_true", help="print JSON; all sizes are bytes")
    arguments = parser.parse_args()
    check_counts(parser, arguments)

    from tunegrid.light_imports import light_imports

    with light_imports():
        from tunegrid.errors import UserError
        from tunegrid.memory.advice import format_advice, weigh_ways
        from tunegrid.memory.analysis import check_tokens
        from tunegrid.memory.gpu_choice import choose_gpus
        from tunegrid.memory.model_shapes import (
            load_shape,
            method_entry,
            shipped_model,
        )

    logging.getLogger().setLevel(logging.WARNING)  # the adapters library logs a line for each trace
    gpus = choose_gpus(arguments.gpu) if arguments.gpu else {}
    catalogue = choose_gpus([])
    values, texts = [], []
    for asked in arguments.model:
        model = Path(asked).name
        config = load_shape(asked, shipped_model(asked))
        labels = requested_labels(arguments, model, config)
        ways_of = {}
        for name in arguments.method or METHODS:
            step = requested_step(arguments, method=name, entry=method_entry(name), labels=labels)
            check_tokens(model, config, step)
            ways_of[name] = weigh_ways(config, step, gpus=gpus, catalogue=catalogue)
        reasons = [ways[0].refused for ways in ways_of.values() if ways[0].refused is not None]
        if len(reasons) == len(ways_of):
            raise UserError(*reasons)
        values += [way.to_json() | {"model": model} for ways in ways_of.values() for way in ways]
        texts.append(format_advice(model, ways_of, list(gpus)))
    print(json.dumps(values, indent=2) if arguments.json else "\n\n".join(texts))


if __name__ == "__main__":
    run_program(main)
