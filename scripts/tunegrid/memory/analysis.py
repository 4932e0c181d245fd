"""What the programs of the memory analysis ask of a step: its prediction, growth, and what it fits.

Each answer is one record (`tunegrid.memory.records`), which is written as JSON and read by tables
and figures, or shown to a person as one table.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace

from tabulate import tabulate
from transformers import PretrainedConfig

from tunegrid.errors import UserError
from tunegrid.memory import KINDS
from tunegrid.memory.fit import (
    gpu_memory_needed,
    largest_fitting,
)
from tunegrid.memory.formula import ClosedForm, closed_form
from tunegrid.memory.growth import PeakGrowth
from tunegrid.memory.lengths import Lengths, memory_of_lengths
from tunegrid.memory.margins import PUBLIC, Margins, kernel_of
from tunegrid.memory.model_shapes import encoder_shape, longest_example, method_shape
from tunegrid.memory.predict import Prediction, StepTracer, UntraceableError, predict
from tunegrid.memory.records import (
    LengthsMemory,
    MeasuredStep,
    Precision,
    StepMemory,
    TrainingStep,
    attention_kernels,
)

#: The micro-batches at which growth is shown.
BATCHES = (1, 4, 16, 64, 256)
#: The tokens of an example at which growth is shown, as far as the model takes them.
LENGTHS = (32, 64, 128, 256, 512)
#: What is taken for granted of a mixture of experts.
EVEN_EXPERTS = "Each expert is taken to get as many tokens as any other"
#: Precisions that take as much memory as one that the formula knows.
AS_MUCH_MEMORY: dict[Precision, Precision] = {"tf32": "fp32", "fp16": "bf16"}


def check_tokens(model: str, config: PretrainedConfig, step: TrainingStep) -> None:
    """Check that the model takes so many tokens.

    Raises:
        UserError: it takes fewer.
    """
    longest = longest_example(config)
    if step.tokens > longest:
        raise UserError(
            f"--tokens: {step.tokens} are more than {model} takes; give at most {longest}"
        )


def limit_tokens(config: PretrainedConfig, step: TrainingStep) -> TrainingStep:
    """The step with no more tokens for each example than the model takes."""
    return replace(step, tokens=min(step.tokens, longest_example(config)))


def predict_step(model: str, config: PretrainedConfig, step: TrainingStep) -> StepMemory:
    """The memory of a step by trace and by formula, without growth and what it fits.

    Args:
        model: the model's name.
        config: the model's configuration.
        step: the step.

    Raises:
        UserError: the model cannot be built or not be traced (`tunegrid.memory.predict.predict`).
    """
    return _step_record(model, config, step, predict(config, step))


def _step_record(
    model: str, config: PretrainedConfig, step: TrainingStep, traced: Prediction
) -> StepMemory:
    record = StepMemory(
        model=model,
        step=step,
        traced=traced.peak,
        parts=traced.parts,
        total_parameters=traced.total_parameters,
        trainable_parameters=traced.trainable_parameters,
        even_experts=traced.even_experts,
        attention=traced.attention,
    )
    try:
        form = step_formula(config, step)
    except UserError as reason:
        return replace(record, no_closed_form=str(reason))
    return replace(record, closed_form=form.peak, terms=form.terms, moment=form.moment)


def analyse_step(
    model: str,
    config: PretrainedConfig,
    step: TrainingStep,
    *,
    gpus: Mapping[str, float],
    growth: bool,
    lengths: Lengths | None = None,
    margins: Margins = PUBLIC,
) -> StepMemory:
    """The memory of a step by trace and by formula, and the largest micro-batch of each GPU.

    Args:
        model: the model's name.
        config: the model's configuration.
        step: the step.
        gpus: bytes of memory by name.
        growth: whether to trace other micro-batches and lengths, too, which figures show; it takes
            about as long as all else.
        lengths: tokens of each training example, (n,), if what they take is asked for, too.
        margins: what a GPU needs beside live tensors.

    Raises:
        UserError: as of `predict_step`.
    """
    tracer = StepTracer(config, step)
    one_micro_batch = replace(step, accumulated=1)

    def predict_batch(batch: int) -> Prediction:
        return tracer.predict(replace(one_micro_batch, batch=batch))

    def peak_of(batch: int) -> int:
        return predict_batch(batch).peak

    traced = tracer.predict(step)

    def needed(live_tensors: float) -> float:
        return gpu_memory_needed(live_tensors, kernel_of(step, traced.attention), margins)

    peaks = PeakGrowth(
        peak_of, first=step.batch, timeline=lambda batch: predict_batch(batch).timeline
    )

    def largest(memory: float) -> int:
        return largest_fitting(lambda batch: peaks.fits(batch, needed, memory))

    record = _step_record(model, config, step, traced)
    fits = {gpu: largest(memory) for gpu, memory in gpus.items()}
    record = replace(record, fits=fits)
    if lengths is not None:
        found = memory_of_lengths(lengths, step, lambda one: tracer.predict(one).peak)
        record = replace(record, lengths=found)
    if not growth:
        return record
    shown = [length for length in LENGTHS if length <= longest_example(config)]
    return replace(
        record,
        by_batch={batch: peak_of(batch) for batch in BATCHES},
        by_tokens={
            length: tracer.predict(replace(one_micro_batch, tokens=length)).peak for length in shown
        },
    )


def measure_step(model: str, config: PretrainedConfig, step: TrainingStep) -> MeasuredStep:
    """What a step takes on this machine, beside what a trace predicts for the same kernels.

    Args:
        model: the model's name.
        config: the model's configuration.
        step: the step; where it does not fit, half its micro-batch is measured.

    Raises:
        UserError: the model cannot be built, or not even one example fits.
    """
    from tunegrid.memory.measure import measure_what_fits  # a prediction needs no profiler

    measured_step, measured = measure_what_fits(config, step)
    predicted: Prediction | None = None
    try:
        predicted = predict(config, measured_step, cuda=measured.device != "CPU")
    except UntraceableError as reason:
        logging.warning("%s", reason)
    return MeasuredStep(
        model=model,
        step=measured_step,
        device=measured.device,
        peak=measured.peak,
        reserved=measured.reserved,
        predicted=None if predicted is None else predicted.peak,
        attention=None if predicted is None else predicted.attention,
    )


def step_formula(config: PretrainedConfig, step: TrainingStep) -> ClosedForm:
    """The memory of a step by formula.

    Raises:
        UserError: there is no formula for this model, method or kind of step.
    """
    if step.labels is None:
        raise UserError("no closed form for language models")
    if step.optimizer != "adamw" or step.accumulated > 1:
        raise UserError("the closed form is of one micro-batch with fused AdamW")
    if step.sharding != "none":
        raise UserError("no closed form where several GPUs share a step")
    if step.quantised:
        raise UserError("no closed form where base weights are quantised")
    if step.frozen_layers:
        raise UserError("no closed form where the first layers are frozen")
    if step.loop != "ours" or not step.padded:
        raise UserError("the closed form is of our own loop and of micro-batches with padding")
    return closed_form(
        encoder_shape(config, step.labels),
        method_shape(step.method_source, config.hidden_size),
        batch=step.batch,
        tokens=step.tokens,
        precision=AS_MUCH_MEMORY.get(step.precision, step.precision),
        attention="sdpa" if step.attention == "auto" else step.attention,
        checkpointing=step.checkpointing,
    )


def format_answer(records: Sequence[StepMemory], margins: Margins = PUBLIC) -> str:
    """What steps of one model take, of what, and what they fit, as one table; GB (10^9 bytes).

    Args:
        records: the same step under several methods, at least one.
        margins: what a GPU needs beside live tensors.
    """
    step = records[0].step
    task = "language model" if step.labels is None else f"classifier of {step.labels} labels"
    title = (
        f"{records[0].model} as a {task}, {step.batch} examples of {step.tokens} tokens,"
        f" {step.kind}{attention_kernels(records)}; GB (10^9 bytes)"
    )
    columns = [_answer_column(record, margins) for record in records]
    body = tabulate(
        [[row, *(column[row] for column in columns)] for row in columns[0]],
        headers=["", *(record.step.method for record in records)],
        tablefmt="pipe",
        disable_numparse=True,
    )
    reasons = dict.fromkeys(record.no_closed_form for record in records if record.no_closed_form)
    kernels = dict.fromkeys(kernel_of(record.step, record.attention) for record in records)
    needs = [f"What a GPU needs: {margins.wording(kernel)}" for kernel in kernels]
    assumed = [EVEN_EXPERTS] if any(record.even_experts for record in records) else []
    return "\n".join([title, "", body, "", *needs, *assumed, *reasons])


def _answer_column(record: StepMemory, margins: Margins) -> dict[str, str]:
    trained, total = record.trainable_parameters, record.total_parameters
    column = {"at the peak, traced": _gigabytes(record.traced)}
    for kind in KINDS:
        column[f"– {kind}"] = _gigabytes(record.parts[kind])
    if record.lengths is not None:
        column |= _lengths_rows(record, record.lengths, margins)
    column["by formula"] = "—" if record.closed_form is None else _gigabytes(record.closed_form)
    needed = gpu_memory_needed(record.traced, kernel_of(record.step, record.attention), margins)
    column["a GPU needs"] = _gigabytes(needed)
    column["weights, millions"] = f"{total / 1e6:,.1f}"
    column["– of which train"] = f"{trained / 1e6:,.3f} ({100 * trained / total:.3f} %)"
    for gpu, most in record.fits.items():
        column[f"largest micro-batch, {gpu}"] = str(most) if most else "none"
    return column


def _lengths_rows(record: StepMemory, lengths: LengthsMemory, margins: Margins) -> dict[str, str]:
    """What steps take whose examples have the lengths that were given."""
    return {
        "with your lengths, at the peak": _gigabytes(lengths.peak),
        "– of a micro-batch of": f"{lengths.batch} × {lengths.tokens}",
        "– padding, of all tokens": f"{100 * lengths.padding:.1f} %",
        "– a GPU needs": _gigabytes(
            gpu_memory_needed(lengths.peak, kernel_of(record.step, record.attention), margins)
        ),
    }


def _gigabytes(size: float) -> str:
    return f"{size / 1e9:,.3f}"
