"""Where snapshots of configurations lie, and which start of the workflow has read which.

What a snapshot is, `tunegrid.planning.snapshot` says. Nothing here takes long to import.
"""

import json
from dataclasses import dataclass
from pathlib import Path

#: The folder of the snapshots, below the working directory.
FOLDER = Path("results/.plans")
#: The file in it that says which start has read which snapshot, a line of JSON each.
STARTS = FOLDER / "starts.jsonl"


@dataclass(frozen=True)
class Start:
    """One start of the workflow that has run jobs.

    Attributes:
        began: when, in this machine's time, as ISO 8601.
        snapshot: the digest that names its snapshot.
    """

    began: str
    snapshot: str

    @property
    def path(self) -> Path:
        """The file of its snapshot."""
        return snapshot_path(self.snapshot)


def snapshot_path(name: str) -> Path:
    """The file of the snapshot of this digest."""
    return FOLDER / f"{name}.json"


def is_snapshot(path: Path | str) -> bool:
    """Whether a configuration file is a snapshot: it then holds all catalogue entries."""
    path = Path(path)
    return path.parent.name == FOLDER.name and path.suffix == ".json"


def last_start(folder: Path = Path()) -> Start | None:
    """The last start in a working directory; None where there was none."""
    path = folder / STARTS
    if not path.is_file():
        return None
    for line in reversed(path.read_text(encoding="utf-8").splitlines()):
        try:
            return Start(**json.loads(line))
        except (ValueError, TypeError):  # a full disk may have cut a line
            continue
    return None
