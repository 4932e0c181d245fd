"""What a start of the workflow trains, as a file: its configuration with all catalogue entries.

Each start writes such a snapshot, named by its own digest, and its jobs read that instead of the
user's files: an edit while jobs pend, run again or are requeued reaches the next start only. A
snapshot is itself a configuration, so `--configfile` takes it, too.
"""

import json
import os
from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from tunegrid.config.catalogue import CATALOGUES
from tunegrid.config.origin import Origins
from tunegrid.config.schema import Config
from tunegrid.errors import UserError
from tunegrid.files import canonical_json, digest, read_json, write_json
from tunegrid.paths import user_path
from tunegrid.planning.grid import tokenizer_of
from tunegrid.planning.grid_tasks import parts_of
from tunegrid.planning.project import Project
from tunegrid.planning.snapshot_files import STARTS, Start, snapshot_path

#: The parts of a configuration that no cell depends on.
BESIDE_CELLS = {"cluster", "compare", "figures", "memory", "name", "partial", "published"}


def resolved_configuration(project: Project) -> dict[str, Any]:
    """The merged configuration with every entry of the catalogues, as JSON values."""
    return project.config.model_dump(mode="json", exclude_unset=True) | {
        catalogue: _entries(getattr(project, catalogue)) for catalogue in CATALOGUES
    }


def snapshot_digest(project: Project) -> str:
    """The digest that names the snapshot of a project."""
    return digest(canonical_json(resolved_configuration(project)))


def grid_configuration(project: Project) -> dict[str, Any]:
    """What of `resolved_configuration` the cells depend on."""
    config = project.config.model_dump(mode="json", exclude_unset=True, exclude=BESIDE_CELLS)
    used = sources_in_use(project)
    return config | {catalogue: _entries(entries) for catalogue, entries in used.items()}


def sources_in_use(project: Project) -> dict[str, dict[str, Any]]:
    """The entries that the grid's cells are made of: by catalogue, by name."""
    blocks = project.config.grid
    models = dict.fromkeys(name for block in blocks for name in block.models)
    used = {
        "models": models | dict.fromkeys(tokenizer_of(project, name) for name in models),
        "tasks": dict.fromkeys(part.source for part in parts_of(project.grid_tasks.values())),
        "methods": dict.fromkeys(name for block in blocks for name in block.methods),
    }
    return {
        catalogue: {name: getattr(project, catalogue)[name] for name in names}
        for catalogue, names in used.items()
    }


def _entries(entries: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: entry.model_dump(mode="json", exclude_unset=True) for name, entry in entries.items()
    }


def record_start(project: Project) -> Path:
    """Write the snapshot of a start, and note the start; the snapshot's absolute path."""
    name = snapshot_digest(project)
    path = snapshot_path(name)
    if not path.is_file():
        write_json(path, resolved_configuration(project))
    began = datetime.now().astimezone().isoformat(timespec="seconds")
    start = Start(began=began, snapshot=name, name=project.config.name)
    line = json.dumps(asdict(start)) + "\n"
    # One write at the end of the file: lines of two starts do not mix.
    handle = os.open(STARTS, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
    try:
        os.write(handle, line.encode())
    finally:
        os.close(handle)
    return path.absolute()


def read_snapshot(path: Path | str) -> Project:
    """The project of a snapshot. It was checked where it was written, so it is not checked again.

    Raises:
        UserError: it is gone, damaged, or was written by a version with another configuration.
    """
    try:
        config = Config.model_validate(read_json(path))
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error}") from None
    except (ValidationError, ValueError):
        raise UserError(f"{path}: is no configuration of this version of the workflow") from None
    return Project(
        config=config,
        models=config.models,
        tasks=config.tasks,
        methods=config.methods,
        data_root=user_path(config.data_root) if config.data_root else None,
        origins=Origins([(str(path), config.model_dump(mode="json", exclude_unset=True))]),
    )
