"""What fits a GPU as it is, and what to change first where it does not.

Each way to take a step is traced by itself: as it is asked for, with single changes, and with
several. What a change costs in time is told by the floating-point operations of an example
(`torch.utils.flop_counter`), which say what is computed, not how fast a GPU computes it: bf16 has
as many as fp32, and is faster on GPUs that have tensor cores for it.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from typing import Any

from tabulate import tabulate
from transformers import PretrainedConfig

from tunegrid.errors import UserError
from tunegrid.memory.fit import gpu_memory_needed, largest_fitting
from tunegrid.memory.growth import PeakGrowth
from tunegrid.memory.margins import kernel_of
from tunegrid.memory.predict import Prediction, StepTracer
from tunegrid.memory.records import Precision, TrainingStep

#: How the step that is asked for is called.
AS_IS = "as it is"
#: Bytes of a trained weight that AdamW in 8 bits saves: of two moments of 4 bytes, 3 each.
SAVED_BY_8_BITS = 6
#: The part of a peak that a change must save to be shown.
WORTH_SHOWING = 0.02


@dataclass(frozen=True)
class WayMemory:
    """What one way to take a step needs. All sizes are bytes.

    Attributes:
        way: `AS_IS`, or what is changed.
        step: the step with the change.
        needed: what a GPU must have for the whole micro-batch at once, margins included; None where
            the step cannot be taken so.
        refused: why it cannot; None where it can.
        flops: floating-point operations of an example.
        fits: the largest micro-batch by the name of a GPU: that of the step, or else a power of
            two; 0 where not even one example fits.
        smallest: the smallest GPU of the catalogue that has room for the micro-batch at once; None
            where none has.
        smallest_for_one: the smallest that has room for one example at a time.
    """

    way: str
    step: TrainingStep
    needed: float | None = None
    refused: str | None = None
    flops: float = 0.0
    fits: dict[str, int] = field(default_factory=dict)
    smallest: str | None = None
    smallest_for_one: str | None = None

    def to_json(self) -> dict[str, Any]:
        """The record as JSON values."""
        return asdict(self) | {"step": self.step.to_json()}


def weigh_ways(
    config: PretrainedConfig,
    step: TrainingStep,
    *,
    gpus: Mapping[str, float],
    catalogue: Mapping[str, float],
) -> list[WayMemory]:
    """What a step needs as it is asked for, and with each change that may help.

    Args:
        config: the model's configuration.
        step: the step, as it is asked for.
        gpus: bytes of memory by name, of the GPUs that must have room.
        catalogue: likewise, of all GPUs, from the smallest, of which the smallest is looked for.

    Returns:
        The step as it is first, then, unless it fits each of the GPUs, the changes in the order in
        which to try them. Only the first, with the reason, where it cannot be taken as it is.
    """
    tracers = _Tracers(config)
    try:
        tracer = tracers.of(step)
        ways = [_weigh(AS_IS, step, tracer, gpus=gpus, catalogue=catalogue)]
    except UserError as reason:
        return [WayMemory(way=AS_IS, step=step, refused=str(reason))]
    as_is = tracer.predict(replace(step, accumulated=1))
    if gpus and all(most == step.batch for most in ways[0].fits.values()):
        return ways
    saved = SAVED_BY_8_BITS * as_is.trainable_parameters
    for way, changed in _changes(step, eight_bits=saved > WORTH_SHOWING * as_is.peak):
        try:
            ways.append(_weigh(way, changed, tracers.of(changed), gpus=gpus, catalogue=catalogue))
        except UserError as reason:
            ways.append(WayMemory(way=way, step=changed, refused=str(reason)))
    return ways


class _Tracers:
    """Tracers of steps, each made once for all steps that it can predict."""

    def __init__(self, config: PretrainedConfig) -> None:
        self._config = config
        self._made: dict[str, StepTracer] = {}

    def of(self, step: TrainingStep) -> StepTracer:
        """The tracer of a step.

        Raises:
            UserError: as of `StepTracer`.
        """
        # Autocast leaves the weights and the optimizer's state as they are.
        precision: Precision = "fp32" if step.precision in ("bf16", "fp16") else step.precision
        first = replace(step, batch=1, tokens=1, accumulated=1, precision=precision)
        key = json.dumps(first.to_json())
        if key not in self._made:
            self._made[key] = StepTracer(self._config, step, count_flops=True)
        return self._made[key]


def _changes(step: TrainingStep, *, eight_bits: bool) -> Iterator[tuple[str, TrainingStep]]:
    """The changes to try, that with the least effect on results first."""
    all_changes: dict[str, Any] = {}
    if not step.checkpointing:
        all_changes["checkpointing"] = True
        yield "gradient checkpointing", replace(step, checkpointing=True)
    if step.precision in ("fp32", "tf32"):
        all_changes["precision"] = "bf16"
        yield "bf16", replace(step, precision="bf16")
    if len(all_changes) > 1:
        yield "checkpointing and bf16", replace(step, **all_changes)
    if eight_bits and step.optimizer in ("adamw", "adamw-foreach"):
        yield "AdamW in 8 bits", replace(step, optimizer="adamw_8bit")
        if all_changes:
            yield "all of these", replace(step, **all_changes, optimizer="adamw_8bit")
    if step.tokens > 1:
        yield f"{step.tokens // 2} tokens", replace(step, tokens=step.tokens // 2)


def _weigh(
    way: str,
    step: TrainingStep,
    tracer: StepTracer,
    *,
    gpus: Mapping[str, float],
    catalogue: Mapping[str, float],
) -> WayMemory:
    """What a step needs, and on which GPUs it fits."""
    one_micro_batch = replace(step, accumulated=1)
    traced = tracer.predict(one_micro_batch)

    def needed_for(live_tensors: float) -> float:
        return gpu_memory_needed(live_tensors, kernel_of(step, traced.attention))

    needed = needed_for(traced.peak)

    def predict_batch(batch: int) -> Prediction:
        # While a further micro-batch is computed, the gradients of those before it live.
        return tracer.predict(replace(step, batch=batch, accumulated=2))

    growth = PeakGrowth(
        lambda batch: predict_batch(batch).peak,
        first=step.batch,
        timeline=lambda batch: predict_batch(batch).timeline,
    )

    def fits(capacity: float, batch: int) -> bool:
        if batch == step.batch:
            return needed <= capacity
        return growth.fits(batch, needed_for, capacity)

    return WayMemory(
        way=way,
        step=step,
        needed=needed,
        flops=traced.flops / step.batch,
        fits={
            name: largest_fitting(partial(fits, memory), step.batch)
            for name, memory in gpus.items()
        },
        smallest=_first(catalogue, lambda memory: needed <= memory),
        smallest_for_one=_first(catalogue, lambda memory: needed <= memory or fits(memory, 1)),
    )


def _first(catalogue: Mapping[str, float], has_room: Callable[[float], bool]) -> str | None:
    """The first GPU that has room."""
    return next((name for name, memory in catalogue.items() if has_room(memory)), None)


def advise(ways: Sequence[WayMemory], gpu: str) -> str:
    """What to do with one method on one GPU, in one sentence.

    Args:
        ways: of `weigh_ways`.
        gpu: its name, one of those that were asked for.
    """
    as_is, *changes = ways
    if as_is.refused is not None:
        return "cannot be predicted as it is: see below the table"
    batch, most = as_is.step.batch, as_is.fits[gpu]
    if most == batch:
        return "fits as it is"
    possible = [way for way in changes if way.refused is None and way.fits[gpu]]
    whole = [way for way in possible if way.fits[gpu] == way.step.batch]
    if most:
        text = (
            f"fits as it is in {math.ceil(batch / most)} micro-batches of {most}, whose gradients"
            " are added up; results stay the same"
        )
        return f"{text}; all {batch} at once with {whole[0].way}" if whole else text
    if whole:
        return f"change first: {whole[0].way}; then it fits, all {batch} examples at once"
    if possible:
        first = possible[0]
        return f"change first: {first.way}; then it fits, {first.fits[gpu]} of {batch} at once"
    return "does not fit by any of these changes; take a method that trains less, or a larger GPU"


def format_advice(
    model: str, ways_of: Mapping[str, Sequence[WayMemory]], gpus: Sequence[str]
) -> str:
    """The answer to a person: a sentence for each GPU and method, and the table behind it.

    Args:
        model: its name.
        ways_of: by method, those of `weigh_ways`; at least one method.
        gpus: the names of the GPUs that were asked for; none: only the smallest are told.
    """
    all_ways = [way for ways in ways_of.values() for way in ways]
    first = next((way for way in all_ways if way.refused is None), all_ways[0])
    step = first.step
    lines = [f"{model}, {step.batch} examples of {step.tokens} tokens, {step.kind}", ""]
    lines += [
        f"{gpu}, {method}: {advise(ways, gpu)}." for gpu in gpus for method, ways in ways_of.items()
    ]
    if gpus:
        lines.append("")
    headers = ["method", "way", "a GPU needs, GB", *(f"at once, {gpu}" for gpu in gpus)]
    headers += ["smallest GPU", "one at a time", "FLOPs of an example"]
    rows = [
        _row(method, way, gpus, reference=first.flops)
        for method, ways in ways_of.items()
        for way in ways
    ]
    lines.append(tabulate(rows, headers=headers, tablefmt="pipe", disable_numparse=True))
    note = (
        "GB are 10^9 bytes, with margins. FLOPs are relative to the first line that has them"
        f" ({first.flops / 1e9:,.1f} billion for an example); bf16 has as many, and takes less time"
        " where a GPU has tensor cores for it."
    )
    lines += ["", note]
    reasons = dict.fromkeys(way.refused for way in all_ways if way.refused)
    return "\n".join([*lines, *(f"– {reason}" for reason in reasons)])


def _row(method: str, way: WayMemory, gpus: Sequence[str], *, reference: float) -> list[str]:
    """A line of the table; `reference` are the operations that count as one."""
    if way.needed is None:
        return [method, way.way, "cannot be", *("—" for _ in gpus), "—", "—", "—"]
    return [
        method,
        way.way,
        f"{way.needed / 1e9:,.2f}",
        *(str(way.fits[gpu]) if way.fits[gpu] else "none" for gpu in gpus),
        way.smallest or "none",
        way.smallest_for_one or "none",
        f"{way.flops / reference:.2f}",
    ]
