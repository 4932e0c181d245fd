"""The one place where published papers meet the memory analysis (`tunegrid.memory`).

Light to import, for the planning asks where a network's shape lies; what builds models is imported
when a step is traced.
"""

from pathlib import Path
from typing import Any

from tunegrid.config.catalogue import MethodEntry
from tunegrid.memory import KINDS
from tunegrid.memory.model_shapes import is_language_model, shape_file
from tunegrid.memory.records import TrainingStep

#: What live tensors are for, as a traced step tells it.
PARTS = KINDS


def find_shape(name: str) -> Path | None:
    """The `config.json` of a model; None if it is nowhere on this machine."""
    return shape_file(name, None)


def trace_step(
    network: dict[str, Any], method: dict[str, Any], case: dict[str, Any]
) -> dict[str, Any]:
    """The traced memory of one training step, and the formula's, as JSON values; bytes.

    Args:
        network: its `name`, and its `shape`: what its `config.json` holds.
        method: its `name`, and its `entry` in the catalogue (`MethodEntry.settings`).
        case: `batch`, `tokens`, `labels` (of a classifier; a language model has none) and the
            further attributes of `tunegrid.memory.records.TrainingStep` that differ from its
            defaults.

    Returns:
        `traced`, `parts`, `closed_form` (None if there is no formula), `total_parameters` and
        `trainable_parameters`, as `tunegrid.memory.records.StepMemory` has them.

    Raises:
        UserError: the network cannot be built with the method, or its step cannot be traced.
    """
    from transformers import AutoConfig

    from tunegrid.memory.analysis import predict_step

    config = AutoConfig.for_model(**network["shape"])
    labels = None if is_language_model(config) else case["labels"]
    step = TrainingStep(
        method=method["name"],
        method_source=MethodEntry.model_validate(method["entry"]),
        **(case | {"labels": labels}),
    )
    found = predict_step(network["name"], config, step)
    return {
        "traced": found.traced,
        "parts": found.parts,
        "closed_form": found.closed_form,
        "total_parameters": found.total_parameters,
        "trainable_parameters": found.trainable_parameters,
    }
