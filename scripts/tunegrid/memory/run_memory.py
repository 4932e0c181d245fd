"""What a finished run took, beside what is predicted for the same batch on the same device."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from tunegrid.errors import UserError
from tunegrid.files import read_json
from tunegrid.memory.model_shapes import load_shape
from tunegrid.memory.predict import UntraceableError, predict
from tunegrid.memory.records import TrainingStep
from tunegrid.results import PROVENANCE, TRAINING
from tunegrid.settings import CellSettings
from tunegrid.training.micro_batch import training_step


@dataclass(frozen=True)
class RunMemory:
    """What a run took and what is predicted. Sizes are bytes.

    Attributes:
        run: the run's folder.
        device: the device's name.
        step: the step that is predicted: examples and tokens of the run's largest micro-batch.
        measured: live tensors at the peak; None where the run does not tell.
        predicted: the same by trace; None where the model cannot be traced.
    """

    run: str
    device: str
    step: TrainingStep
    measured: int | None
    predicted: int | None


def compare_run(folder: Path, model: str | None = None) -> RunMemory:
    """What a finished run took, and what is predicted for its largest micro-batch.

    The weights that a selection keeps beside the model's own (`select: best_dev` on a CPU) are in
    the prediction.

    Args:
        folder: the run's.
        model: a folder or file with the `config.json` of its model; None: that of the model's name.

    Raises:
        UserError: there is no finished run in it, or its model's `config.json` is not found.
    """
    for name in (TRAINING, PROVENANCE):
        if not (folder / name).is_file():
            raise UserError(f"{folder}: holds no {name}; give the folder of a finished run")
    training, made = read_json(folder / TRAINING), read_json(folder / PROVENANCE)
    settings = CellSettings.from_json(made["settings"])
    counted = training.get("live_tensors") or {}
    on_gpu = training["peak_memory_of"] == "tensors"
    # A GPU's allocator does not tell in which batch it gave out most: the longest is taken for it.
    step = training_step(
        settings,
        labels=max(1, len(training["labels"])),
        batch=counted.get("examples", training["micro_batch"]),
        tokens=counted.get("tokens", settings.data.max_length),
    )
    config = load_shape(model or settings.model, None if model else settings.model_source)
    predicted: int | None = None
    try:
        found = predict(config, step, cuda=on_gpu)
    except UntraceableError:
        pass
    else:
        predicted = found.peak
        if settings.train.select == "best_dev" and not on_gpu:
            predicted += 4 * found.trainable_parameters
    return RunMemory(
        run=str(folder),
        device=made["device"],
        step=step,
        measured=training["peak_memory"] if on_gpu else counted.get("peak"),
        predicted=predicted,
    )


def format_comparison(runs: Sequence[RunMemory]) -> str:
    """A row for each run, as one table in GB.

    Args:
        runs: at least one.
    """
    table = pd.DataFrame(
        [
            {
                "run": one.run,
                "device": one.device,
                "examples × tokens": f"{one.step.batch} × {one.step.tokens}",
                "predicted": _gigabytes(one.predicted),
                "measured": _gigabytes(one.measured),
                "error": _error(one),
            }
            for one in runs
        ]
    )
    return table.to_markdown(index=False, disable_numparse=True)


def _gigabytes(size: int | None) -> str:
    return "—" if size is None else f"{size / 1e9:.3f}"


def _error(run: RunMemory) -> str:
    """By how much the prediction is above what was measured; a dash where either is missing."""
    if run.predicted is None or run.measured is None:
        return "—"
    return f"{100 * (run.predicted / run.measured - 1):+.1f} %"
