#!/usr/bin/env python
"""Predict the GPU memory of a training step, without a GPU and without weights.

The real model with the real method takes one step on fake tensors, and every tensor is counted from
its birth to its death; beside it stands a formula, for encoders of BERT's kind. What a GPU must
have are the live tensors, and margins for the allocator and for CUDA's context.

  python scripts/predict_memory.py --model roberta-base --method adapter-64 --batch 16 --tokens 128
  python scripts/predict_memory.py --model llama-3.2-3b --method lora --batch 16 --tokens 1024

A model is a name of config/models.yaml or config/shapes, a fetched model, or a folder or file with
a config.json; several are answered one after the other. A GPU is one of config/gpus.yaml or a size,
as in --gpu T4 --gpu 12GB. A method is a name of config/methods.yaml or a configuration string of
the adapters library. Fails when a model cannot be traced, because its code asks tensors for
values that follow from weights, is not part of the Transformers library, or takes fewer --tokens.
"""

import argparse
import json
import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from tunegrid.cli import describe, json_argument, run_program
from tunegrid.errors import UserError
from tunegrid.memory.arguments import (
    add_gpu_arguments,
    add_model_arguments,
    add_step_arguments,
    check_counts,
    requested_labels,
    requested_step,
)
from tunegrid.memory.records import StepMemory, TrainingStep

#: The method that is asked for where none is named.
METHODS = ("full",)


def analysed(
    analyse: Callable[[TrainingStep], StepMemory], steps: Sequence[TrainingStep], *, leave_out: bool
) -> list[StepMemory]:
    """The answers for steps.

    Args:
        analyse: answers for one.
        steps: the steps.
        leave_out: whether a step that cannot be predicted is left out, with a line in the log: the
            workflow's tables show the other methods, and what cannot be built fails in training.

    Raises:
        UserError: a step cannot be predicted, and none is to be left out.
    """
    records = []
    for step in steps:
        try:
            records.append(analyse(step))
        except UserError as reason:
            if not leave_out:
                raise
            logging.warning("%s is left out: %s", step.method, reason)
    return records


def parse_arguments() -> argparse.Namespace:
    """What the program is asked."""
    parser = describe(__doc__)
    add_model_arguments(parser)
    add_step_arguments(parser, methods=METHODS)
    add_gpu_arguments(parser)
    parser.add_argument(
        "--lengths",
        type=Path,
        help="the lengths of a task's training examples, in place of --tokens: an encoded task's"
        " folder, or a file with a number of tokens on each line",
    )
    parser.add_argument(
        "--margins",
        type=Path,
        help="your own margins, a file of scripts/calibrate.py (default: those of public"
        " measurements)",
    )
    parser.add_argument("--json", action="store_true", help="print JSON; all sizes are bytes")
    parser.add_argument(
        "--cases", type=json_argument, help="for the workflow: the steps, a JSON list or @FILE"
    )
    parser.add_argument("--output", type=Path, help="for the workflow: the JSON file to write")
    arguments = parser.parse_args()
    check_counts(parser, arguments)
    of_the_workflow = arguments.cases is not None or arguments.output is not None
    if of_the_workflow and len(arguments.model) > 1:
        parser.error("--cases and --output are of one --model")
    return arguments


def main() -> None:
    arguments = parse_arguments()

    from tunegrid.light_imports import light_imports

    with light_imports():
        from tunegrid.files import write_json
        from tunegrid.memory.analysis import (
            analyse_step,
            check_tokens,
            format_answer,
            limit_tokens,
        )
        from tunegrid.memory.gpu_choice import choose_gpus
        from tunegrid.memory.lengths import read_lengths
        from tunegrid.memory.margins import load_margins
        from tunegrid.memory.model_shapes import (
            load_shape,
            longest_example,
            method_entry,
            shipped_model,
        )
        from tunegrid.memory.records import parse_steps

    logging.getLogger().setLevel(logging.WARNING)  # the adapters library logs a line for each trace
    gpus = choose_gpus(arguments.gpu)
    margins = load_margins(arguments.margins)
    # Growth is what figures show; a person's question is answered without it, in half the time.
    growth = arguments.output is not None
    answers: list[list[StepMemory]] = []
    for asked in arguments.model:
        model = Path(asked).name
        config = load_shape(asked, shipped_model(asked))
        lengths = None
        if arguments.cases is not None:
            steps = [limit_tokens(config, step) for step in parse_steps(arguments.cases)]
        else:
            labels = requested_labels(arguments, model, config)
            steps = [
                requested_step(arguments, method=name, entry=method_entry(name), labels=labels)
                for name in arguments.method or METHODS
            ]
            if arguments.lengths is not None:
                lengths = read_lengths(arguments.lengths, most=longest_example(config))
                steps = [replace(step, tokens=int(lengths.max())) for step in steps]
            check_tokens(model, config, steps[0])
        analyse = partial(
            analyse_step,
            model,
            config,
            gpus=gpus,
            growth=growth,
            lengths=lengths,
            margins=margins,
        )
        answers.append(analysed(analyse, steps, leave_out=arguments.output is not None))
    values = [record.to_json() for records in answers for record in records]
    if arguments.output:
        write_json(arguments.output, values)
    elif arguments.json:
        print(json.dumps(values, indent=2))
    else:
        print("\n\n".join(format_answer(records, margins) for records in answers))


if __name__ == "__main__":
    run_program(main)
