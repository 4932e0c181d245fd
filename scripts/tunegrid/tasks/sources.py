"""Where the files of a task lie: under the data root, in a package, or in a hub's repository."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tunegrid.errors import UserError
from tunegrid.files import matching_files
from tunegrid.hub import download
from tunegrid.packages import package_file

#: The files of each split, or of `all`; each has one at least.
SplitFiles = Mapping[str, Sequence[Path]]


def task_files(name: str, entry: dict[str, Any], root: Path | None) -> dict[str, list[Path]]:
    """The files of each split of a task that no hub holds.

    Args:
        name: the task's name, for messages.
        entry: the catalogue entry (`TaskEntry.settings`).
        root: the data root, for a task that no package carries.

    Raises:
        UserError: they are in a package that is not there, no data root is given, or it lacks some.
    """
    if package := entry.get("package"):
        return {split: [package_file(package, path)] for split, path in entry["files"].items()}
    if root is None:
        raise UserError(
            f"data_root: is not set, and task {name!r} is read from files; set it to the folder"
            f" that holds {', '.join(entry['files'].values())}"
        )
    return _found(f"task {name!r}: {root}", entry, root)


def download_task(
    name: str, entry: dict[str, Any], folder: Path
) -> tuple[dict[str, list[Path]], str]:
    """Download the files of a task of the hub.

    Args:
        name: the task's name, for messages.
        entry: the catalogue entry (`TaskEntry.settings`), with `hub`.
        folder: that they are put into.

    Returns:
        The files of each split, and the commit that the revision stood for.

    Raises:
        UserError: as of `download`, or the repository has no such file.
    """
    repository, revision = entry["hub"]["repository"], entry["hub"]["revision"]
    wanted = [pattern for path in entry["files"].values() for pattern in (path, f"{path}/*")]
    try:
        commit = download(repository, revision, wanted, folder, kind="dataset")
    except UserError as error:
        raise UserError(f"task {name!r}: {error}") from None
    return _found(f"task {name!r}: {repository} at {revision}", entry, folder), commit


def _found(where: str, entry: dict[str, Any], root: Path) -> dict[str, list[Path]]:
    files = {split: matching_files(root, path) for split, path in entry["files"].items()}
    if missing := [entry["files"][split] for split, paths in files.items() if not paths]:
        raise UserError(f"{where} lacks {', '.join(missing)}; correct `files`")
    return files
