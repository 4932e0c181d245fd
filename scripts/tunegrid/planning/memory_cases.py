"""What the memory analysis is asked: one step of each model and method of the grid."""

from collections.abc import Iterable
from types import SimpleNamespace
from typing import Any

from tunegrid.config.catalogue import MethodEntry
from tunegrid.config.memory_settings import MemorySettings
from tunegrid.errors import UserError
from tunegrid.files import read_json
from tunegrid.memory.formula import closed_form
from tunegrid.memory.model_shapes import MethodShape, encoder_shape, shape_file
from tunegrid.memory.predicted_settings import predicted_settings
from tunegrid.planning.grid import Cell

#: How many labels a task is taken to have whose labels only its files tell (`labels: auto`), where
#: memory is predicted: a classifier of so many takes under 1 % of a model's memory.
ASSUMED_LABELS = 100
#: The same where the least memory is asked for: no task has fewer.
FEWEST_LABELS = 2
#: Settings that, where they are tuned, may make a cell take less memory than the formula says.
TAKE_LESS = {"optimizer", "frozen_layers"}
#: Precisions that take less memory than fp32, or may become one that does.
MAY_TAKE_LESS = ("bf16", "fp16", "auto")


def memory_cases(
    cells: Iterable[Cell], model: str, shown: MemorySettings | None = None
) -> list[dict[str, Any]]:
    """The cases of a model, one for each of its methods: that of its cells that takes most.

    Args:
        cells: of the grid.
        model: the model's name.
        shown: a batch and tokens in the place of the cells' own; None: theirs.

    Returns:
        method, method_source, labels, batch (of one GPU), tokens, precision, attention, optimizer,
        checkpointing and frozen_layers. Batch and tokens are the largest that a cell of the method
        has, and so are labels, of which `ASSUMED_LABELS` stand for those that are not known before
        the task is read; layers are frozen and computed twice where all its cells have it so.
    """
    cases: dict[str, dict[str, Any]] = {}
    for cell in cells:
        if cell.model != model:
            continue
        train = cell.settings.train
        case = {
            "method": cell.method,
            "method_source": cell.settings.method_source.settings(),
            "labels": number_of_labels(cell, unknown=ASSUMED_LABELS),
            "batch": -(-train.batch_size // train.gpus_per_run),
            "tokens": cell.settings.data.max_length,
            **predicted_settings(train),
        }
        before = cases.setdefault(cell.method, case)
        for key in ("batch", "tokens", "labels"):
            before[key] = max(before[key], case[key])
        for key in ("checkpointing", "frozen_layers"):
            before[key] = min(before[key], case[key])
    shown = shown or MemorySettings()
    asked = {"batch": shown.batch, "tokens": shown.tokens}
    given = {key: value for key, value in asked.items() if value is not None}
    return [case | given for case in cases.values()]


def number_of_labels(cell: Cell, *, unknown: int) -> int:
    """How many outputs its classifier has: of labels as many, of a number one.

    `unknown` where only the files of its task tell the labels.
    """
    if cell.settings.task_source.target_kind == "regression":
        return 1
    names = cell.settings.task_source.label_names
    return unknown if names is None else len(names)


def least_memory(cell: Cell) -> int | None:
    """Bytes that a step of one example takes at least; None where no formula tells.

    Light: no library that builds models. A method that adds weights is taken for a linear probe,
    which takes less; so is a cell that has less state than AdamW's, or frozen layers.
    """
    path = shape_file(cell.model, cell.settings.model_source)
    if path is None:
        return None
    train = cell.settings.train
    less = train.optimizer != "adamw" or train.frozen_layers or set(cell.tuned) & TAKE_LESS
    try:
        return closed_form(
            encoder_shape(
                SimpleNamespace(**read_json(path)), number_of_labels(cell, unknown=FEWEST_LABELS)
            ),
            MethodShape("head") if less else _least_shape(cell.settings.method_source),
            batch=1,
            tokens=1,
            precision="bf16" if train.precision in MAY_TAKE_LESS else "fp32",
        ).peak
    except UserError:
        return None


def _least_shape(method: MethodEntry) -> MethodShape:
    """What a method trains, without what it adds to the model."""
    match method.kind:
        case "adapter" | "peft":
            return MethodShape("head")
        case kind:
            return MethodShape(kind)
