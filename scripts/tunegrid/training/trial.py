"""Trying a cell on the CPU before it waits for a GPU: what it computes, and that it proves right.

    try_cells           one cell after the other
      try_cell
        build_model       the weights are accounted for, the method changes only what it says
        compute_longest   the longest inputs that the encoded task has
        prove_trimming    what is left out of the last layer is read by nothing
        prove_stateless   a text's logits do not depend on what was computed before it
        prove_padding     nor on what shares its batch
        take_one_step     a loss, gradients, an update
        reload            what is kept gives the same logits in a fresh process

A model of many parameters is built with its first blocks alone; its weights are accounted for in
full.
"""

import logging
import multiprocessing
import sys
from collections.abc import Sequence
from concurrent.futures import Executor, ProcessPoolExecutor
from pathlib import Path
from time import perf_counter
from typing import Any, TypedDict

from datasets import Dataset, concatenate_datasets, load_from_disk

from tunegrid.errors import UserError
from tunegrid.training.batching import EncodedSplit
from tunegrid.training.encoded_splits import as_inputs
from tunegrid.training.input_columns import input_columns
from tunegrid.training.loading_weights import count_parameters
from tunegrid.training.model_building import BuiltModel, build_model, check_vocabulary
from tunegrid.training.probing import CannotComputeError, two_short_examples
from tunegrid.training.run_request import RunRequest
from tunegrid.training.trial_proofs import (
    compute_longest,
    extremes_of_parts,
    prove_padding,
    prove_stateless,
    prove_trimming,
    reload,
    take_one_step,
)

#: Bytes of memory a parameter: weights, gradient and AdamW's two moments in fp32, the file, and the
#: model of the fresh process.
BYTES_A_PARAMETER = 28
#: Blocks of a model that is too large to be built whole.
FEW_LAYERS = 2


class Trial(TypedDict):
    """How the trial of a cell ended.

    Attributes:
        problem: why it cannot be trained, in one line; None: it can.
        notes: what is to be known of its runs, in sentences.
        seconds: how long the trial took.
    """

    problem: str | None
    notes: list[str]
    seconds: float


def try_cells(requests: Sequence[RunRequest], memory: int) -> list[Trial]:
    """Try cells of one model and task.

    Args:
        requests: the cells.
        memory: bytes that a trial may take.

    Returns:
        How the trial of each ended.
    """
    # A process that is forked now has imported the libraries and built no model. Beside other
    # threads a fork could wait for ever for a lock that one of them holds.
    threads = Path("/proc/self/task")
    forks = sys.platform == "linux" and len(list(threads.iterdir())) == 1
    context = multiprocessing.get_context("fork" if forks else "spawn")
    trials = []
    with ProcessPoolExecutor(max_workers=1, mp_context=context) as fresh:
        if forks:
            fresh.submit(int).result()
        for request in requests:
            started = perf_counter()
            notes: list[str] = []
            problem = None
            try:
                notes = try_cell(request, fresh, memory)
            except CannotComputeError as error:
                problem = f"{error}; leave the model out of the grid for this task"
            except UserError as error:
                problem = " ".join(str(error).split())
            except Exception as error:
                logging.exception("the trial failed")
                reason = f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
                remedy = "leave it out of the grid; the log of try_cell has the details"
                problem = f"the trial failed: {reason}; {remedy}"
            seconds = round(perf_counter() - started, 1)
            logging.info("%s: %s (%s s)", request.settings.method, problem or "fits", seconds)
            if problem is not None:
                problem = f"{_cell_name(request)}: {problem}"
            trials.append(Trial(problem=problem, notes=notes, seconds=seconds))
    return trials


def try_cell(request: RunRequest, fresh: Executor, memory: int) -> list[str]:
    """Try one cell.

    Args:
        request: the cell, its model and its encoded task.
        fresh: runs a function in a process in which no model was built before.
        memory: bytes that the trial may take.

    Returns:
        What is to be known of its runs, in sentences.

    Raises:
        UserError: it cannot be trained, or its results would not be what they seem.
    """
    check_vocabulary(request)
    layers = None
    if count_parameters(request.model) * BYTES_A_PARAMETER > memory:
        layers = FEW_LAYERS
    examples = choose_examples(request)
    try:
        built = _build(request, examples, layers=layers)
    except UserError:
        if layers is None or request.settings.method_source.kind != "peft":
            raise
        layers = None  # the method may name layers by numbers that few layers do not have
        built = _build(request, examples, layers=layers)
    compute_longest(built, examples)
    prove_trimming(built, examples)
    prove_stateless(built, examples)
    notes = built.notes()
    notes += prove_padding(request, built, examples)
    notes += take_one_step(request, built, examples)
    if request.keeps_weights or request.settings.method_source.is_added:
        notes += reload(request, built, examples, layers=layers, fresh=fresh)
    return notes


def _build(request: RunRequest, examples: EncodedSplit, *, layers: int | None) -> BuiltModel:
    return build_model(
        request.model,
        request.settings,
        labels=request.encoding["labels"],
        target=request.encoding["target"],
        pad_token=request.encoding["padding"]["input_ids"],
        examples=examples.collate(two_short_examples(examples.lengths)),
        layers=layers,
    )


def choose_examples(request: RunRequest) -> EncodedSplit:
    """The shortest and the longest example of each split, of each part of an aggregated task.

    Of a few-shot task they are from all that a run may draw. Where all have one length a text is
    cut in its middle, so that a shorter one stands among them.
    """
    taken, card = input_columns(request.model), request.encoding
    chosen = []
    for data in load_from_disk(request.encoded).values():
        extremes = extremes_of_parts(as_inputs(data, card, taken), card)
        chosen += [data.select(sorted(set(ends))) for ends in extremes]
    examples = concatenate_datasets(chosen)
    if len({len(ids) for ids in examples["input_ids"]}) == 1:
        columns = [key for key in card["padding"] if key in taken]
        examples = concatenate_datasets([examples, _cut_in_the_middle(examples, columns)])
    return as_inputs(examples, card, taken)


def _cut_in_the_middle(examples: Dataset, columns: Sequence[str]) -> Dataset:
    """The first example without its second half, but for its last token."""

    def cut(row: dict[str, Any]) -> dict[str, Any]:
        half = max(1, len(row["input_ids"]) // 2)
        return {key: [*row[key][:half], row[key][-1]] for key in columns}

    return examples.select([0]).map(cut, features=examples.features)


def _cell_name(request: RunRequest) -> str:
    settings = request.settings
    return f"model {settings.model!r}, task {settings.task!r}, method {settings.method!r}"
