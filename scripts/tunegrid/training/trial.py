"""Trying a cell on the CPU before it waits for a GPU: what it computes, and that it proves right.

    try_cells           one cell after the other
      try_cell
        build_model       the weights are accounted for, the method changes only what it says
        compute_longest   the longest inputs that the encoded task has
        prove_memory      a text's logits do not depend on what was computed before it
        prove_padding     nor on what shares its batch
        take_one_step     a loss, gradients, an update
        reload            what is kept gives the same logits in a fresh process

A model of many parameters is built with its first blocks alone; its weights are accounted for in
full.
"""

import logging
import multiprocessing
import sys
import tempfile
from collections.abc import Mapping, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor
from pathlib import Path
from time import perf_counter
from typing import TypedDict

import numpy as np
import torch
from torch.nn.functional import cross_entropy

from tunegrid.errors import UserError
from tunegrid.training.batching import EncodedSplit, Tensors
from tunegrid.training.encoded_splits import load_splits
from tunegrid.training.finetune import build_optimizer
from tunegrid.training.input_columns import input_columns
from tunegrid.training.kept_weights import keep_weights, load_kept
from tunegrid.training.loading_weights import count_parameters
from tunegrid.training.model_building import BuiltModel, build_model, check_vocabulary
from tunegrid.training.probing import (
    CANNOT_COMPUTE,
    CannotComputeError,
    logits_of,
    two_short_examples,
)
from tunegrid.training.run_request import RunRequest

#: Bytes of memory a parameter: weights, gradient and AdamW's two moments in fp32, and the file.
BYTES_A_PARAMETER = 20
#: Blocks of a model that is too large to be built whole.
FEW_LAYERS = 2
#: By how much logits may differ where they should be equal: a share of how far those of different
#: texts lie apart, and what rounding makes of small numbers.
RELATIVE, ABSOLUTE = 1e-3, 1e-5


class Trial(TypedDict):
    """How the trial of a cell ended.

    Attributes:
        problem: why it cannot be trained, in one line; None: it can.
        notes: what is to be known of its runs, in sentences.
        seconds: that it took.
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
    # A process that is forked now has imported the libraries and built no model.
    context = multiprocessing.get_context("fork" if sys.platform == "linux" else "spawn")
    trials = []
    with ProcessPoolExecutor(max_workers=1, mp_context=context) as fresh:
        fresh.submit(int).result()
        for request in requests:
            started = perf_counter()
            try:
                notes, problem = try_cell(request, fresh, memory), None
            except CannotComputeError as error:
                remedy = "leave the model out of the grid for this task"
                notes, problem = [], f"{_name(request)}: {error}; {remedy}"
            except UserError as error:
                notes, problem = [], " ".join(str(error).split())
            seconds = round(perf_counter() - started, 1)
            logging.info("%s: %s (%s s)", request.settings.method, problem or "fits", seconds)
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
    layers = None
    if count_parameters(request.model) * BYTES_A_PARAMETER > memory:
        layers = FEW_LAYERS
    splits, _ = load_splits(request, input_columns(request.model))
    train = splits["train"]
    built = build_model(
        request.model,
        request.settings,
        labels=request.encoding["labels"],
        pad_token=request.encoding["padding"]["input_ids"],
        examples=train.collate(two_short_examples(train.lengths)),
        layers=layers,
    )
    check_vocabulary(request.settings.model, built.model.config, request.encoding["largest_token"])
    compute_longest(request, built, splits)
    prove_memory(request, built, train)
    notes = built.notes()
    notes += prove_padding(request, built, train)
    take_one_step(request, built, train)
    if request.keeps_weights or request.settings.method_source.kind == "adapter":
        notes += reload(request, built, train, layers=layers, fresh=fresh)
    return notes


def compute_longest(
    request: RunRequest, built: BuiltModel, splits: Mapping[str, EncodedSplit]
) -> None:
    """Compute the longest example of every split.

    Raises:
        UserError: the model cannot, or gives logits that are no numbers.
    """
    for split in splits.values():
        inputs = split.collate(np.array([int(split.lengths.argmax())]))
        try:
            logits = logits_of(built.model, inputs)
        except CannotComputeError as error:
            possible = longest_possible(built, inputs)
            remedy = "leave the model out of the grid for this task"
            if possible:
                remedy = f"set data.max_length to {possible} at most"
            raise UserError(f"{_name(request)}: {error}; {remedy}") from None
        if not torch.isfinite(logits).all():
            raise UserError(
                f"{_name(request)}: logits are not finite; look for weights that are no numbers, or"
                " leave the model out of the grid"
            )


def longest_possible(built: BuiltModel, inputs: Tensors) -> int:
    """The most first tokens of an example that a model can compute; 0: not one of them.

    Args:
        built: the model.
        inputs: one example, (1, tokens) each.
    """
    works, fails = 0, inputs["input_ids"].shape[1]
    while fails - works > 1:
        middle = (works + fails) // 2
        try:
            logits_of(built.model, {key: value[:, :middle] for key, value in inputs.items()})
            works = middle
        except CannotComputeError:
            fails = middle
    return works


def prove_memory(request: RunRequest, built: BuiltModel, train: EncodedSplit) -> None:
    """Prove that a text's logits are the same before and after other texts were computed.

    Raises:
        UserError: they are not: the model changes itself.
    """
    short, long = int(train.lengths.argmin()), int(train.lengths.argmax())
    inputs = [train.collate(np.array([position])) for position in (long, short, long)]
    built.model.train(mode=False)
    with torch.no_grad():
        before, other, after = (built.model(**one).logits.float() for one in inputs)
    change, apart = float((after - before).abs().max()), float((other - before).abs().max())
    if change > ABSOLUTE + RELATIVE * apart:
        raise UserError(
            f"{_name(request)}: predictions depend on the texts before: the logits of the longest"
            f" change by {change:.2g} after a short one (BigBird's attention does so; set"
            " attention_type to original_full in its config.json), or leave it out of the grid"
        )


def prove_padding(request: RunRequest, built: BuiltModel, train: EncodedSplit) -> list[str]:
    """Prove that a text's logits are the same alone and beside a longer one, at either place.

    Returns:
        A sentence, of a model whose entry says that it depends on padding.

    Raises:
        UserError: they are not, and the entry does not say so.
    """
    for short, long in _pairs_of_lengths(request, train):
        change, apart = _change_by_padding(built, train, short=short, long=long)
        if change <= ABSOLUTE + RELATIVE * apart:
            continue
        what = (
            f"predictions depend on what shares a batch: padded on the {train.side}, the logits of"
            f" a text change by {change:.2g}, where those of two texts differ by {apart:.2g}"
        )
        if request.settings.model_source.padding_dependent:
            return [what]
        other = train.padded_on_the_other_side()
        change, apart = _change_by_padding(built, other, short=short, long=long)
        remedy = "leave it out of the grid"
        if change <= ABSOLUTE + RELATIVE * apart:
            remedy = f"set `padding_side: {other.side}` in its entry, where they do not"
        raise UserError(
            f"{_name(request)}: {what}; {remedy}, or accept it by `padding_dependent: true` there"
        )
    return []


def _pairs_of_lengths(request: RunRequest, train: EncodedSplit) -> list[tuple[int, int]]:
    """A short and a long example, of every part of an aggregated task and across the parts."""
    parts = list(request.encoding["parts"].values()) or [range(len(request.encoding["labels"]))]
    extremes = []
    for labels in parts:
        positions = np.flatnonzero(np.isin(train.labels, list(labels)))
        if len(positions):
            lengths = train.lengths[positions]
            extremes.append((positions[lengths.argmin()], positions[lengths.argmax()]))
    pairs = [(int(short), int(long)) for short, _ in extremes for _, long in extremes]
    return [(short, long) for short, long in pairs if short != long]


def _change_by_padding(
    built: BuiltModel, split: EncodedSplit, *, short: int, long: int
) -> tuple[float, float]:
    """How far a batch changes the logits of a text, and how far those of two texts lie apart."""

    def logits(positions: Sequence[int]) -> torch.Tensor:
        return logits_of(built.model, split.collate(np.array(positions)))

    alone, other = logits([short])[0], logits([long])[0]
    first, last = logits([short, long])[0], logits([long, short])[1]
    change = max(float((batched - alone).abs().max()) for batched in (first, last))
    return change, float((other - alone).abs().max())


def take_one_step(request: RunRequest, built: BuiltModel, train: EncodedSplit) -> None:
    """Take one optimizer step on the shortest and the longest example.

    Raises:
        UserError: the model cannot, its loss is not finite, or the step changes nothing.
    """
    positions = np.array([int(train.lengths.argmin()), int(train.lengths.argmax())])
    trained = [value for value in built.model.parameters() if value.requires_grad]
    before = [value.detach().clone() for value in trained]
    optimizer = build_optimizer(built.model, request.settings.train)
    built.model.train()
    try:
        logits = built.model(**train.collate(positions)).logits
        loss = cross_entropy(logits.float(), torch.from_numpy(train.labels[positions]))
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    except CANNOT_COMPUTE as error:
        reason = " ".join(str(error).split())[:200]
        raise UserError(
            f"{_name(request)}: no training step can be taken: {type(error).__name__}: {reason};"
            " leave it out of the grid"
        ) from None
    built.model.train(mode=False)
    if not torch.isfinite(loss):
        raise UserError(
            f"{_name(request)}: the loss of the first step is {loss.item()}; leave it out of the"
            " grid, or look for weights that are not finite"
        )
    if all(torch.equal(old, new) for old, new in zip(before, trained, strict=True)):
        raise UserError(f"{_name(request)}: a training step changes nothing; leave it out")


def reload(
    request: RunRequest,
    built: BuiltModel,
    train: EncodedSplit,
    *,
    layers: int | None,
    fresh: Executor,
) -> list[str]:
    """Keep the weights, load them in a fresh process, and compare the logits.

    Returns:
        A sentence, if the weights cannot be kept and need not be.

    Raises:
        UserError: they cannot be kept and are to be, or give other logits.
    """
    positions = np.array([int(train.lengths.argmin()), int(train.lengths.argmax())])
    inputs = train.collate(positions)
    expected = logits_of(built.model, inputs)
    with tempfile.TemporaryDirectory() as folder:
        try:
            keep_weights(built, request.settings.method_source, Path(folder))
            again = fresh.submit(
                _logits_of_kept,
                request.model,
                Path(folder),
                labels=request.encoding["labels"],
                pad_token=request.encoding["padding"]["input_ids"],
                layers=layers,
                inputs=inputs,
            ).result()
        except (*CANNOT_COMPUTE, OSError, AssertionError) as error:
            reason = " ".join(str(error).split())[:200]
            what = (
                f"its trained weights cannot be kept and loaded: {type(error).__name__}: {reason}"
            )
            if request.keeps_weights:
                raise UserError(f"{_name(request)}: {what}; set `keep: none` for it") from None
            return [what]
    change = float((again - expected).abs().max())
    apart = float((expected[0] - expected[1]).abs().max())
    if change > ABSOLUTE + RELATIVE * apart:
        raise UserError(
            f"{_name(request)}: what is kept of its weights does not give its predictions again:"
            f" logits differ by {change:.2g}; leave it out of the grid"
        )
    return []


def _logits_of_kept(
    model: Path,
    kept: Path,
    *,
    labels: list[str],
    pad_token: int,
    layers: int | None,
    inputs: Tensors,
) -> torch.Tensor:
    """In the fresh process: the logits of the kept model."""
    loaded = load_kept(model, kept, labels=labels, pad_token=pad_token, layers=layers)
    return logits_of(loaded, inputs)


def _name(request: RunRequest) -> str:
    settings = request.settings
    return f"model {settings.model!r}, task {settings.task!r}, method {settings.method!r}"
