"""Archives of every kind, made of files by their paths."""

import io
import tarfile
import zipfile
from collections.abc import Mapping
from pathlib import Path

#: Endings of names that archives have.
ENDINGS = [".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz"]


def pack(path: Path, files: Mapping[str, bytes]) -> Path:
    """Write an archive of the kind that its name says, in any case."""
    path.parent.mkdir(parents=True, exist_ok=True)
    name = path.name.lower()
    if name.endswith(".zip"):
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for member, content in files.items():
                archive.writestr(member, content)
        return path
    kind = {"tgz": "gz", "gz": "gz", "bz2": "bz2", "xz": "xz"}.get(name.rsplit(".", 1)[1], "")
    with tarfile.open(path, f"w:{kind}") as archive:
        for member, content in files.items():
            info = tarfile.TarInfo(member)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return path
