"""The one place where published papers meet the memory analysis (`tunegrid.memory`).

Light to import, for the planning asks where a network's shape lies; what builds models is imported
when a step is traced.
"""

from pathlib import Path
from typing import Any

from tunegrid.memory import KINDS
from tunegrid.memory.shapes import shape_file

#: What live tensors are for, as a traced step tells it.
PARTS = KINDS


def find_shape(name: str) -> Path | None:
    """The `config.json` of a model, as far as it is here (`tunegrid.memory.shapes.shape_file`)."""
    return shape_file(name, None)


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
        UserError: the network cannot be built with the method, or its step cannot be traced.
    """
    from transformers import AutoConfig

    from tunegrid.memory.shapes import is_language_model
    from tunegrid.memory.study import prediction, workload

    config = AutoConfig.for_model(**shape)
    labels = None if is_language_model(config) else case["labels"]
    return prediction(workload(config, case | {"labels": labels, "method_source": method}))
