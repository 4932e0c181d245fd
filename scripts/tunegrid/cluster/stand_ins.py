"""Programs that stand before Slurm's own on the PATH, and where Slurm's configuration is.

They are shell scripts below `profiles/slurm/bin`, for the head process, for its jobs, and for head
processes of clusters without accounting. Each says what it is for.
"""

import os
from pathlib import Path

from tunegrid.paths import ROOT

_FOLDER = ROOT / "profiles/slurm/bin"
#: What the head process finds, and its jobs do not.
FOR_HEAD = _FOLDER / "head"
#: What jobs find, which inherit the head process' PATH.
FOR_JOBS = _FOLDER / "jobs"
#: What the head process finds on a cluster without accounting.
WITHOUT_ACCOUNTING = _FOLDER / "without-accounting"

#: The variable that keeps the value of SLURM_CONF for the stand-in of `srun`.
KEPT_CONFIGURATION = "TUNEGRID_SLURM_CONF"


def put_first_on_path(folder: Path) -> None:
    """Let this process and its children look for programs in a folder first."""
    os.environ["PATH"] = f"{folder}{os.pathsep}{os.environ['PATH']}"


def path_without(folder: Path) -> str:
    """The PATH without a folder."""
    kept = [
        entry
        for entry in os.environ["PATH"].split(os.pathsep)
        if Path(entry).resolve() != folder.resolve()
    ]
    return os.pathsep.join(kept)


def keep_slurm_configuration() -> None:
    """Keep where Slurm's configuration is, for the case that the environment alone says so.

    Snakemake's plugins drop SLURM_CONF: that of jobs from the environment of `srun`, and that of
    the head process from its own, where it runs inside of a job. To be called before they start.
    """
    if "SLURM_CONF" in os.environ:
        os.environ.setdefault(KEPT_CONFIGURATION, os.environ["SLURM_CONF"])


def restore_slurm_configuration() -> None:
    """Set SLURM_CONF in this process to what was kept."""
    if kept := os.environ.get(KEPT_CONFIGURATION):
        os.environ["SLURM_CONF"] = kept
