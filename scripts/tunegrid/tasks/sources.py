"""Where the files of a task lie: under the data root, in a package, or in a hub's repository."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from tunegrid.config.catalogue import TaskEntry
from tunegrid.errors import UserError
from tunegrid.files import matching_files
from tunegrid.hub import download
from tunegrid.packages import package_file

#: The files of each split, or of `all`; each has one at least.
SplitFiles = Mapping[str, Sequence[Path]]


def task_files(name: str, entry: TaskEntry, root: Path | None) -> dict[str, list[Path]]:
    """The files of each split of a task that no hub holds.

    Args:
        name: the task's name, for messages.
        entry: its catalogue entry, without `hub`.
        root: the data root, for a task that no package carries.

    Raises:
        UserError: they are in a package that is not there, no data root is given, or it lacks some.
    """
    if entry.package:
        return {split: [package_file(entry.package, path)] for split, path in entry.files.items()}
    if root is None:
        raise UserError(
            f"data_root: is not set, and task {name!r} is read from files; set it to the folder"
            f" that holds {', '.join(entry.files.values())}"
        )
    return _find(f"task {name!r}: {root}", entry, root)


def download_task(name: str, entry: TaskEntry, folder: Path) -> tuple[dict[str, list[Path]], str]:
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
    wanted = [pattern for path in entry.files.values() for pattern in (path, f"{path}/*")]
    try:
        commit = download(repository, revision, wanted, folder, kind="dataset")
    except UserError as error:
        raise UserError(f"task {name!r}: {error}") from None
    return _find(f"task {name!r}: {repository} at {revision}", entry, folder), commit


def _find(where: str, entry: TaskEntry, root: Path) -> dict[str, list[Path]]:
    """The files of each split below `root`; `where` says in a message what it is."""
    files: dict[str, list[Path]] = {
        split: matching_files(root, path) for split, path in entry.files.items()
    }
    missing = [path for split, path in entry.files.items() if not files[split]]
    if missing:
        raise UserError(f"{where} lacks {', '.join(missing)}; correct `files`")
    return files
