"""The one place where published papers meet the memory analysis (`tunegrid.memory`).

Light to import, for the planning asks where a network's shape lies; what builds models is imported
when a step is traced.
"""

from pathlib import Path
from typing import Any

from tunegrid.config.catalogue import MethodEntry
from tunegrid.errors import UserError
from tunegrid.memory.model_shapes import SHAPES, is_language_model, shape_file
from tunegrid.memory.records import TrainingStep


def find_shape(model: str) -> Path | None:
    """The `config.json` of a model, fetched or of `config/shapes`; None where there is none."""
    return shape_file(model, None)


def find_shipped_shape(name: str) -> Path | None:
    """The `config.json` of a network of `config/shapes`; None where there is none.

    Not that of a fetched model: a paper's example must not be traced again because a model of the
    same name has been fetched meanwhile.
    """
    path = SHAPES / f"{name}.json"
    return path if path.is_file() else None


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
        UserError: the shape is none of the Transformers library's, the network cannot be built with
            the method, or its step cannot be traced.
    """
    from transformers import AutoConfig

    from tunegrid.memory.analysis import predict_step

    shape = network["shape"]
    try:
        config = AutoConfig.for_model(**shape)
    except (KeyError, ValueError, TypeError) as error:
        kind = shape.get("model_type")
        reason = " ".join(str(error).split())[:300]
        raise UserError(
            f"a shape of model_type {kind!r} is no model of the Transformers library: {reason}"
        ) from None
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
