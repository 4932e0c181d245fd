"""What to write for a model, a data set or a method that no catalogue has: its entry."""

from typing import Any

from tunegrid.config.origin import KeyPath, read_yaml
from tunegrid.paths import ROOT

#: The keys of a grid and of an override that hold names, and the catalogue of each.
CATALOGUE_OF_KEY = {"models": "models", "model": "models", "tasks": "tasks", "task": "tasks"}


def no_name(value: Any, path: KeyPath) -> str:
    """Why a value is no name, and what would be right: of an address of the hub, its entry.

    Args:
        value: what stands there.
        path: the key that it stands at.
    """
    keys = [part for part in path[:-1] if isinstance(part, str)]
    names_others = len(keys) > 1 and keys[0] in ("grid", "overrides")
    catalogue = CATALOGUE_OF_KEY.get(keys[-1], "") if names_others else ""
    if catalogue and isinstance(value, str) and value.count("/") == 1:
        return _name_of_repository(value, catalogue)
    shown = repr(value) if len(repr(value)) <= 60 else f"{value!r:.57}..."
    return f"{shown} is no name; use letters, digits and . _ + -, beginning with a letter or digit"


def hub_entry(name: str, repository: str) -> str:
    """The entry of a model of the hub, as a configuration writes it."""
    return f"`models: {{{name}: {{hub: {{repository: {repository}, revision: main}}}}}}`"


def adapter_entry(size: int) -> str:
    """The entry of an adapter of this bottleneck size, as those of `config/methods.yaml` are."""
    adapter = "double_seq_bn[non_linearity='gelu']"
    entry = f'{{kind: adapter, adapter: "{adapter}", bottleneck_size: {size}}}'
    return f"`methods: {{adapter-{size}: {entry}}}`"


def _name_of_repository(repository: str, catalogue: str) -> str:
    """What to write in place of `owner/name`: the name that the catalogue has, or an entry."""
    entries = read_yaml(ROOT / "config" / f"{catalogue}.yaml", f"config/{catalogue}.yaml")
    for name, entry in entries.items():
        if entry.get("hub", {}).get("repository") == repository:
            return f"{repository!r} is called {name} here; write that name"
    name = repository.split("/")[1]
    if catalogue == "tasks":
        return (
            f"{repository!r} is an address of the hub, and no name; write {name} here, and its"
            " entry under `tasks`, as docs/add-a-task.md#from-a-hub shows"
        )
    return (
        f"{repository!r} is an address of the hub, and no name; write {name} here, and its entry,"
        f" {hub_entry(name, repository)}"
    )
