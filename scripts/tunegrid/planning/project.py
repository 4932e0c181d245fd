"""A project: one checked configuration with the catalogues that its names refer to."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from tunegrid.config.catalogue import MethodEntry, ModelEntry, TaskEntry
from tunegrid.config.schema import Config
from tunegrid.planning.grid_tasks import Task, find_task


@dataclass(frozen=True)
class Project:
    """A configuration that was checked against the catalogues and the files on disk."""

    config: Config
    models: Mapping[str, ModelEntry]
    tasks: Mapping[str, TaskEntry]
    methods: Mapping[str, MethodEntry]
    data_root: Path | None

    @cached_property
    def grid_tasks(self) -> dict[str, Task]:
        """The tasks that the grid names.

        Raises:
            UserError: one is unknown.
        """
        names = dict.fromkeys(task for block in self.config.grid for task in block.tasks)
        return {name: find_task(name, self.tasks) for name in names}
