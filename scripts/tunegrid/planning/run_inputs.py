"""Which files of runs a rule waits for."""

import os
from collections.abc import Iterable
from contextlib import suppress

from tunegrid.results import RUN_FILES, TRAINING


def files_to_wait_for(folders: Iterable[str]) -> list[str]:
    """Name the files that a rule needs as inputs in order to read all files of these runs.

    One of each run is enough, that which is written last: planning takes time and memory for each
    input, and grids have thousands of runs. Of a finished run that lacks another file, which
    somebody must have deleted, that file is named, too, so that the run is made again.

    Args:
        folders: the runs' folders; they need not be there.
    """
    files = []
    for folder in folders:
        files.append(f"{folder}/{TRAINING}")
        with suppress(FileNotFoundError):
            present = {entry.name for entry in os.scandir(folder)}
            if TRAINING in present:
                files += [f"{folder}/{name}" for name in RUN_FILES if name not in present]
    return files
