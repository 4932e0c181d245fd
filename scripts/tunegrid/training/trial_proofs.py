"""What a trial proves of a cell's model on a few texts (`tunegrid.training.trial`)."""

import tempfile
from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any

import numpy as np
import torch

from tunegrid.errors import UserError
from tunegrid.methods import ADAPTER
from tunegrid.training.batching import EncodedSplit, Tensors
from tunegrid.training.kept_weights import keep_weights, load_kept
from tunegrid.training.method_proof import adapter_aside
from tunegrid.training.model_building import BuiltModel, first_names
from tunegrid.training.objectives import build_objective
from tunegrid.training.optimizers import build_optimizer
from tunegrid.training.probing import CANNOT_COMPUTE, CannotComputeError, agree, logits_of
from tunegrid.training.run_request import RunRequest

#: By how much logits may differ where they should be equal: a share of how far those of different
#: texts lie apart, and what rounding makes of small numbers.
RELATIVE, ABSOLUTE = 1e-3, 1e-5


def _is_rounding(change: float, apart: float) -> bool:
    """Whether logits differ by no more than rounding does, where those of two texts lie apart."""
    return change <= ABSOLUTE + RELATIVE * apart


def compute_longest(built: BuiltModel, examples: EncodedSplit) -> None:
    """Compute every example by itself, the longest first.

    Raises:
        UserError: the model cannot, gives logits that are no numbers, or the same for all.
    """
    found = []
    for position in np.argsort(-examples.lengths, kind="stable"):
        inputs = examples.collate(np.array([position]))
        try:
            found.append(logits_of(built.model, inputs))
        except CannotComputeError as error:
            possible = longest_possible(built, inputs)
            remedy = "leave the model out of the grid for this task"
            if possible:
                remedy = f"set data.max_length to {possible} at most"
            raise UserError(f"{error}; {remedy}") from None
    logits = torch.cat(found)
    if not torch.isfinite(logits).all():
        raise UserError(
            "logits are not finite; look for weights that are no numbers, or"
            " leave the model out of the grid"
        )
    if len(logits) > 1 and (logits == logits[0]).all():
        raise UserError(
            "logits are the same whatever the text is; the model computes"
            " nothing here (a kernel that it needs may be missing): leave it out of the grid"
        )


def prove_trimming(built: BuiltModel, examples: EncodedSplit) -> None:
    """Prove on the longest text what `trim_last_layer` has tried on short ones.

    Raises:
        UserError: the trimmed model gives other logits for it.
    """
    if not built.trimmed:
        return
    encoder: Any = built.model.base_model.encoder
    last = encoder.layer[-1]
    inputs = examples.collate(np.array([int(examples.lengths.argmax())]))
    trimmed = logits_of(built.model, inputs)
    block = vars(last).pop("feed_forward_chunk")
    whole = logits_of(built.model, inputs)
    last.feed_forward_chunk = block
    if not agree(trimmed, whole):
        raise UserError(
            f"without what the head does not read of the last layer, a text of"
            f" {examples.lengths.max()} tokens has other logits; set train.trim_last_layer: false"
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


def prove_stateless(built: BuiltModel, train: EncodedSplit) -> None:
    """Prove that a text's logits are the same before and after other texts were computed.

    Raises:
        UserError: they are not: the model changes itself.
    """
    short, long = int(train.lengths.argmin()), int(train.lengths.argmax())
    inputs = [train.collate(np.array([position])) for position in (long, short, long)]
    built.model.train(mode=False)
    try:
        with torch.no_grad():
            before, other, after = (built.model(**one).logits.float() for one in inputs)
    except CANNOT_COMPUTE as error:
        reason = f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
        raise UserError(
            f"texts cannot be computed one after the other: {reason}; leave the"
            " model out of the grid for this task"
        ) from None
    change, apart = float((after - before).abs().max()), float((other - before).abs().max())
    if not _is_rounding(change, apart):
        raise UserError(
            f"predictions depend on the texts before: the logits of the longest"
            f" change by {change:.2g} after a short one; leave it out of the grid (of BigBird, set"
            " attention_type to original_full in its config.json)"
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
        if _is_rounding(change, apart):
            continue
        what = (
            f"predictions depend on what shares a batch: padded on the {train.side}, the logits of"
            f" a text change by {change:.2g}, where those of two texts differ by {apart:.2g}"
        )
        if request.settings.model_source.padding_dependent:
            return [what]
        if _only_with_its_adapter(request, built, train, short=short, long=long):
            raise UserError(
                f"{what}, but not without the adapter: leave the method out"
                " of the grid for this model (`without`, in the model's entry)"
            )
        other = train.padded_on_the_other_side()
        change, apart = _change_by_padding(built, other, short=short, long=long)
        remedy = "leave it out of the grid"
        if _is_rounding(change, apart):
            remedy = f"set `padding_side: {other.side}` in its entry, where they do not"
        raise UserError(f"{what}; {remedy}, or accept it by `padding_dependent: true` there")
    return []


def _only_with_its_adapter(
    request: RunRequest, built: BuiltModel, train: EncodedSplit, *, short: int, long: int
) -> bool:
    """Whether a model that depends on padding does not where its adapter is put aside."""
    if not request.settings.method_source.is_added:
        return False
    with adapter_aside(built.model):
        change, apart = _change_by_padding(built, train, short=short, long=long)
    return _is_rounding(change, apart)


def _pairs_of_lengths(request: RunRequest, train: EncodedSplit) -> list[tuple[int, int]]:
    """A short and a long example, of every part of an aggregated task and across the parts."""
    extremes = extremes_of_parts(train, request.encoding)
    pairs = [(short, long) for short, _ in extremes for _, long in extremes]
    return [(short, long) for short, long in pairs if short != long]


def extremes_of_parts(split: EncodedSplit, card: Mapping[str, Any]) -> list[tuple[int, int]]:
    """The positions of the shortest and the longest example of each part of a task.

    Args:
        split: the examples.
        card: what encoding.json says of the task; one that is not aggregated is its only part.
    """
    parts = [np.flatnonzero(np.isin(split.labels, labels)) for labels in card["parts"].values()]
    extremes = []
    for positions in parts or [np.arange(len(split))]:
        if len(positions):
            lengths = split.lengths[positions]
            ends = positions[lengths.argmin()], positions[lengths.argmax()]
            extremes.append((int(ends[0]), int(ends[1])))
    return extremes


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


def take_one_step(request: RunRequest, built: BuiltModel, train: EncodedSplit) -> list[str]:
    """Take one optimizer step on the shortest and the longest example.

    Returns:
        A sentence, if some of what trains gets no gradient.

    Raises:
        UserError: the model cannot, its loss is not finite, or the adapter gets no gradient.
    """
    positions = np.array([int(train.lengths.argmin()), int(train.lengths.argmax())])
    trained = {name: one for name, one in built.model.named_parameters() if one.requires_grad}
    optimizer = build_optimizer(built.model, request.settings.train)
    objective = build_objective(request.settings.train, train, request.encoding["labels"])
    built.model.train()
    try:
        logits = built.model(**train.collate(positions)).logits
        labels = train.labels[positions]
        loss = objective.loss_of_rows(logits.float(), torch.from_numpy(labels))
        loss = loss / objective.divisor(labels)
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    except CANNOT_COMPUTE as error:
        reason = " ".join(str(error).split())[:200]
        raise UserError(
            f"no training step can be taken: {type(error).__name__}: {reason};"
            " leave it out of the grid"
        ) from None
    built.model.train(mode=False)
    if not torch.isfinite(loss):
        raise UserError(
            f"the loss of the first step is {loss.item()}; leave it out of the"
            " grid, or look for weights that are not finite"
        )
    idle = [name for name, one in trained.items() if one.grad is None or not one.grad.any()]
    adapter = [name for name in trained if ADAPTER in name.split(".")]
    if len(idle) == len(trained) or (adapter and set(adapter) <= set(idle)):
        raise UserError(
            "a training step changes nothing of what the method trains; leave it out of the grid"
        )
    never = [name for name in idle if trained[name].grad is None]
    if not never:
        return []
    return [f"counted as trained, but used by nothing: {first_names(never)}"]


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
        except BrokenProcessPool:
            raise UserError(
                "the fresh process ended while it loaded the weights, perhaps for want of memory;"
                " give the rule try_cell more (`set-resources` of the profile)"
            ) from None
        except (*CANNOT_COMPUTE, OSError, AssertionError) as error:
            reason = " ".join(str(error).split())[:200]
            what = (
                f"its trained weights cannot be kept and loaded: {type(error).__name__}: {reason}"
            )
            if request.keeps_weights:
                raise UserError(f"{what}; set `keep: none` for it") from None
            return [what]
    change = float((again - expected).abs().max())
    apart = float((expected[0] - expected[1]).abs().max())
    if not _is_rounding(change, apart):
        raise UserError(
            f"what is kept of its weights does not give its predictions again:"
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
