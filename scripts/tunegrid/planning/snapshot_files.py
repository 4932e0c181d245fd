"""Where snapshots of configurations lie, and which start of the workflow has read which.

What a snapshot is, `tunegrid.planning.snapshot` says. Nothing here takes long to import.
"""

from dataclasses import dataclass
from pathlib import Path

from tunegrid.files import read_json_lines

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
        name: of the configuration; None where it has none.
    """

    began: str
    snapshot: str
    name: str | None = None

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


def last_start(name: str | None, folder: Path = Path()) -> Start | None:
    """The last start of the configuration of this name in a working directory; None: there is none.

    Args:
        name: of the configuration; None: one without a name.
        folder: the working directory.
    """
    return next((start for start in last_starts(folder) if start.name == name), None)


def last_starts(folder: Path = Path()) -> list[Start]:
    """The last start of each configuration in a working directory, the newest first."""
    path = folder / STARTS
    if not path.is_file():
        return []
    last: dict[str | None, Start] = {}
    for line in reversed(list(read_json_lines(path))):
        try:
            start = Start(**line)
        except TypeError:  # of another version
            continue
        last.setdefault(start.name, start)
    return list(last.values())
