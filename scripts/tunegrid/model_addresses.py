"""A model's files from addresses: each by its name, or all in an archive."""

import posixpath
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tunegrid.archives import LISTED, member_names, unpack_all
from tunegrid.config.catalogue import ModelEntry
from tunegrid.errors import UserError
from tunegrid.path_patterns import PathPattern, split_archive
from tunegrid.web import bring, link

#: The file that a model's folder is told by.
CONFIG = "config.json"


def bring_model(entry: ModelEntry, patterns: Sequence[str], output: Path, store: Path) -> None:
    """Put the files of a model that match into a folder.

    Args:
        entry: the model's catalogue entry, with `url`; its `folder`, if it names one, is where the
            files lie in the archive, or the begin of their names.
        patterns: of the files' names.
        output: folder to fill.
        store: of what has come from the web, by checksum.

    Raises:
        UserError: a file cannot be had, or an archive does not hold the model where it is looked
            for; one line.
    """
    inside = posixpath.normpath(entry.folder or ".")
    for path, file in (entry.url or {}).items():
        if _is_archive(path):
            _unpack_model(bring(file, store), Path(path).name, inside, patterns, output)
        elif _is_meant(path, inside, patterns):
            link(bring(file, store), output / posixpath.basename(path))


def refuse_unused(entry: ModelEntry, patterns: Sequence[str]) -> None:
    """Refuse an entry with an address of a file that no model folder takes.

    Raises:
        UserError: one line with the files.
    """
    inside = posixpath.normpath(entry.folder or ".")
    unused = [
        path
        for path in entry.url or {}
        if not _is_archive(path) and not _is_meant(path, inside, patterns)
    ]
    if unused:
        raise UserError(
            f"`url` names {', '.join(unused)}, which is no config.json, weights or tokenizer file"
            f" of the folder {inside}; take it out, or correct its name or `folder`"
        )


def _is_archive(path: str) -> bool:
    return split_archive(path)[1] is not None


def _is_meant(path: str, inside: str, patterns: Sequence[str]) -> bool:
    """Whether a file of its own lies in the model's folder and has a name of the patterns."""
    folder, name = posixpath.split(posixpath.normpath(path))
    return (folder or ".") == inside and any(PathPattern(one).matches(name) for one in patterns)


def _unpack_model(
    kept: Path, name: str, inside: str, patterns: Sequence[str], output: Path
) -> None:
    """Unpack the model's files; the store's name of the archive does not tell its kind."""
    with tempfile.TemporaryDirectory(dir=output.parent, prefix=".unpacking-") as folder:
        archive = Path(folder, name)
        link(kept, archive)
        _refuse_other_folder(archive, inside)
        wanted = [one if inside == "." else f"{inside}/{one}" for one in patterns]
        for member in unpack_all(archive, wanted, Path(folder, "members")):
            Path(folder, "members", member).replace(output / Path(member).name)


def _refuse_other_folder(archive: Path, inside: str) -> None:
    """Refuse an archive whose model lies elsewhere, with where it lies."""
    folders = [
        posixpath.dirname(name) or "."
        for name in member_names(archive)
        if posixpath.basename(name) == CONFIG
    ]
    if inside in folders:
        return
    if not folders:
        raise UserError(f"{archive.name} holds no {CONFIG}; name the archive of a model")
    listed = ", ".join(folders[:LISTED])
    more = f" and {len(folders) - LISTED} more" if len(folders) > LISTED else ""
    raise UserError(
        f"{archive.name} holds no {CONFIG} in the folder {inside}, but in {listed}{more}; name it"
        " as `folder`"
    )
