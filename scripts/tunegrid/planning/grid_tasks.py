"""Tasks by name: those of the catalogue, their few-shot versions, and several as one.

`acl_sup` is the catalogue's; `acl_fs` is its few-shot version (the suffix `_fs` replaces `_sup` or
follows the name); `acl_sup+reviews` is both as one task, whose labels are told apart by the name of
the part they come from.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from tunegrid.config.messages import nearest
from tunegrid.config.schema import DataSettings, SplitSettings
from tunegrid.config.task_entry import TaskEntry
from tunegrid.errors import UserError
from tunegrid.metrics import TargetKind
from tunegrid.results import JOINED
from tunegrid.settings import JoinedSplitSettings, JoinedTask, TaskSettings

#: What a few-shot version's name ends with, and how many examples of each label it keeps.
FEW_SHOT_SUFFIX, FEW_SHOT = "_fs", 16


@dataclass(frozen=True)
class Part:
    """A catalogue's task, as a grid uses it.

    Attributes:
        name: as the grid writes it: `acl_fs`.
        source: the catalogue's name: `acl_sup`.
        entry: the catalogue's entry.
    """

    name: str
    source: str
    entry: TaskEntry

    def split_settings(self, data: DataSettings) -> SplitSettings:
        """What is made of its splits: `data`, over it the source's own keys, over those its own."""
        settings = data.model_dump(exclude={"tasks"})
        for name in dict.fromkeys((self.source, self.name)):
            if name != self.source and settings["few_shot"] is None:
                settings["few_shot"] = FEW_SHOT
            if name in data.tasks:
                settings |= data.tasks[name].model_dump(exclude_unset=True)
        # Every value was checked where it was read.
        return SplitSettings.model_construct(**settings)


@dataclass(frozen=True)
class Task:
    """What one name of a grid stands for: a part, or several as one."""

    name: str
    parts: tuple[Part, ...]

    @property
    def aggregated(self) -> bool:
        """Whether it is several tasks as one."""
        return len(self.parts) > 1

    @property
    def target_kind(self) -> TargetKind:
        """What it asks for: only tasks of one label are joined."""
        return "single_label" if self.aggregated else self.parts[0].entry.target_kind

    @cached_property
    def labels(self) -> list[str] | None:
        """Label names in the order of their ids; an aggregated task's begin with their part's.

        None where those of a part are known only once its files are read (`labels: auto`).
        """
        if not self.aggregated:
            return self.parts[0].entry.label_names
        labels = []
        for part in self.parts:
            if part.entry.label_names is None:
                return None
            labels += [f"{part.name}/{label}" for label in part.entry.label_names]
        return labels

    @property
    def title(self) -> str:
        """What is classified, in words."""
        return "; ".join(
            (part.entry.title or part.source) + (", few-shot" if part.name != part.source else "")
            for part in self.parts
        )

    def source(self) -> TaskEntry | JoinedTask:
        """What decides its examples and labels."""
        if not self.aggregated:
            return self.parts[0].entry
        return JoinedTask(
            parts={part.name: part.entry for part in self.parts},
            labels=self.labels,
        )

    def split_settings(self, data: DataSettings) -> TaskSettings:
        """What is made of its splits; of an aggregated task, of each part's splits."""
        if not self.aggregated:
            return self.parts[0].split_settings(data)
        parts = {part.name: part.split_settings(data) for part in self.parts}
        longest = max(own.max_length for own in parts.values())
        return JoinedSplitSettings(max_length=longest, parts=parts)


def find_task(name: str, catalogue: Mapping[str, TaskEntry]) -> Task:
    """What the name of a task stands for.

    Raises:
        UserError: a part is in no catalogue, or stands in it twice.
    """
    if name in catalogue:
        return Task(name, (Part(name, name, catalogue[name]),))
    parts = tuple(_part(part, catalogue) for part in name.split(JOINED))
    sources = [part.source for part in parts]
    if twice := next((source for source in sources if sources.count(source) > 1), None):
        raise UserError(f"task {name!r} holds {twice!r} twice; name it once")
    return Task(name, parts)


def _part(name: str, catalogue: Mapping[str, TaskEntry]) -> Part:
    stem = name.removesuffix(FEW_SHOT_SUFFIX)
    candidates = [name] if stem == name else [name, f"{stem}_sup", stem]
    for source in candidates:
        if source in catalogue:
            return Part(name, source, catalogue[source])
    raise UserError(f"unknown task {name!r}; {nearest(name, catalogue)}")


def parts_without_dev(tasks: Iterable[Task], data: DataSettings) -> Iterator[Part]:
    """The parts of these tasks that ship no dev split, and from whose train none is cut."""
    for part in parts_of(tasks):
        if not part.entry.has_dev and not part.split_settings(data).dev_fraction:
            yield part


def parts_of(tasks: Iterable[Task]) -> Iterator[Part]:
    """The parts of these tasks, each once."""
    return iter({part.name: part for task in tasks for part in task.parts}.values())
