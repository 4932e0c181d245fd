"""The memory analysis as tables: predicted and measured, what fits, what is saved, the report's."""

from collections.abc import Sequence
from typing import Any

import pandas as pd

from tunegrid.memory import KINDS
from tunegrid.memory.fit import CUDA_CONTEXT, FRAGMENTATION, load_gpus
from tunegrid.memory.records import MeasuredStep, StepMemory
from tunegrid.reporting.readable import Table

Rows = list[dict[str, Any]]

#: What the rows of each table are of.
SHAPE = ["model", "method", "batch", "tokens"]
#: What the published table calls its components.
COMPONENTS = {
    "weights": ["frozen weights", "trainable weights"],
    "gradients": ["gradients"],
    "optimizer": ["optimizer state"],
    "activations": ["activations", "temporaries", "inputs"],
}


def memory_tables(
    predicted: Sequence[StepMemory],
    measured: Sequence[MeasuredStep],
    recounted: dict[str, Any] | None,
) -> dict[str, Table]:
    """All tables of the memory analysis, by name.

    Args:
        predicted: what predict_memory wrote, of all models.
        measured: what measure_memory wrote, of all models.
        recounted: what recount_memory wrote; None: it was not asked for.
    """
    tables = {
        "memory": prediction_table(predicted, measured),
        "memory_fits": fits_table(predicted),
        "memory_saving": saving_table(predicted),
    }
    if recounted:
        tables["memory_published"] = published_table(recounted)
        tables["memory_corrected"] = corrected_table(recounted["rows"])
        tables["memory_errata"] = errata_table(recounted["errata"])
    return tables


def prediction_table(predicted: Sequence[StepMemory], measured: Sequence[MeasuredStep]) -> Table:
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
            "examples × tokens": data["batch"].map(_whole) + " × " + data["tokens"].map(_whole),
            "precision": data["precision"].fillna("—"),
            "by formula": data["closed_form"].map(_gigabytes),
            "traced": data["traced"].map(_gigabytes),
            "measured on": data["device"].fillna("—"),
            "examples ": data["measured_batch"].map(_whole),
            "traced for it": data["traced_for_device"].map(_gigabytes),
            "measured": data["measured"].map(_gigabytes),
            "error": data["error_percent"].map(lambda value: _or_dash(value, "{:+.3f} %")),
        }
    )
    return Table(
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
        "precision": record.step.precision,
        "attention": record.step.attention,
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


def fits_table(predicted: Sequence[StepMemory]) -> Table:
    """The largest micro-batch of each GPU."""
    gpus = list(load_gpus())
    data = pd.DataFrame(
        [
            {
                "model": record.model,
                "method": record.step.method,
                "tokens": record.step.tokens,
                "precision": record.step.precision,
                **record.fits,
            }
            for record in predicted
        ],
        columns=["model", "method", "tokens", "precision", *gpus],
    )
    readable = data.assign(
        **{gpu: data[gpu].map(lambda most: f"{most:.0f}" if most else "none") for gpu in gpus}
    )
    return Table(
        "The largest micro-batch (a power of two, up to 1024) that fits",
        readable,
        data,
        f"Where live tensors · {FRAGMENTATION} (the allocator's fragmentation) +"
        f" {CUDA_CONTEXT / 1e9:g} GB (CUDA's context, its libraries' workspaces) are no more than"
        " the GPU's memory, in GB of 10^9 bytes. The margins are public figures, not measured"
        " here.",
    )


def saving_table(predicted: Sequence[StepMemory]) -> Table:
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
    readable = data[SHAPE].assign(
        **{size: data[size].map(_gigabytes) for size in sizes}, share=share
    )
    return Table(
        "What a method saves against full fine-tuning, and of what, GB",
        readable,
        data,
        "Parts at each one's own peak. Saved: optimizer state and gradients of frozen weights, and"
        " the inputs of frozen linear maps; not the activations that gradients pass through.",
    )


def published_table(recounted: dict[str, Any]) -> Table:
    """The published report's two tables, and beside them the same network traced, fp32."""
    traced = {
        (row["method"], row["way"]): _components(row)
        for row in recounted["rows"]
        if row["model"] == "report-3b"
    }
    data = pd.DataFrame(
        [
            {
                **entry,
                "corrected": traced[entry["method"], "fp32, eager attention"][entry["component"]],
                "fused_attention": traced[entry["method"], "fp32"][entry["component"]],
            }
            for entry in recounted["published"]
        ]
    )
    readable = pd.DataFrame(
        {
            "method": data["method"],
            "component": data["component"].str.replace("_", " "),
            "as published": data["gigabytes"].map("{:g}".format),
            "corrected": data["corrected"].map("{:.2f}".format),
            "with fused attention": data["fused_attention"].map("{:.2f}".format),
        }
    )
    return Table(
        "The published report's memory of a 3B model, as written and corrected, GB",
        readable,
        data,
        "16 examples of 1024 tokens, fp32. Corrected: its own network (28 layers, no gates),"
        " traced, at the peak: when activations are largest, gradients are not there yet. It"
        " counts attention's matrices, so eager attention is what it is held against.",
    )


def _components(row: dict[str, Any]) -> dict[str, float]:
    """A traced peak by the published table's components, GB."""
    parts = {
        name: sum(row["parts"][kind] for kind in kinds) / 1e9 for name, kinds in COMPONENTS.items()
    }
    parts["static_total"] = parts["weights"] + parts["gradients"] + parts["optimizer"]
    return parts | {"total": row["traced"] / 1e9}


def corrected_table(rows: Rows) -> Table:
    """The corrected 3B answer, by formula and by trace."""
    data = pd.DataFrame(
        [
            {key: row[key] for key in ("model", "method", "way", "closed_form", "traced")}
            for row in rows
        ]
    )
    full = data[data["method"] == "full"].set_index(["model", "way"])["traced"]
    of_full = (
        100 * data["traced"] / full.loc[list(zip(data["model"], data["way"], strict=True))].array
    )
    data["percent_of_full"] = of_full
    readable = data[["model", "method", "way"]].assign(
        **{
            "by formula": data["closed_form"].map(_gigabytes),
            "traced": data["traced"].map(_gigabytes),
            "of full": of_full.map("{:.0f} %".format),
        }
    )
    return Table(
        "A 3B model at 16 examples of 1024 tokens, GB",
        readable,
        data,
        "report-3b: the published report's network, as a classifier. llama-3.2-3b: the language"
        " model that it stands for, whose logits alone are 8.4 GB. Fused AdamW; fused attention"
        " where nothing else is said.",
    )


def errata_table(errata: Rows) -> Table:
    """The errors of the published arithmetic, each beside the right figure."""
    data = pd.DataFrame(errata)
    names = {"what": "where", "written": "as written", "right": "right"}
    return Table("Errors of the published memory arithmetic", data.rename(columns=names), data)


def _full_fine_tuning(predicted: Sequence[StepMemory], record: StepMemory) -> StepMemory | None:
    """Full fine-tuning of the same model, batch, length and precision; None if there is none."""
    step = record.step
    for other in predicted:
        same_model = other.model == record.model and other.step.method == "full"
        same_shape = other.step.batch == step.batch and other.step.tokens == step.tokens
        if same_model and same_shape and other.step.precision == step.precision:
            return other
    return None


def _gigabytes(size: float | None) -> str:
    return _or_dash(None if size is None else size / 1e9, "{:,.3f}")


def _whole(value: float | None) -> str:
    return _or_dash(value, "{:.0f}")


def _or_dash(value: float | None, form: str) -> str:
    return "—" if value is None or pd.isna(value) else form.format(value)
