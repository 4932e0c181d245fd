"""The memory analysis as tables: predicted and measured, what fits, what is saved."""

from collections.abc import Sequence
from typing import Any

import pandas as pd

from tunegrid.memory import KINDS
from tunegrid.memory.fit import load_gpus
from tunegrid.memory.margins import PUBLIC
from tunegrid.memory.records import MeasuredStep, StepMemory
from tunegrid.reporting.number_formats import BYTES_OF_GIGABYTE, GIGABYTES
from tunegrid.reporting.report_table import ReportTable, format_numbers

#: What the rows of each table are of.
SHAPE = ["model", "method", "batch", "tokens"]


def memory_tables(
    predicted: Sequence[StepMemory], measured: Sequence[MeasuredStep]
) -> dict[str, ReportTable]:
    """All tables of the memory analysis, by name.

    Args:
        predicted: what predict_memory wrote, of all models.
        measured: what measure_memory wrote, of all models.
    """
    return {
        "memory": prediction_table(predicted, measured),
        "memory_fits": fits_table(predicted),
        "memory_saving": saving_table(predicted),
    }


def prediction_table(
    predicted: Sequence[StepMemory], measured: Sequence[MeasuredStep]
) -> ReportTable:
    """A step of each model and method: by formula, traced, measured, and how far off that was."""
    data = pd.DataFrame(
        [_predicted_row(record) for record in predicted],
        columns=[*SHAPE, "precision", "attention", "closed_form", "traced", *KINDS],
    )
    measurements = pd.DataFrame(
        [_measured_row(record) for record in measured],
        columns=[
            "model",
            "method",
            "device",
            "measured_batch",
            "measured_tokens",
            "measured",
            "reserved",
            "traced_for_device",
        ],
    )
    keys = ["model", "method"]
    is_traced = measurements.set_index(keys).index.isin(data.set_index(keys).index)
    untraced = measurements[~is_traced]
    data = data.merge(measurements, on=keys, how="left", validate="one_to_one")
    if not untraced.empty:
        data = pd.concat([data, untraced], ignore_index=True)
    data["error_percent"] = 100 * (data["traced_for_device"] / data["measured"] - 1)
    readable = data[["model", "method"]].assign(
        **{
            "examples × tokens": format_numbers(data["batch"], "{:.0f}")
            + " × "
            + format_numbers(data["tokens"], "{:.0f}"),
            "precision": data["precision"].fillna("—"),
            "by formula": _gigabytes(data["closed_form"]),
            "traced": _gigabytes(data["traced"]),
            "measured on": data["device"].fillna("—"),
            "examples ": format_numbers(data["measured_batch"], "{:.0f}"),
            "traced for it": _gigabytes(data["traced_for_device"]),
            "measured": _gigabytes(data["measured"]),
            "error": format_numbers(data["error_percent"], "{:+.3f} %"),
        }
    )
    return ReportTable(
        "Memory of a training step, predicted and measured, GB",
        readable,
        data,
        "GB: 10^9 bytes of live tensors at the peak. By formula and traced: with a GPU's kernels."
        " A CPU's take more (dropout's mask is a value, not a byte), so what was measured on one is"
        " held against a trace of its own. Measured on random weights of the real model, at the"
        " largest half, quarter … of the batch that fits there. A model whose code asks tensors for"
        " their values cannot be traced: it is only measured. A method that does not fit its model"
        " is left out; the logs of predict_memory say why.",
    )


def _predicted_row(record: StepMemory) -> dict[str, Any]:
    return {
        **_shape_of(record),
        "precision": record.step.kind,
        "attention": record.attention or record.step.attention,
        "closed_form": record.closed_form,
        "traced": record.traced,
        **record.parts,
    }


def _measured_row(record: MeasuredStep) -> dict[str, Any]:
    return {
        "model": record.model,
        "method": record.step.method,
        "device": record.device,
        "measured_batch": record.step.batch,
        "measured_tokens": record.step.tokens,
        "measured": record.peak,
        "reserved": record.reserved,
        "traced_for_device": record.predicted,
    }


def _shape_of(record: StepMemory) -> dict[str, Any]:
    """The columns `SHAPE`."""
    return {
        "model": record.model,
        "method": record.step.method,
        "batch": record.step.batch,
        "tokens": record.step.tokens,
    }


#: The columns of the table `memory_fits` that are no GPU's.
BESIDE_GPUS = ["model", "method", "tokens", "precision"]


def fits_table(predicted: Sequence[StepMemory]) -> ReportTable:
    """The largest micro-batch of each GPU."""
    gpus = list(dict.fromkeys(gpu for record in predicted for gpu in record.fits) or load_gpus())
    data = pd.DataFrame(
        [
            {
                "model": record.model,
                "method": record.step.method,
                "tokens": record.step.tokens,
                "precision": record.step.kind,
                **record.fits,
            }
            for record in predicted
        ],
        columns=[*BESIDE_GPUS, *gpus],
    )
    readable = data.assign(
        **{gpu: data[gpu].map(lambda most: f"{most:.0f}" if most else "none") for gpu in gpus}
    )
    return ReportTable(
        "The largest micro-batch (a power of two, up to 1024) that fits",
        readable,
        data,
        f"Where live tensors · {PUBLIC.kernels['masked'].typical:g} (with eager attention"
        f" {PUBLIC.kernels['eager'].typical:g}; what the allocator holds on top) +"
        f" {PUBLIC.other_context / 1e9:g} GB (CUDA's context) and cuBLAS's workspaces are no more"
        " than the GPU's memory, in GB of 10^9 bytes. The margins are public figures, not measured"
        " here.",
    )


def saving_table(predicted: Sequence[StepMemory]) -> ReportTable:
    """What each method saves against full fine-tuning, and of what."""
    rows = []
    for record in predicted:
        full = _full_fine_tuning(predicted, record)
        if full is None or record is full:
            continue
        saved = {kind: full.parts[kind] - record.parts[kind] for kind in KINDS}
        weights = saved.pop("frozen weights") + saved.pop("trainable weights")
        rows.append(
            {
                **_shape_of(record),
                "full": full.traced,
                "traced": record.traced,
                "saved": full.traced - record.traced,
                "weights": weights,
                **saved,
            }
        )
    sizes = ["full", "traced", "saved", "weights", *KINDS[2:]]
    data = pd.DataFrame(rows, columns=[*SHAPE, *sizes])
    share = (100 * data["saved"] / data["full"]).map("{:.0f} %".format)
    readable = data[SHAPE].assign(**{size: _gigabytes(data[size]) for size in sizes}, share=share)
    return ReportTable(
        "What a method saves against full fine-tuning, and of what, GB",
        readable,
        data,
        "Parts at each one's own peak. Saved: optimizer state and gradients of frozen weights, and"
        " the inputs of frozen linear maps; not the activations that gradients pass through.",
    )


def _full_fine_tuning(predicted: Sequence[StepMemory], record: StepMemory) -> StepMemory | None:
    """Full fine-tuning of the same model, batch, length and precision; None if there is none."""
    step = record.step
    for other in predicted:
        same_model = other.model == record.model and other.step.method == "full"
        same_shape = other.step.batch == step.batch and other.step.tokens == step.tokens
        if same_model and same_shape and other.step.precision == step.precision:
            return other
    return None


def _gigabytes(sizes: pd.Series) -> pd.Series:
    """Sizes in bytes, written in GB; a dash where there is none."""
    return format_numbers(sizes.astype(float) / BYTES_OF_GIGABYTE, GIGABYTES)
