"""The files that are tried: what their names tell of splits and labels."""

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from tunegrid.archives import unpack
from tunegrid.errors import UserError

#: Words in names of files and folders, and of a column's values → the split that they mean.
SPLIT_WORDS = {
    "train": "train",
    "training": "train",
    "dev": "dev",
    "devel": "dev",
    "development": "dev",
    "valid": "dev",
    "val": "dev",
    "validation": "dev",
    "test": "test",
    "testing": "test",
    "eval": "test",
}
#: Files that go with data and hold none.
BESIDE = re.compile(r"(?i)readme|licen[cs]e|changelog|dataset_info|\.(md|pdf|html?|py|png|sh|bib)$")


@dataclass(frozen=True)
class FoundFile:
    """A file that is tried.

    Attributes:
        path: where it can be read; of a member of an archive, where that was unpacked.
        name: as `files` names it, below the data root.
        split: that its name tells; None if it tells none.
    """

    path: Path
    name: str
    split: str | None

    @property
    def folder(self) -> str:
        """The name of the folder that it lies in; empty at the top."""
        return Path(self.name).parent.name


def find_files(
    paths: Sequence[Path], splits: Sequence[str], unpacked: Path
) -> tuple[Path, list[FoundFile]]:
    """The data root, and all files that hold data.

    Args:
        paths: files, folders or zip archives.
        splits: the split of each of the paths; empty where their names are to tell.
        unpacked: a folder for what archives hold.

    Raises:
        UserError: one is not there, or nothing that may hold data is in them.
    """
    if splits and len(splits) != len(paths):
        raise UserError(
            f"--split: {len(splits)} of them for {len(paths)} files; give one for each --file, in"
            " their order"
        )
    for path in paths:
        if not path.exists():
            raise UserError(f"--file: {path} is not there")
    homes = [path if path.is_dir() else path.parent for path in map(Path.absolute, paths)]
    root = Path(os.path.commonpath(homes))
    found = []
    for at, path in enumerate(map(Path.absolute, paths)):
        files = list(_files_of(path, root, unpacked / str(at)))
        found += [replace(file, split=splits[at]) for file in files] if splits else files
    if not found:
        raise UserError(f"--file: {paths[0]} holds no file that may hold data")
    return root, found


def _files_of(path: Path, root: Path, unpacked: Path) -> Iterator[FoundFile]:
    """A file itself, those of a folder, or those of an archive."""
    name = str(path.relative_to(root))
    if path.is_dir():
        for file in _data_files(path):
            yield _found(file, str(file.relative_to(root)))
    elif path.suffix.lower() == ".zip":
        unpack(path, "**", unpacked)
        for file in _data_files(unpacked):
            yield _found(file, f"{name}/{file.relative_to(unpacked)}")
    else:
        yield _found(path, name)


def _data_files(folder: Path) -> list[Path]:
    return sorted(
        path
        for path in folder.rglob("*")
        if path.is_file()
        and not any(part.startswith((".", "__MACOSX")) for part in path.relative_to(folder).parts)
        and not BESIDE.search(path.name)
    )


def _found(path: Path, name: str) -> FoundFile:
    """The file with the split that its name, or its folder's, tells."""
    for part in reversed(Path(name).parts):
        for word in re.findall(r"[a-z]+", part.lower()):
            if word in SPLIT_WORDS:
                return FoundFile(path, name, SPLIT_WORDS[word])
    return FoundFile(path, name, None)
