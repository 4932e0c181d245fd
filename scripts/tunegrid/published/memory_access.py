"""The one place where published papers meet the memory analysis (`tunegrid.memory`).

Light to import, for the planning asks where a network's shape lies; what builds models is imported
when a step is traced.
"""

from pathlib import Path
from typing import Any

from tunegrid.errors import UserError
from tunegrid.memory.shapes import SHAPES, shape_file


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
    shape: dict[str, Any], method: dict[str, Any], case: dict[str, Any]
) -> dict[str, Any]:
    """The traced memory of one training step, and the formula's, as JSON values; bytes.

    Args:
        shape: what the network's `config.json` holds.
        method: the catalogue entry of the method (`MethodEntry.settings`).
        case: `batch`, `tokens`, `labels` (of a classifier; a language model has none) and the
            further attributes of `tunegrid.memory.workload.Workload` that differ from its defaults.

    Raises:
        UserError: the shape is none of the Transformers library's, the network cannot be built with
            the method, or its step cannot be traced.
    """
    from transformers import AutoConfig

    from tunegrid.memory.shapes import is_language_model
    from tunegrid.memory.study import prediction, workload

    try:
        config = AutoConfig.for_model(**shape)
    except (KeyError, ValueError, TypeError) as error:
        kind = shape.get("model_type")
        reason = " ".join(str(error).split())[:300]
        raise UserError(
            f"a shape of model_type {kind!r} is no model of the Transformers library: {reason}"
        ) from None
    labels = None if is_language_model(config) else case["labels"]
    return prediction(workload(config, case | {"labels": labels, "method_source": method}))
