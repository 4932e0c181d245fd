"""A file of a task, as a reader is given it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tunegrid.config.task_entry import TaskEntry


@dataclass(frozen=True)
class TaskFile:
    """A file that holds examples of a split.

    Attributes:
        path: where it lies.
        entry: the task's catalogue entry, as it holds for the split.
        label: of all its examples, where it stands in `files`; None if they have their own.
        label_file: the file whose lines are the labels of its examples; None if there is none.
        also: the further files that the entry names, by their names.
        test_split: of a task with several test splits, the one that it is of.
        name: its path below the data root, the package, the repository or the addresses' folder,
            through an archive if it is in one; the same wherever these lie. Empty: not known.
    """

    path: Path
    entry: TaskEntry
    label: str | None = None
    label_file: Path | None = None
    also: Mapping[str, Path] = field(default_factory=dict)
    test_split: str | None = None
    name: str = ""

    @property
    def place(self) -> Path:
        """Its name as a path; where it lies, if no name is known."""
        return Path(self.name) if self.name else self.path


#: The files of each split, or of `all`; each has one at least.
SplitFiles = Mapping[str, Sequence[TaskFile]]
