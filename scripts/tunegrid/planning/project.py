"""A project: one checked configuration with the catalogues that its names refer to."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from tunegrid.config.catalogue import MethodEntry, ModelEntry
from tunegrid.config.origin import Origins
from tunegrid.config.schema import Config
from tunegrid.config.task_entry import TaskEntry
from tunegrid.planning.grid_tasks import Task, find_task
from tunegrid.published.paper import Paper, read_paper


@dataclass(frozen=True, eq=False)
class Project:
    """A configuration that was checked against the catalogues and the files on disk.

    Two projects are never equal, so that what is made of one is cached under it.
    """

    config: Config
    models: Mapping[str, ModelEntry]
    tasks: Mapping[str, TaskEntry]
    methods: Mapping[str, MethodEntry]
    data_root: Path | None
    #: Where each value of the configuration was written.
    origins: Origins

    @property
    def results(self) -> str:
        """The folder of its results: a folder of its own where the configuration has a name."""
        name = self.config.name
        return "results" if name is None else f"results/{name}"

    @cached_property
    def grid_tasks(self) -> dict[str, Task]:
        """The tasks that the grid names.

        Raises:
            UserError: one is unknown.
        """
        names = dict.fromkeys(task for block in self.config.grid for task in block.tasks)
        return {name: find_task(name, self.tasks) for name in names}

    @cached_property
    def papers(self) -> list[Paper]:
        """The papers whose numbers stand beside the grid's.

        Raises:
            UserError: one is not there, or something in it is wrong.
        """
        return [read_paper(given) for given in self.config.published]

    @property
    def paper_with_memory(self) -> Paper | None:
        """The paper whose memory example is counted again; None where no paper has one."""
        return next((paper for paper in self.papers if paper.memory is not None), None)
