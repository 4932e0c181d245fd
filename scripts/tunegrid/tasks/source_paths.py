"""What of a task lies under the data root; planning and rules ask, and import nothing heavy."""

from pathlib import Path

from tunegrid.config.task_entry import TaskEntry
from tunegrid.files import matching_files


def paths_missing(entry: TaskEntry, root: Path) -> list[str]:
    """The paths of a task that the data root does not hold; of one into an archive, the archive."""
    return [path for path in entry.source_paths() if not matching_files(root, path)]


def read_from_root(entry: TaskEntry, root: Path | None) -> bool:
    """Whether a task's files are taken from the data root.

    Those of a task with addresses are, where the data root holds all of them.
    """
    if root is None or entry.hub or entry.package:
        return False
    return entry.url is None or not paths_missing(entry, root)


def held_in_part(entry: TaskEntry, root: Path) -> bool:
    """Whether the data root holds some of a task's files, and others not."""
    return 0 < len(paths_missing(entry, root)) < len(entry.source_paths())


def files_under_root(entry: TaskEntry, root: Path | None) -> list[Path]:
    """The files under the data root that a task is read from: texts, labels, what else it names.

    Of an archive the archive itself. None if the task comes from elsewhere.
    """
    if root is None or not read_from_root(entry, root):
        return []
    return [path for wanted in entry.source_paths() for path in matching_files(root, wanted)]
