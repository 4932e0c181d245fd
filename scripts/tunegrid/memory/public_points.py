"""Measurements of GPU memory that others have published, and what is predicted of the same steps.

config/gpu_measurements.csv holds the figures, each with its source. A row either says in its
columns which training step it is of, or why that is no step that can be predicted (`reason`).
Nothing here is tuned to a row: what is compared is the trace, with the margins of
`tunegrid.memory.margins`.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, get_args

import pandas as pd

from tunegrid.errors import UserError
from tunegrid.memory.margins import Margins, kernel_of
from tunegrid.memory.model_shapes import load_shape, shipped_model
from tunegrid.memory.predict import Prediction, StepTracer
from tunegrid.memory.records import TracedAttention, TrainingStep, parse_steps
from tunegrid.paths import ROOT

#: The figures.
POINTS = ROOT / "config/gpu_measurements.csv"
#: What a figure is of: tensors at the peak or after a step, what the allocator held at its peak, or
#: that and CUDA's context.
Quantity = Literal["allocated", "after a step", "reserved", "process"]
MEBIBYTE = 2**20


@dataclass(frozen=True)
class PublicPoint:
    """One figure.

    Attributes:
        model: the model, as its source calls it.
        method: the method, likewise.
        setting: batch, tokens, precision and what else its source states.
        gpu: the GPU.
        stated: what its source says that the figure is.
        mebibytes: the figure, in MiB.
        source: where it stands.
        shape: the name of the model's shape in config/shapes; empty where there is a reason.
        step: the training step; None where there is a reason.
        quantity: what of the step the figure is of; None where there is a reason.
        reason: why it cannot be predicted; empty where it can.
    """

    model: str
    method: str
    setting: str
    gpu: str
    stated: str
    mebibytes: float
    source: str
    shape: str
    step: TrainingStep | None
    quantity: Quantity | None
    reason: str


@dataclass(frozen=True)
class Comparison:
    """A figure beside its prediction.

    Attributes:
        point: the figure.
        live: the tensors that are predicted, in MiB; None where nothing can be predicted.
        predicted: what is predicted of the figure's quantity, in MiB; None likewise.
        margin: the part of the prediction by which such a figure may exceed it; None likewise.
        reason: why there is no prediction; empty where there is one.
        attention: the kernel of attention that the trace saw; None likewise.
    """

    point: PublicPoint
    live: float | None
    predicted: float | None
    margin: float | None
    reason: str
    attention: TracedAttention | None = None

    @property
    def error(self) -> float | None:
        """By which part of the figure the prediction exceeds it; negative where it is under it."""
        if self.predicted is None:
            return None
        return self.predicted / self.point.mebibytes - 1


def load_points(path: Path = POINTS) -> list[PublicPoint]:
    """The figures of a file.

    Raises:
        UserError: a row has neither a step nor a reason, or a value that is none.
    """
    with path.open(encoding="utf-8", newline="") as file:
        return [
            _read_point(row, f"{path}, line {line}")
            for line, row in enumerate(csv.DictReader(file), start=2)
        ]


def _read_point(row: dict[str, str], where: str) -> PublicPoint:
    quantity: Quantity | None = None
    for known in get_args(Quantity):
        if row["compared"] == known:
            quantity = known
    if (quantity is None) == (not row["reason"]):
        raise UserError(
            f"{where}: names {row['compared']!r} as compared and {row['reason']!r} as the reason;"
            f" give one of {', '.join(get_args(Quantity))}, or a reason"
        )
    try:
        return PublicPoint(
            model=row["model"],
            method=row["method"],
            setting=row["setting"],
            gpu=row["gpu"],
            stated=row["quantity"],
            mebibytes=float(row["mib"]),
            source=row["source"],
            shape=row["shape"],
            step=_read_step(row) if quantity else None,
            quantity=quantity,
            reason=row["reason"],
        )
    except (ValueError, KeyError) as error:
        raise UserError(f"{where}: {error}") from None


def _read_step(row: dict[str, str]) -> TrainingStep:
    entry: dict[str, object] = {"kind": "full"}
    if row["entry"]:
        entry = {"kind": "peft", "peft": json.loads(row["entry"])}
    values = {
        "method": row["method"],
        "method_source": entry,
        "labels": int(row["labels"]) if row["labels"] else None,
        "batch": int(row["batch"]),
        "tokens": int(row["tokens"]),
        "accumulated": int(row["accumulated"]),
        "precision": row["precision"],
        "optimizer": row["optimizer"],
        "checkpointing": row["checkpointing"] == "true",
        "attention": row["attention"],
        "padded": row["padded"] == "true",
        "loop": row["loop"],
    }
    return parse_steps([values])[0]


def compare_points(points: Iterable[PublicPoint], margins: Margins) -> Iterator[Comparison]:
    """Predict each figure; rows of one step that follow each other share a model.

    Args:
        points: the figures.
        margins: what is added to live tensors.

    Yields:
        The comparisons, in the order of the figures.
    """
    tracer: StepTracer | None = None
    traced: tuple[str, TrainingStep] | None = None
    for point in points:
        if point.step is None or point.quantity is None:
            yield Comparison(point, live=None, predicted=None, margin=None, reason=point.reason)
            continue
        # Steps that differ in their examples' length alone are traced on one model.
        wanted = (point.shape, replace(point.step, tokens=1))
        try:
            if tracer is None or wanted != traced:
                tracer, traced = None, None
                config = load_shape(point.shape, shipped_model(point.shape))
                tracer, traced = StepTracer(config, point.step), wanted
            prediction = tracer.predict(point.step)
        except UserError as reason:
            yield Comparison(point, live=None, predicted=None, margin=None, reason=str(reason))
            continue
        yield _compare(point, point.step, point.quantity, prediction, margins)


def _compare(
    point: PublicPoint,
    step: TrainingStep,
    quantity: Quantity,
    prediction: Prediction,
    margins: Margins,
) -> Comparison:
    """The comparison of a figure whose step was traced."""
    live = prediction.after if quantity == "after a step" else prediction.peak
    predicted: float = live + margins.workspaces
    margin = margins.of_tensors
    if quantity in ("reserved", "process"):
        kernel = margins.kernels[kernel_of(step, prediction.attention)]
        predicted *= kernel.typical
        margin = kernel.most / kernel.typical - 1
    if quantity == "process":
        predicted += margins.context(point.gpu)
    return Comparison(
        point,
        live=live / MEBIBYTE,
        predicted=predicted / MEBIBYTE,
        margin=margin,
        reason="",
        attention=prediction.attention,
    )


def hold_out(comparisons: Iterable[Comparison], margins: Margins) -> pd.DataFrame:
    """How far the allocator held other than the figures of all other models say.

    What it held for each byte that lives is known of figures of its peak. For each kind of
    attention and each model, the median of the other models' medians stands in for the margin; a
    model that is alone in its kind is held against nothing.

    Args:
        comparisons: of `compare_points`.
        margins: that were added; of them the workspaces and CUDA's contexts are used.

    Returns:
        One row for each kind and model: `attention`, `model`, `figures`, what was `held` (the
        median), what the `others` say, and the `error`, in per cent of what was held.
    """
    rows = []
    for one in comparisons:
        point = one.point
        if one.live is None or point.step is None or point.quantity not in ("reserved", "process"):
            continue
        outside = margins.context(point.gpu) if point.quantity == "process" else 0.0
        held = point.mebibytes - outside / MEBIBYTE
        rows.append(
            {
                "attention": kernel_of(point.step, one.attention),
                "model": point.model,
                "held": held / (one.live + margins.workspaces / MEBIBYTE),
            }
        )
    if not rows:
        return pd.DataFrame(columns=["attention", "model", "figures", "held", "others", "error"])
    table = (
        pd.DataFrame(rows)
        .groupby(["attention", "model"])["held"]
        .agg(figures="size", held="median")
        .reset_index()
    )
    table["others"] = [
        table.loc[
            (table["attention"] == row.attention) & (table["model"] != row.model), "held"
        ].median()
        for row in table.itertuples()
    ]
    table["error"] = 100 * (table["others"] / table["held"] - 1)
    return table


def comparison_table(comparisons: Iterable[Comparison]) -> pd.DataFrame:
    """One row for each figure that is predicted, in MiB and per cent."""
    return pd.DataFrame(
        [
            {
                "model": one.point.model,
                "method": one.point.method,
                "setting": one.point.setting,
                "GPU": one.point.gpu,
                "figure": one.point.quantity,
                "stated, MiB": f"{one.point.mebibytes:,.0f}",
                "tensors, MiB": f"{one.live:,.0f}",
                "predicted, MiB": f"{one.predicted:,.0f}",
                "error": f"{100 * one.error:+.1f} %",
                "margin": f"{100 * one.margin:.0f} %",
            }
            for one in comparisons
            if one.error is not None and one.margin is not None
        ]
    )


def summary(comparisons: Iterable[Comparison]) -> str:
    """How many figures are predicted, how well by quantity, and why the others are not."""
    compared = list(comparisons)
    errors = pd.DataFrame(
        [
            {"figure": one.point.quantity, "error": 100 * one.error, "margin": 100 * one.margin}
            for one in compared
            if one.error is not None and one.margin is not None
        ],
        columns=["figure", "error", "margin"],
    )
    lines = [f"{len(errors)} of {len(compared)} figures are of steps that can be predicted."]
    for name, group in [("all", errors), *errors.groupby("figure")]:
        beyond = int((group["error"] < -group["margin"]).sum())
        lines.append(
            f"{name}: {len(group)} figures, median absolute error"
            f" {group['error'].abs().median():.1f} %, from {group['error'].min():+.1f}"
            f" to {group['error'].max():+.1f} %, {beyond} under by more than the margin"
        )
    reasons = pd.Series([one.reason for one in compared if one.reason], dtype=str).value_counts()
    lines += [f"not predicted ({count}): {reason}" for reason, count in reasons.items()]
    return "\n".join(lines)
