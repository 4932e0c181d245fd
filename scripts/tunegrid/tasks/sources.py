"""Bringing a task's files: from the data root, a package, a hub's repository or the web."""

import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tunegrid.archives import LISTED, member_names, unpack
from tunegrid.config.task_entry import TaskEntry
from tunegrid.errors import UserError
from tunegrid.files import matching_files, sha256
from tunegrid.hub import download
from tunegrid.packages import package_root
from tunegrid.path_patterns import PathPattern, split_archive
from tunegrid.tasks.source_paths import held_in_part, paths_missing, read_from_root
from tunegrid.tasks.task_file import SplitFiles, TaskFile
from tunegrid.web import bring, link

#: Where members of archives are unpacked, in the folder of a fetch.
UNPACKED = ".unpacked"


@dataclass(frozen=True)
class BroughtTask:
    """A task's files, and where they are from.

    Attributes:
        files: of each split, or of `all`.
        archives: those that some of the files are in.
        names: of every file and archive, its path below the folder that the source is, through an
            archive if it is in one.
        root: that folder, if it is the user's or a package's; None if the files were downloaded.
        commit: the commit that the revision stood for, of a repository.
    """

    files: SplitFiles
    archives: Sequence[Path]
    names: Mapping[Path, str]
    root: Path | None
    commit: str | None = None

    def public_name(self, path: Path) -> str:
        """A file or an archive as people find it again: if it was downloaded, by its name."""
        return self.names[path] if self.root is None else str(self.root / self.names[path])


def bring_task(
    name: str, entry: TaskEntry, root: Path | None, folder: Path, store: Path
) -> BroughtTask:
    """The files of a task, from wherever its entry says.

    Args:
        name: the task's name, for messages.
        entry: its catalogue entry.
        root: the data root; None if the configuration names none.
        folder: that downloaded files, and members of archives, are put into.
        store: of what has come from the web, by checksum.

    Raises:
        UserError: the files cannot be had, or are not as the entry says.
    """
    try:
        if entry.hub:
            repository, revision = entry.hub.repository, entry.hub.revision
            commit = download(repository, revision, entry.source_paths(), folder, kind="dataset")
            return _Place(f"{repository} at {revision}", folder, folder).task(entry, None, commit)
        if entry.url and not read_from_root(entry, root):
            _download_addresses(entry, root, folder, store)
            return _Place("what came", folder, folder).task(entry, None)
    except UserError as error:
        raise _of_task(name, error) from None
    brought = _local_task(name, entry, root, folder)
    _warn_of_other_bytes(name, entry, brought)
    return brought


def _warn_of_other_bytes(name: str, entry: TaskEntry, brought: BroughtTask) -> None:
    """Say it where a file of the data root is not the one that the entry's address would bring."""
    for path, file_name in brought.names.items():
        expected = (entry.url or {}).get(file_name)
        if expected and sha256(path) != expected.sha256:
            logging.warning(
                "task %r: %s is another file than %s, whose SHA-256 is %s; it is taken",
                name,
                path,
                expected.address,
                expected.sha256,
            )


def task_files(
    name: str, entry: TaskEntry, root: Path | None, folder: Path | None = None
) -> SplitFiles:
    """The files of each split of a task that lies on this machine.

    Args:
        name: the task's name, for messages.
        entry: its catalogue entry.
        root: the data root, for a task that no package carries.
        folder: that members of archives are put into; None if there are no archives.

    Raises:
        UserError: they are in a package that is not there, no data root is given, or it lacks some.
    """
    return _local_task(name, entry, root, folder).files


def _local_task(name: str, entry: TaskEntry, root: Path | None, folder: Path | None) -> BroughtTask:
    if root is None and not entry.package:
        raise UserError(
            f"data_root: is not set, and task {name!r} is read from files; set it to the folder"
            f" that holds {', '.join(entry.source_paths())}"
        )
    try:
        where = f"package {entry.package.name}" if entry.package else str(root)
        home = package_root(entry.package) if entry.package else Path(str(root))
        return _Place(where, home, folder).task(entry, home)
    except UserError as error:
        raise _of_task(name, error) from None


def _of_task(name: str, error: UserError) -> UserError:
    return UserError(*(f"task {name!r}: {problem}" for problem in error.problems))


def _download_addresses(entry: TaskEntry, root: Path | None, folder: Path, store: Path) -> None:
    """Download the files of a task's addresses into a folder."""
    if root is not None and held_in_part(entry, root):
        raise UserError(
            f"{root} lacks {', '.join(paths_missing(entry, root))}, and holds other files of the"
            " task; complete them, or take them away and all are downloaded"
        )
    paths = entry.source_paths()
    wanted = [PathPattern(path) for path in paths]
    for path, file in (entry.url or {}).items():
        if any(pattern.matches(path) for pattern in wanted):
            try:
                link(bring(file, store), folder / path)
            except UserError as error:
                raise UserError(
                    f"{error}; or bring the files yourself, and name the folder that holds"
                    f" {', '.join(paths)} as data_root"
                ) from None


@dataclass
class _Place:
    """A folder in which a task's files are looked for.

    Attributes:
        where: what messages call it.
        root: the folder.
        folder: that members of archives are unpacked into.
        archives: those that were entered.
        names: of every file and archive that was found, its path below the root.
        missing: the paths that stand for no file, by the key that names them.
        problems: what else was wrong, one line each.
    """

    where: str
    root: Path
    folder: Path | None
    archives: list[Path] = field(default_factory=list)
    names: dict[Path, str] = field(default_factory=dict)
    missing: dict[str, list[str]] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    def task(self, entry: TaskEntry, root: Path | None, commit: str | None = None) -> BroughtTask:
        """The files of each split.

        Raises:
            UserError: some are not there, or have labels that the entry does not know.
        """
        further = {name: self._one(path, "also") for name, path in (entry.also or {}).items()}
        also = {name: path for name, path in further.items() if path is not None}
        files: dict[str, list[TaskFile]] = {}
        for split in entry.files:
            files[split] = self._split(entry, split, also)
        lacking = [
            f"{self.where} lacks {', '.join(dict.fromkeys(paths))}; correct `{key}`"
            for key, paths in self.missing.items()
        ]
        if lacking or self.problems:
            raise UserError(*lacking, *self.problems)
        archives = list(dict.fromkeys(self.archives))
        return BroughtTask(files, archives, self.names, root, commit)

    def _split(self, entry: TaskEntry, split: str, also: Mapping[str, Path]) -> list[TaskFile]:
        own = entry.of_split(split)
        path_of_labels = (entry.label_files or {}).get(split)  # type: ignore[call-overload]
        label_file = self._one(path_of_labels, "label_files") if path_of_labels else None
        files = []
        for path, label, test_split in entry.file_patterns()[split]:
            pattern = PathPattern(path)
            files += [
                TaskFile(
                    path=found,
                    entry=own,
                    label=pattern.label_in(self.names[found]) if label is None else label,
                    label_file=label_file,
                    also=also,
                    test_split=test_split,
                    name=self.names[found],
                )
                for found in self._found(path, "files")
            ]
        self._check(files, split)
        return files

    def _check(self, files: list[TaskFile], split: str) -> None:
        """Note what is wrong with the files of a split."""
        first_of = {file.label: file for file in reversed(files) if file.label is not None}
        for label, file in first_of.items():
            if not file.entry.knows(label):
                known = ", ".join(file.entry.label_names or [])
                self.problems.append(
                    f"{self.where}: {file.name}: {label!r} of its path is no label; known: {known};"
                    " correct `files`, or name it in `labels`, `values` or `drop: {labels: […]}`"
                )
        times = Counter(file.name for file in files)
        if repeated := [name for name in times if times[name] > 1]:
            self.problems.append(
                f"{self.where}: `files` names {', '.join(repeated)} twice for {split}; name it once"
            )
        if len(files) > 1 and files[0].label_file:
            self.problems.append(
                f"{self.where}: {split} has {len(files)} files and one of `label_files`; name one"
                " file of texts for each split"
            )

    def _one(self, path: str, key: str) -> Path | None:
        """The one file that a path names; None if it is not one, which is noted."""
        found = self._found(path, key)
        if len(found) > 1:
            self.problems.append(
                f"{self.where}: {path} stands for {len(found)} files; name one in `{key}`"
            )
        return found[0] if len(found) == 1 else None

    def _found(self, path: str, key: str) -> list[Path]:
        """The files that a path stands for, in the order of their names."""
        outer, inner = split_archive(path)
        found = matching_files(self.root, outer)
        self.names |= {one: one.relative_to(self.root).as_posix() for one in found}
        if not found:
            self.missing.setdefault(key, []).append(outer)
        return found if inner is None else self._unpacked(found, inner, key)

    def _unpacked(self, archives: Sequence[Path], inner: str, key: str) -> list[Path]:
        """The members of archives that a path in there stands for, unpacked."""
        if self.folder is None:
            raise ValueError(f"{inner} is in an archive, and no folder is given to unpack it into")
        unpacked = []
        for archive in archives:
            name = self.names[archive]
            target = self.folder / UNPACKED / name
            members = {target / one: f"{name}/{one}" for one in unpack(archive, inner, target)}
            self.names |= members
            unpacked += list(members)
        self.archives += archives
        if archives and not unpacked:
            self.problems.append(_no_member(archives[0], inner, key))
        return unpacked


def _no_member(archive: Path, inner: str, key: str) -> str:
    names = member_names(archive)
    more = f" and {len(names) - LISTED} more" if len(names) > LISTED else ""
    return f"{archive} lacks {inner}; it holds {', '.join(names[:LISTED])}{more}; correct `{key}`"
