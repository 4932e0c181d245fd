"""From configuration files to a checked project: configuration, catalogues, cells."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from tunegrid.config.catalogue import MethodEntry, ModelEntry
from tunegrid.config.messages import validation_messages
from tunegrid.config.origin import Origins, read_yaml
from tunegrid.config.schema import Config
from tunegrid.config.task_entry import TaskEntry
from tunegrid.errors import UserError
from tunegrid.paths import ROOT, user_path
from tunegrid.planning.checks import problems
from tunegrid.planning.project import Project
from tunegrid.planning.snapshot import read_snapshot, resolved_configuration
from tunegrid.planning.snapshot_files import is_snapshot

M = TypeVar("M", bound=BaseModel)


def load_project(
    configfiles: Sequence[Path | str],
    command_line: Mapping[str, Any] | None = None,
) -> Project:
    """Read, merge and check a configuration.

    Args:
        configfiles: YAML files, the later over the earlier; or a snapshot
            (`tunegrid.planning.snapshot`), beside which the catalogues are not read.
        command_line: keys given on the command line, over them all, of their own types.

    Layers are merged as Snakemake does it: mappings key by key, anything else replaced.

    Raises:
        UserError: one line for each problem, naming file, key, value and what would be right.
    """
    layers: list[tuple[str, Mapping[str, Any]]] = []
    for path in configfiles:
        label = _label(path)
        if is_snapshot(path):
            layers.append((label, resolved_configuration(read_snapshot(path))))
        else:
            layers.append((label, read_yaml(Path(path), label, tasks=["tasks"])))
    if command_line:
        layers.append(("--config", command_line))
    merged: dict[str, Any] = {}
    for _, layer in layers:
        merged = _merge(merged, layer)
    origins = Origins(layers)
    config = _validated(Config, merged, origins)
    from_catalogues = not any(map(is_snapshot, configfiles))
    project = Project(
        config=config,
        models=(load_models() if from_catalogues else {}) | config.models,
        tasks=(load_tasks() if from_catalogues else {}) | config.tasks,
        methods=(load_methods() if from_catalogues else {}) | config.methods,
        data_root=user_path(config.data_root) if config.data_root else None,
        origins=origins,
    )
    if found := list(problems(project, origins)):
        raise UserError(*found)
    return project


def _label(path: Path | str) -> str:
    """A file as the user would name it: relative to the workflow's or the current folder."""
    path = Path(path).resolve()
    for base in (ROOT, Path.cwd()):
        if path.is_relative_to(base):
            return str(path.relative_to(base))
    return str(path)


def _merge(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    result = dict(below)
    for key, value in above.items():
        both = isinstance(value, Mapping) and isinstance(result.get(key), Mapping)
        result[key] = _merge(result[key], value) if both else value
    return result


def typed_command_line(given: Mapping[str, Any]) -> dict[str, Any]:
    """What Snakemake made of `--config`, with what it leaves as text: true, and nested numbers."""
    return {key: _reread(item) for key, item in given.items()}


def _reread(value: Any, *, nested: bool = False) -> Any:
    """The value in plain dicts and lists, nested text read as YAML would read it."""
    if isinstance(value, Mapping):
        return {key: _reread(item, nested=True) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_reread(item, nested=True) for item in value]
    if not isinstance(value, str) or (not nested and value not in ("true", "false")):
        return value
    try:
        read = yaml.safe_load(value)
    except yaml.YAMLError:
        return value
    return value if isinstance(read, dict | list) else read


def _validated(model: type[M], value: Any, origins: Origins) -> M:
    try:
        return model.model_validate(value)
    except ValidationError as error:
        raise UserError(*validation_messages(error, model, origins)) from None


def load_models() -> dict[str, ModelEntry]:
    """The models of `config/models.yaml` by name.

    Raises:
        UserError: one line for each problem.
    """
    return _load_catalogue("models", ModelEntry)


def load_tasks() -> dict[str, TaskEntry]:
    """The tasks of `config/tasks.yaml` by name.

    Raises:
        UserError: one line for each problem.
    """
    return _load_catalogue("tasks", TaskEntry)


def load_methods() -> dict[str, MethodEntry]:
    """The methods of `config/methods.yaml` by name.

    Raises:
        UserError: one line for each problem.
    """
    return _load_catalogue("methods", MethodEntry)


def _load_catalogue(key: str, kind: type[M]) -> dict[str, M]:
    path = ROOT / "config" / f"{key}.yaml"
    label = _label(path)
    entries = {}
    tasks: list[str] | None = [] if key == "tasks" else None
    for name, value in read_yaml(path, label, tasks=tasks).items():
        # Below the file's own name, so that messages read `config/tasks.yaml: acl_sup.labels`.
        origins = Origins([(f"{label}: {name}", value if isinstance(value, dict) else {})])
        entries[name] = _validated(kind, value, origins)
    return entries
