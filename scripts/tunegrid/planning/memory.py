"""What the memory analysis is asked: one step of each model and method of the grid."""

from collections.abc import Iterable
from typing import Any

from tunegrid.planning.grid import Cell


def memory_cases(cells: Iterable[Cell], model: str) -> list[dict[str, Any]]:
    """The cases of a model, one for each of its methods: that of its cells that takes most.

    Returns:
        method, method_source, labels, batch (of one GPU), tokens, precision and attention, of which
        batch and tokens are the largest that a cell of the method has.
    """
    cases: dict[str, dict[str, Any]] = {}
    for cell in cells:
        if cell.model != model:
            continue
        train = cell.settings["train"]
        case = {
            "method": cell.method,
            "method_source": cell.settings["method_source"],
            "labels": len(cell.settings["task_source"]["labels"]),
            "batch": -(-train["batch_size"] // train["gpus_per_run"]),
            "tokens": cell.settings["data"]["max_length"],
            "precision": train["precision"],
            "attention": train["attention"],
        }
        before = cases.setdefault(cell.method, case)
        for key in ("batch", "tokens", "labels"):
            before[key] = max(before[key], case[key])
    return list(cases.values())
