"""A project: one checked configuration with the catalogues that its names refer to."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tunegrid.config.catalogue import MethodEntry, ModelEntry, TaskEntry
from tunegrid.config.schema import Config


@dataclass(frozen=True)
class Project:
    """A configuration that was checked against the catalogues and the files on disk."""

    config: Config
    models: Mapping[str, ModelEntry]
    tasks: Mapping[str, TaskEntry]
    methods: Mapping[str, MethodEntry]
    data_root: Path | None
