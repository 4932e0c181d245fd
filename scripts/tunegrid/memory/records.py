"""What the memory analysis is asked and what it answers: one record for each training step.

A step keeps its record from the program that is asked to the table that shows the answer:
`TrainingStep` is the question, `StepMemory` the predicted answer, `MeasuredStep` the measured one.
They travel between programs as JSON. Nothing here imports torch, so that planning and reporting
can read them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Literal, TypeVar

from pydantic import ConfigDict, TypeAdapter, ValidationError

from tunegrid.config.catalogue import MethodEntry
from tunegrid.errors import UserError
from tunegrid.files import read_json

Precision = Literal["fp32", "tf32", "bf16", "fp16", "pure-bf16", "bf16-base"]
Attention = Literal["auto", "sdpa", "eager"]
#: The kernels of attention that a trace tells apart.
TracedAttention = Literal["eager", "sdpa"]
Loop = Literal["ours", "trainer", "trainer-torch1"]
Optimizer = Literal["adamw", "adafactor", "adamw_8bit", "adamw-foreach", "sgd"]
#: How frozen base weights are stored; "": as the precision says.
Quantisation = Literal["", "int8", "nf4", "nf4-double"]
#: What several GPUs share (`tunegrid.memory.sharding`).
Sharding = Literal["none", "zero1", "zero2", "zero3", "fsdp"]

#: What holds records: a list of one kind of them.
Records = TypeVar("Records")

#: How a reader knows the kernels of attention that a trace tells apart.
ATTENTION_KERNELS = {
    "sdpa": "the memory-efficient kernel (sdpa)",
    "eager": "single operations (eager)",
}

_CLOSED = ConfigDict(extra="forbid")


@dataclass(frozen=True)
class TrainingStep:
    """One optimizer step of some model under one method.

    Attributes:
        method: the method's name.
        method_source: the method's catalogue entry.
        labels: how many labels the classifier has; None for a language model, whose loss is over
            its vocabulary.
        batch: examples of a micro-batch.
        tokens: tokens of each example.
        precision: "fp32" (as much memory as "tf32"), "bf16" and "fp16" (autocast; weights and
            optimizer state stay fp32), "pure-bf16" (weights and optimizer state, too) or
            "bf16-base" (pretrained weights in bf16, and what a method of the peft library adds in
            fp32, as its `autocast_adapter_dtype` has it, without autocast; fp16 takes as much).
        attention: "eager", "sdpa", or "auto": the first of sdpa and eager that the model has.
        checkpointing: whether layers are computed again in the backward pass (Chen et al. 2016,
            https://arxiv.org/abs/1604.06174).
        optimizer: "adamw" (fused), "adafactor" or "adamw_8bit", as training uses them; or
            "adamw-foreach" or "sgd".
        accumulated: micro-batches whose gradients the step adds up.
        frozen_layers: so many of the first layers do not train, nor do the embeddings; 0: what the
            method says trains.
        quantised: how the frozen weights of linear maps are stored, as by bitsandbytes: "int8",
            "nf4" or, with its scales quantised, too, "nf4-double"; "": as the precision says.
        gpus: how many GPUs take the step together, each with a micro-batch of its own; what is
            predicted is what one of them takes.
        sharding: what they share: the optimizer's state (ZeRO 1), gradients, too (2), and weights,
            too (3 and FSDP); "none": nothing.
        loop: what the loop around the model keeps. "ours" frees outputs before the backward pass
            and gradients after the step. "trainer" is a script around the loss that transformers
            computes: a micro-batch's outputs live until the next one's replace them, gradients
            until the next step begins. "trainer-torch1" is the same before torch 2.0, which
            filled gradients with zeros where it now frees them.
        padded: whether some example of the micro-batch is shorter than the longest, so that
            attention needs a mask.
    """

    method: str
    method_source: MethodEntry
    labels: int | None
    batch: int
    tokens: int
    precision: Precision = "fp32"
    attention: Attention = "sdpa"
    checkpointing: bool = False
    optimizer: Optimizer = "adamw"
    accumulated: int = 1
    frozen_layers: int = 0
    quantised: Quantisation = ""
    gpus: int = 1
    sharding: Sharding = "none"
    loop: Loop = "ours"
    padded: bool = True
    __pydantic_config__: ClassVar[ConfigDict] = _CLOSED

    @property
    def kind(self) -> str:
        """The precision, and what else the step has that is not as by default, in words."""
        parts: list[str] = [self.precision]
        if self.optimizer != "adamw":
            parts.append(self.optimizer)
        if self.frozen_layers:
            parts.append(f"{self.frozen_layers} layers frozen")
        if self.quantised:
            parts.append(f"{self.quantised} base weights")
        if self.sharding != "none":
            parts.append(f"{self.sharding} over {self.gpus} GPUs")
        elif self.gpus > 1:
            parts.append(f"each of {self.gpus} GPUs, which share nothing")
        if self.checkpointing:
            parts.append("gradient checkpointing")
        if self.loop != "ours":
            parts.append(f"loop: {self.loop}")
        if not self.padded:
            parts.append("no padding")
        return ", ".join(parts)

    def to_json(self) -> dict[str, Any]:
        """The step as JSON values; `parse_steps` reads them back."""
        return asdict(self) | {"method_source": self.method_source.settings()}


@dataclass(frozen=True)
class LengthsMemory:
    """What steps take whose examples differ in length (`tunegrid.memory.lengths`).

    Attributes:
        examples: how many lengths there are.
        mean: tokens of an example.
        longest: tokens of the longest.
        padding: the part of all computed tokens that is padding.
        batch: examples of the micro-batch that takes most.
        tokens: tokens of each, as it is padded.
        peak: live tensors at its peak, in bytes.
    """

    examples: int
    mean: float
    longest: int
    padding: float
    batch: int
    tokens: int
    peak: int
    __pydantic_config__: ClassVar[ConfigDict] = _CLOSED


@dataclass(frozen=True)
class StepMemory:
    """What a training step is predicted to take. All sizes are bytes.

    Attributes:
        model: the model's name.
        step: the step.
        traced: live tensors at the peak, by tracing the real model.
        parts: what they are for: the bytes of each of `tunegrid.memory.KINDS` at the peak.
        total_parameters: how many weights the model has, with those that the method adds.
        trainable_parameters: how many of them train.
        attention: the kernel that computed attention in the trace: "sdpa" for CUDA's
            memory-efficient one, "eager" for single operations; None if it was not recorded.
        closed_form: live tensors at the peak, by formula; None if there is no formula.
        no_closed_form: why there is no formula; None if there is one.
        terms: what the formula adds up; empty if there is none.
        moment: when the peak is, according to the formula; None if there is none.
        fits: the largest micro-batch by the name of a GPU, 0 where not even one example fits; empty
            if it was not asked for.
        by_batch: `traced` by micro-batch; empty if growth was not asked for.
        by_tokens: `traced` by tokens of an example; empty if growth was not asked for.
        lengths: what steps take whose examples have given lengths; None if none were given.
        even_experts: whether the trace takes each expert of a mixture to get as many tokens.
    """

    model: str
    step: TrainingStep
    traced: int
    parts: dict[str, int]
    total_parameters: int
    trainable_parameters: int
    attention: TracedAttention | None = None
    closed_form: int | None = None
    no_closed_form: str | None = None
    terms: dict[str, int] = field(default_factory=dict)
    moment: str | None = None
    fits: dict[str, int] = field(default_factory=dict)
    by_batch: dict[int, int] = field(default_factory=dict)
    by_tokens: dict[int, int] = field(default_factory=dict)
    lengths: LengthsMemory | None = None
    even_experts: bool = False
    __pydantic_config__: ClassVar[ConfigDict] = _CLOSED

    def to_json(self) -> dict[str, Any]:
        """The record as JSON values; `read_predictions` reads them back."""
        return asdict(self) | {"step": self.step.to_json()}


@dataclass(frozen=True)
class MeasuredStep:
    """What a training step took on a device. All sizes are bytes.

    Attributes:
        model: the model's name.
        step: the step that was measured: where the one asked for did not fit, that of half its
            micro-batch, of a quarter, and so on.
        device: the device's name; "CPU" for a CPU.
        peak: live tensors at the peak; on CUDA with what kernels took for themselves, in the
            allocator's sizes.
        reserved: what CUDA's allocator held at its peak; None on a CPU.
        predicted: what a trace with the kernels of this kind of device predicts; None if the model
            cannot be traced.
        attention: the kernel that computed attention in that trace; None if there is none.
    """

    model: str
    step: TrainingStep
    device: str
    peak: int
    reserved: int | None
    predicted: int | None
    attention: TracedAttention | None = None
    __pydantic_config__: ClassVar[ConfigDict] = _CLOSED

    def to_json(self) -> dict[str, Any]:
        """The record as JSON values; `read_measurements` reads them back."""
        return asdict(self) | {"step": self.step.to_json()}


_STEPS = TypeAdapter(list[TrainingStep])
_PREDICTIONS = TypeAdapter(list[StepMemory])
_MEASUREMENTS = TypeAdapter(list[MeasuredStep])


def attention_kernels(records: Iterable[StepMemory]) -> str:
    """Which kernels computed attention in the traces of some steps, as the end of a list.

    Returns:
        Such as ", attention by single operations (eager)"; empty where it was not recorded.
    """
    used = dict.fromkeys(record.attention for record in records if record.attention)
    names = " or ".join(ATTENTION_KERNELS[kernel] for kernel in used)
    return f", attention by {names}" if names else ""


def parse_steps(value: Any) -> list[TrainingStep]:
    """The steps that the option `--cases` holds.

    Args:
        value: JSON values, a list of what `TrainingStep.to_json` returns.

    Raises:
        UserError: a key is unknown, missing or of another type.
    """
    return _parse(_STEPS, value, "--cases")


def read_predictions(paths: Iterable[Path]) -> list[StepMemory]:
    """The records in files of predict_memory, one after the other.

    Raises:
        UserError: a file holds something else.
    """
    return [record for path in paths for record in _parse(_PREDICTIONS, read_json(path), str(path))]


def read_measurements(paths: Iterable[Path]) -> list[MeasuredStep]:
    """The records in files of measure_memory, one after the other.

    Raises:
        UserError: a file holds something else.
    """
    return [
        record for path in paths for record in _parse(_MEASUREMENTS, read_json(path), str(path))
    ]


def _parse(adapter: TypeAdapter[Records], value: Any, where: str) -> Records:
    """Check JSON values; `where` says in messages what holds them."""
    try:
        return adapter.validate_python(value)
    except ValidationError as error:
        raise UserError(
            *(
                f"{where}: {'.'.join(map(str, problem['loc']))}: {problem['msg']}"
                for problem in error.errors()
            )
        ) from None
