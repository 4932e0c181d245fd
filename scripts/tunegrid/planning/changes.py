"""What an edit of the configuration changes, in a line or two."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

from tunegrid.errors import UserError
from tunegrid.planning.grid import Cell, expand_grid
from tunegrid.planning.project import Project
from tunegrid.planning.snapshot import (
    BESIDE_CELLS,
    read_snapshot,
    snapshot_digest,
    sources_in_use,
)
from tunegrid.planning.snapshot_files import last_start, last_starts

#: So many settings are named; of more, the number of the others.
MOST_NAMED = 6
#: Where the settings of a cell stand in a configuration, by their keys in `CellSettings.to_json`.
SECTIONS = {
    "data": "data",
    "train": "train",
    "model_source": "models",
    "tokenizer_source": "models",
    "task_source": "tasks",
    "method_source": "methods",
}


def changes_since_last_start(project: Project) -> list[str]:
    """What the configuration changes of what the last start trained; no line where nothing."""
    start = last_start(project.config.name)
    if start is None or start.snapshot == snapshot_digest(project):
        return []
    when = f"{datetime.fromisoformat(start.began):%Y-%m-%d %H:%M}"
    try:
        before = read_snapshot(start.path)
        return describe_changes(before, project, when)
    except UserError as error:
        return [f"What has changed since the start of {when} cannot be told: {error}"]


def other_sources(project: Project) -> Iterator[str]:
    """One line for each model or task that another configuration here reads from elsewhere.

    Both are fetched into the same folder, which each start makes its own.
    """
    for start in last_starts():
        if start.name == project.config.name:
            continue
        try:
            other = read_snapshot(start.path)
        except UserError:
            continue  # of another version, or removed: nothing is known of it
        called = (
            f"configuration {start.name!r}" if start.name else "the configuration without a name"
        )
        for catalogue, key in (("models", "model"), ("tasks", "task")):
            theirs = sources_in_use(other)[catalogue]
            for name, entry in sources_in_use(project)[catalogue].items():
                if name in theirs and theirs[name].settings() != entry.settings():
                    yield (
                        f"{key} {name!r} has another source in {called}: each start"
                        " fetches its own again; give one of them another name"
                    )


def describe_changes(before: Project, now: Project, when: str) -> list[str]:
    """What differs between two configurations.

    Args:
        before: what the earlier start trained.
        now: what this one trains.
        when: the time of the earlier start, in words.

    Returns:
        A line about the cells, and one about the settings that no cell depends on; each only where
        something differs there.
    """
    old = {cell.path: cell for cell in expand_grid(before)}
    new = {cell.path: cell for cell in expand_grid(now)}
    settings = {
        path: keys
        for path, cell in new.items()
        if path in old and (keys := list(_differing_settings(old[path], cell)))
    }
    if before.config.tune != now.config.tune:
        settings |= {
            path: ["tune", *settings.get(path, [])] for path, cell in new.items() if cell.tuned
        }
    parts = []
    if added := len(new.keys() - old.keys()):
        parts.append(f"{added} new")
    if settings:
        named = _named(dict.fromkeys(key for keys in settings.values() for key in keys))
        parts.append(f"{len(settings)} with other settings ({named})")
    if dropped := len(old.keys() - new.keys()):
        parts.append(f"{dropped} dropped, whose results stay")
    lines = []
    if parts:
        lines.append(
            f"The configuration has changed since the start of {when}; of {len(new)} cells:"
            f" {', '.join(parts)}."
        )
    sections = (
        (section, getattr(before.config, section), getattr(now.config, section))
        for section in sorted(BESIDE_CELLS)
    )
    others = [key for section, one, two in sections for key in _differing(section, one, two)]
    if others:
        lines.append(f"No cell depends on what else has changed since then: {_named(others)}.")
    return lines


def _named(keys: Iterable[str]) -> str:
    keys = list(keys)
    more = len(keys) - MOST_NAMED
    return ", ".join(keys[:MOST_NAMED]) + (f" and {more} more" if more > 0 else "")


def _differing_settings(before: Cell, now: Cell) -> Iterator[str]:
    """The keys of the configuration in which two cells of the same names differ."""
    if before.settings == now.settings and before.tuned == now.tuned:
        return
    old, new = before.open_settings(), now.open_settings()
    for key, section in SECTIONS.items():
        if old[key] == new[key]:
            continue
        if section in ("data", "train"):
            yield from _differing(section, old[key], new[key])
        else:
            yield f"{section}.{getattr(now, section.removesuffix('s'))}"


def _differing(key: str, before: Any, now: Any) -> Iterator[str]:
    """The keys, from `key` on, whose values differ."""
    if hasattr(before, "model_dump") and hasattr(now, "model_dump"):
        before, now = before.model_dump(mode="json"), now.model_dump(mode="json")
    if not isinstance(before, Mapping) or not isinstance(now, Mapping):
        if before != now:
            yield key
        return
    for name in dict.fromkeys([*before, *now]):
        if name not in before or name not in now:
            yield f"{key}.{name}"
        else:
            yield from _differing(f"{key}.{name}", before[name], now[name])
