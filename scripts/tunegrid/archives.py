"""Members of archives: found by their paths, and unpacked one by one, never outside a folder.

Only regular files are unpacked. What matches and is a link, a device, or named outside the folder
is refused, as tarfile's data filter refuses it
(https://docs.python.org/3/library/tarfile.html#tarfile.data_filter), and so is what an archive says
to hold so much more than it is large that it must be meant to fill the disk. zipfile and tarfile
never read more of a member than its size as the archive says it.
"""

import lzma
import posixpath
import shutil
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import humanfriendly

from tunegrid.errors import UserError
from tunegrid.path_patterns import PathPattern

#: So many times an archive's size its members may have; texts pack to about a tenth.
MOST_TIMES = 200
#: Members of so many bytes in all are unpacked whatever the archive's size.
HARMLESS = 100_000_000
#: How many members a message lists.
LISTED = 5
#: Files beside the data, by the begin of their names in lower case.
BESIDE = ("readme", "license", "licence", "copying", "notice", "changelog", "citation")
#: What unpacking raises where an archive is damaged, or cut short.
DAMAGES = (zipfile.BadZipFile, tarfile.TarError, EOFError, lzma.LZMAError, zlib.error)


@dataclass(frozen=True)
class _Member:
    """A member of an archive.

    Attributes:
        name: its path in the archive, with one slash between its parts.
        size: in bytes, as the archive says it.
        refusal: why it cannot be unpacked; None if it can.
        open: opens it for reading, while the archive is open.
    """

    name: str
    size: int
    refusal: str | None
    open: Callable[[], IO[bytes]]


def unpack(archive: Path, path: str, folder: Path) -> list[str]:
    """Unpack the members that a path stands for.

    Args:
        archive: a .zip or .tar file, also compressed.
        path: of members, as `PathPattern` has it; empty: the only member that holds data. Hidden
            files, __MACOSX and files such as README hold none.
        folder: that they are unpacked into, below their paths in the archive.

    Returns:
        The members' paths, sorted as paths are; none if nothing matches.

    Raises:
        UserError: the archive is damaged, encrypted or packed in an unknown way, holds several
            files where the path names none of them, or a member cannot be unpacked safely.
    """
    with _opened(archive) as members:
        wanted = _matching(members, path) if path else [_only(archive, members)]
        return _unpack_members(archive, wanted, folder)


def unpack_all(archive: Path, paths: Sequence[str], folder: Path) -> list[str]:
    """Unpack the members that some of the paths stand for, reading the archive once.

    Args:
        archive: as of `unpack`.
        paths: of members, as of `unpack`, but none empty.
        folder: as of `unpack`.

    Returns:
        As `unpack`, each member once.

    Raises:
        UserError: as `unpack`.
    """
    with _opened(archive) as members:
        meant = {id(member) for path in paths for member in _matching(members, path)}
        wanted = [member for member in members if id(member) in meant]
        return _unpack_members(archive, wanted, folder)


def _unpack_members(archive: Path, wanted: Sequence[_Member], folder: Path) -> list[str]:
    """Unpack these members of an open archive; returns their paths, sorted as paths are."""
    _refuse_unsafe(archive, wanted)
    for member in wanted:
        target = folder / member.name
        target.parent.mkdir(parents=True, exist_ok=True)
        with member.open() as source, target.open("wb") as copy:
            shutil.copyfileobj(source, copy)
        if target.stat().st_size != member.size:
            raise UserError(_damaged(archive))
    return sorted((member.name for member in wanted), key=lambda name: name.split("/"))


def member_names(archive: Path) -> list[str]:
    """The paths of all files in an archive, in its order.

    Raises:
        UserError: it is damaged or cut short.
    """
    with _opened(archive) as members:
        return [member.name for member in members]


def _matching(members: list[_Member], path: str) -> list[_Member]:
    exact = [member for member in members if member.name == path]
    pattern = PathPattern(path)
    return exact or [
        member
        for member in members
        if pattern.matches(member.name) and "__MACOSX" not in member.name.split("/")
    ]


def _only(archive: Path, members: list[_Member]) -> _Member:
    """The only member that holds data."""
    found = [member for member in members if _holds_data(member.name)]
    if len(found) == 1:
        return found[0]
    if not found:
        raise UserError(f"{archive}: holds no file; name an archive that does")
    listed = ", ".join(member.name for member in found[:LISTED])
    more = f" and {len(found) - LISTED} more" if len(found) > LISTED else ""
    raise UserError(
        f"{archive}: holds {len(found)} files, {listed}{more}; name those that are meant as"
        f" `{archive.name}/{found[0].name}`, a folder, or a pattern"
    )


def _holds_data(name: str) -> bool:
    parts = name.split("/")
    is_hidden = any(part.startswith(".") or part == "__MACOSX" for part in parts)
    return not is_hidden and not parts[-1].lower().startswith(BESIDE)


def _refuse_unsafe(archive: Path, members: Sequence[_Member]) -> None:
    names = set()
    for member in members:
        if member.refusal:
            raise UserError(f"{archive}: {member.name} {member.refusal}")
        if member.name in names:
            raise UserError(
                f"{archive}: holds {member.name} twice; unpack it, and name the right file"
            )
        names.add(member.name)
    total = sum(member.size for member in members)
    if total > max(HARMLESS, MOST_TIMES * archive.stat().st_size):
        size = humanfriendly.format_size(total)
        raise UserError(
            f"{archive}: unpacks to {size}, more than {MOST_TIMES} times its own size; if that is"
            " right, unpack it yourself and name the files"
        )


@contextmanager
def _opened(archive: Path) -> Iterator[list[_Member]]:
    """The members of an archive, which can be opened within the block."""
    is_zip = archive.name.lower().endswith(".zip")
    try:
        if is_zip:
            with zipfile.ZipFile(archive) as file:
                yield [_in_zip(file, info) for info in file.infolist() if not info.is_dir()]
        else:
            with tarfile.open(archive) as tar:
                members = [_in_tar(tar, info) for info in tar.getmembers() if not info.isdir()]
                _refuse_cut(tar)
                yield members
    except DAMAGES:
        raise UserError(_damaged(archive)) from None
    except NotImplementedError:
        raise UserError(
            f"{archive}: is packed in a way that Python cannot unpack; pack it again as plain .zip"
            " or .tar.gz, or unpack it and name the files"
        ) from None
    except OSError as error:
        # bz2 says so that data are damaged, without a number of an error.
        if error.errno is None:
            raise UserError(_damaged(archive)) from None
        raise UserError(f"{archive}: cannot be unpacked: {error.strerror}") from None


def _refuse_cut(tar: tarfile.TarFile) -> None:
    """Refuse an archive that ends behind a member; blocks of zeros must follow the last one.

    (https://pubs.opengroup.org/onlinepubs/9799919799/utilities/pax.html, ustar Interchange Format)
    """
    if tar.fileobj is not None:
        tar.fileobj.seek(tar.offset)
        if not tar.fileobj.read(1):
            raise tarfile.ReadError("nothing follows the last member")


def _damaged(archive: Path) -> str:
    return f"{archive}: is damaged or cut short, or no archive; fetch it again"


def _in_zip(file: zipfile.ZipFile, info: zipfile.ZipInfo) -> _Member:
    refusal = _leaves(info.filename)
    if info.flag_bits & 0x1:  # the bit that says so (APPNOTE.TXT, section 4.4.4)
        refusal = "is encrypted; unpack it with its password, and name the files"
    elif stat.S_ISLNK(info.external_attr >> 16):
        refusal = "is a link and no file; name the file that it leads to"
    return _Member(_plain(info.filename), info.file_size, refusal, lambda: file.open(info))


def _in_tar(tar: tarfile.TarFile, info: tarfile.TarInfo) -> _Member:
    refusal = _leaves(info.name)
    if info.islnk() or info.issym():
        refusal = "is a link and no file; name the file that it leads to"
    elif not info.isfile():
        refusal = "is no file but a device; leave it out of `files`"

    def open_member() -> IO[bytes]:
        stream = tar.extractfile(info)
        if stream is None:
            raise tarfile.ReadError(f"{info.name} is no file")
        return stream

    return _Member(_plain(info.name), info.size, refusal, open_member)


def _plain(name: str) -> str:
    """A member's name without `./` and doubled slashes."""
    return posixpath.normpath(name)


def _leaves(name: str) -> str | None:
    """Why a name is refused that leads out of the folder that is unpacked into."""
    if name.startswith("/") or "\\" in name or ".." in name.split("/") or "\0" in name:
        return "is named outside of the archive; unpack it yourself and name the files"
    return None
