"""A cell's resolved settings, as runs carry them.

A mapping of JSON values: model, task, method and seed by name; model_source, tokenizer_source,
task_source and method_source, the catalogue entries; `data`, what is made of the task's splits;
`train`, the training settings. `tunegrid.planning.grid` makes it; training needs nothing else of
planning.
"""

from typing import Any

from tunegrid.files import canonical_json, digest

Settings = dict[str, Any]


def settings_hash(settings: Settings) -> str:
    """Twelve hexadecimal digits that stand for a cell's resolved settings."""
    return digest(canonical_json(settings))
