"""Where the files of a task lie: under the data root, in a package, or in a hub's repository."""

from collections.abc import Callable
from pathlib import Path

from tunegrid.config.task_entry import TaskEntry
from tunegrid.errors import UserError
from tunegrid.files import matching_files
from tunegrid.hub import download
from tunegrid.packages import package_file
from tunegrid.tasks.task_file import TaskFile


def task_files(name: str, entry: TaskEntry, root: Path | None) -> dict[str, list[TaskFile]]:
    """The files of each split of a task that no hub holds.

    Args:
        name: the task's name, for messages.
        entry: its catalogue entry, without `hub`.
        root: the data root, for a task that no package carries.

    Raises:
        UserError: they are in a package that is not there, no data root is given, or it lacks some.
    """
    if entry.package:
        package = entry.package
        return _files(
            f"task {name!r}: package {package.name}",
            entry,
            lambda path: [package_file(package, path)],
        )
    if root is None:
        raise UserError(
            f"data_root: is not set, and task {name!r} is read from files; set it to the folder"
            f" that holds {', '.join(_paths(entry))}"
        )
    return _files(f"task {name!r}: {root}", entry, lambda path: matching_files(root, path))


def download_task(
    name: str, entry: TaskEntry, folder: Path
) -> tuple[dict[str, list[TaskFile]], str]:
    """Download the files of a task that a hub holds.

    Args:
        name: the task's name, for messages.
        entry: its catalogue entry, with `hub`.
        folder: that they are put into.

    Returns:
        The files of each split, and the commit that the revision stood for.

    Raises:
        ValueError: the entry names no hub.
        UserError: what `download` raises, or the repository has no such file.
    """
    if entry.hub is None:
        raise ValueError(f"task {name!r} is not of a hub")
    repository, revision = entry.hub.repository, entry.hub.revision
    # A path may be a file, a pattern or a folder.
    wanted = [pattern for path in _paths(entry) for pattern in (path, f"{path}/*")]
    try:
        commit = download(repository, revision, wanted, folder, kind="dataset")
    except UserError as error:
        raise UserError(f"task {name!r}: {error}") from None
    where = f"task {name!r}: {repository} at {revision}"
    return _files(where, entry, lambda path: matching_files(folder, path)), commit


def _paths(entry: TaskEntry) -> list[str]:
    """All paths of `files`."""
    return [one.path for patterns in entry.file_patterns().values() for one in patterns]


def _files(
    where: str, entry: TaskEntry, find: Callable[[str], list[Path]]
) -> dict[str, list[TaskFile]]:
    """The files of each split.

    Args:
        where: what a message calls the place that they are looked for in.
        entry: the task's catalogue entry.
        find: the files that a path of the entry names.
    """
    files: dict[str, list[TaskFile]] = {}
    missing = []
    for split, patterns in entry.file_patterns().items():
        files[split] = []
        for pattern in patterns:
            found = find(pattern.path)
            if not found:
                missing.append(pattern.path)
            files[split] += [
                TaskFile(path=path, entry=entry.of_split(split), label=pattern.label)
                for path in found
            ]
    if missing:
        raise UserError(f"{where} lacks {', '.join(missing)}; correct `files`")
    return files
