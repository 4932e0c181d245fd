"""Commands that stand in for those of Slurm, as scripts of the shell."""

from pathlib import Path


def write_command(folder: Path, name: str, script: str) -> None:
    """Write a command into a folder, which a test puts first on its PATH.

    Args:
        folder: an existing folder.
        name: the command's name.
        script: what it does, for `sh`.
    """
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
