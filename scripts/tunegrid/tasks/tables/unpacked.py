"""Binary files as libraries open them, unpacked where they are compressed."""

import io
from pathlib import Path

from tunegrid.tasks.readers.example import OPENERS, read_bytes


def unpacked(path: Path) -> Path | io.BytesIO:
    """The file itself, or its bytes if its name says that it is compressed.

    Raises:
        UserError: it is damaged.
    """
    return io.BytesIO(read_bytes(path)) if path.suffix.lower() in OPENERS else path
