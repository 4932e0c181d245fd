"""Writing files whole or not at all, and telling what is in them."""

import hashlib
import json
import math
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tunegrid.path_patterns import PathPattern


@contextmanager
def atomic_path(path: Path | str) -> Iterator[Path]:
    """A temporary path beside `path` that takes its place when the block ends well.

    A reader therefore sees the old file or the whole new one, never a half. The file is flushed
    to disk before the rename. After an exception the temporary file is gone and `path` untouched.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=path.suffix)
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        with temporary.open("rb") as written:
            os.fsync(written.fileno())
        # mkstemp makes files private; results are to be read by colleagues as umask says.
        umask = os.umask(0)
        os.umask(umask)
        temporary.chmod(0o666 & ~umask)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def write_text(path: Path | str, text: str) -> None:
    """Write `text` to `path` atomically, as UTF-8."""
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path: Path | str, value: Any) -> None:
    """Write `value` to `path` atomically as indented JSON, a number that is not finite as null.

    JSON has no NaN, and readers outside Python refuse it.
    """
    write_text(path, json.dumps(_finite(value), indent=2, allow_nan=False) + "\n")


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return value


def make_older_than_inputs(path: Path | str) -> None:
    """Give a file a time before that of all it was made from: the next start makes it again.

    Where removing it would fail other jobs, or take away what may still be looked at.
    """
    os.utime(path, (1, 1))


def read_json(path: Path | str) -> Any:
    """The JSON value in the file `path`."""
    return json.loads(Path(path).read_text(encoding="utf-8"))


def read_json_lines(path: Path) -> Iterator[Any]:
    """The JSON value of each line in the file `path`.

    What is no JSON is left out: empty lines, and those that a full disk or a kill has cut.
    """
    for text in path.read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            yield json.loads(text)
        except json.JSONDecodeError:
            continue


def canonical_json(value: Any) -> str:
    """`value` as the one JSON text that equal values share: sorted keys, no spaces."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)


def digest(text: str, length: int = 12) -> str:
    """The first `length` hexadecimal digits of the SHA-256 of `text`."""
    return hashlib.sha256(text.encode()).hexdigest()[:length]


def sha256(path: Path | str) -> str:
    """The SHA-256 of a file's bytes, in hexadecimal."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def matching_files(root: Path, pattern: str) -> list[Path]:
    """The files below `root` that `pattern` names, sorted: a file, a folder's, or those of a glob.

    Of a folder all files below it; hidden ones are never taken. `{label}` stands for any name, also
    of a folder.
    """
    path = root / pattern
    if path.is_file():
        return [path]
    wanted = PathPattern(pattern)
    found = [path] if path.is_dir() else list(root.glob(wanted.glob))
    if not wanted.has_wildcards:
        found += [below for path in found if path.is_dir() for below in path.rglob("*")]
    return sorted(
        path
        for path in found
        if path.is_file() and not any(part.startswith(".") for part in path.relative_to(root).parts)
    )
