"""The memory analysis as tables: predicted and measured, what fits, what is saved."""

from typing import Any

import pandas as pd

from tunegrid.memory import KINDS
from tunegrid.memory.fitting import CONTEXT, FRAGMENTATION, gpus
from tunegrid.reporting.report_table import ReportTable

Rows = list[dict[str, Any]]

SHAPE = ["model", "method", "batch", "tokens"]


def memory_tables(predicted: Rows, measured: Rows) -> dict[str, ReportTable]:
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


def prediction_table(predicted: Rows, measured: Rows) -> ReportTable:
    """A step of each model and method: by formula, traced, measured, and how far off that was."""
    data = pd.DataFrame(
        [
            {key: row[key] for key in (*SHAPE, "precision", "attention")}
            | {"closed_form": row["closed_form"], "traced": row["traced"]}
            | {kind: row["parts"][kind] for kind in KINDS}
            for row in predicted
        ],
        columns=[*SHAPE, "precision", "attention", "closed_form", "traced", *KINDS],
    )
    found = pd.DataFrame(
        measured,
        columns=["model", "method", "device", "batch", "tokens", "peak", "reserved", "predicted"],
    ).rename(
        columns={
            "batch": "measured_batch",
            "tokens": "measured_tokens",
            "peak": "measured",
            "predicted": "traced_for_device",
        }
    )
    keys = ["model", "method"]
    untraced = found[~found.set_index(keys).index.isin(data.set_index(keys).index)]
    data = data.merge(found, on=keys, how="left", validate="one_to_one")
    if not untraced.empty:
        data = pd.concat([data, untraced], ignore_index=True)
    data["error_percent"] = 100 * (data["traced_for_device"] / data["measured"] - 1)
    readable = data[["model", "method"]].assign(
        **{
            "examples × tokens": data["batch"].map(_whole) + " × " + data["tokens"].map(_whole),
            "precision": data["precision"].fillna("—"),
            "by formula": data["closed_form"].map(_gb),
            "traced": data["traced"].map(_gb),
            "measured on": data["device"].fillna("—"),
            "examples ": data["measured_batch"].map(_whole),
            "traced for it": data["traced_for_device"].map(_gb),
            "measured": data["measured"].map(_gb),
            "error": data["error_percent"].map(lambda value: _or_dash(value, "{:+.3f} %")),
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


def fits_table(predicted: Rows) -> ReportTable:
    """The largest micro-batch of each GPU."""
    data = pd.DataFrame(
        [
            {key: row[key] for key in ("model", "method", "tokens", "precision")} | row["fits"]
            for row in predicted
        ],
        columns=["model", "method", "tokens", "precision", *gpus()],
    )
    readable = data.assign(
        **{gpu: data[gpu].map(lambda most: f"{most:.0f}" if most else "none") for gpu in gpus()}
    )
    return ReportTable(
        "The largest micro-batch (a power of two, up to 1024) that fits",
        readable,
        data,
        f"Where live tensors · {FRAGMENTATION} (the allocator's fragmentation) +"
        f" {CONTEXT / 1e9:g} GB (CUDA's context, its libraries' workspaces) are no more than the"
        " GPU's memory, in GB of 10^9 bytes. The margins are public figures, not measured here.",
    )


def saving_table(predicted: Rows) -> ReportTable:
    """What each method saves against full fine-tuning, and of what."""
    rows = []
    for row in predicted:
        full = _full_of(predicted, row)
        if full is None or row is full:
            continue
        saved = {kind: full["parts"][kind] - row["parts"][kind] for kind in KINDS}
        weights = saved.pop("frozen weights") + saved.pop("trainable weights")
        rows.append(
            {key: row[key] for key in SHAPE}
            | {"full": full["traced"], "traced": row["traced"]}
            | {"saved": full["traced"] - row["traced"], "weights": weights}
            | saved
        )
    columns = [*SHAPE, "full", "traced", "saved", "weights", *KINDS[2:]]
    data = pd.DataFrame(rows, columns=columns)
    share = (100 * data["saved"] / data["full"]).map("{:.0f} %".format)
    readable = data[SHAPE].assign(
        **{key: data[key].map(_gb) for key in columns[len(SHAPE) :]}, share=share
    )
    return ReportTable(
        "What a method saves against full fine-tuning, and of what, GB",
        readable,
        data,
        "Parts at each one's own peak. Saved: optimizer state and gradients of frozen weights, and"
        " the inputs of frozen linear maps; not the activations that gradients pass through.",
    )


def _full_of(predicted: Rows, row: dict[str, Any]) -> dict[str, Any] | None:
    """Full fine-tuning of the same model at the same shape."""
    same = ("model", "batch", "tokens", "precision")
    for other in predicted:
        if other["method"] == "full" and all(other[key] == row[key] for key in same):
            return other
    return None


def _gb(size: float | None) -> str:
    return _or_dash(None if size is None else size / 1e9, "{:,.3f}")


def _whole(value: float | None) -> str:
    return _or_dash(value, "{:.0f}")


def _or_dash(value: float | None, form: str) -> str:
    return "—" if value is None or pd.isna(value) else form.format(value)
