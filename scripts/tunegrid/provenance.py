"""What made a result: settings, code, data, versions, machine."""

import importlib.metadata
import os
import platform
import socket
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tunegrid.paths import SCRIPTS

#: The libraries whose version can change a number.
LIBRARIES = (
    "torch",
    "transformers",
    "adapters",
    "peft",
    "accelerate",
    "datasets",
    "tokenizers",
    "numpy",
    "scipy",
    "scikit-learn",
    "pandas",
)


def provenance(program: str, code: str) -> dict[str, Any]:
    """What is known of the running program: commit, code, versions, host, Slurm job, start.

    Call it first: the code on disk may have changed by the time a run ends.

    Args:
        program: the name of the program under `scripts/`.
        code: the digest of the code that decides its result (`tunegrid.staleness`).
    """
    return {
        "program": program,
        "code": code,
        "git": git_state(),
        "python": platform.python_version(),
        "versions": library_versions(),
        "host": socket.gethostname(),
        "platform": platform.platform(),
        "hub_offline": os.environ.get("HF_HUB_OFFLINE") == "1",
        "slurm_job": os.environ.get("SLURM_JOB_ID"),
        "command": [Path(sys.argv[0]).name, *sys.argv[1:]],
        "started": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def git_state() -> dict[str, Any]:
    """`commit` of the workflow's checkout, and whether tracked files are changed (`dirty`).

    Both null where there is no git or no checkout.
    """
    commit = _git("rev-parse", "HEAD")
    status = _git("status", "--porcelain", "--untracked-files=no")
    return {"commit": commit or None, "dirty": None if status is None else bool(status)}


def _git(*arguments: str) -> str | None:
    try:
        run = subprocess.run(
            ["git", "-C", str(SCRIPTS), *arguments],
            capture_output=True, text=True, timeout=30, check=True,
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError):
        return None
    return run.stdout.strip()


def library_versions() -> dict[str, str | None]:
    """The installed versions of the libraries that decide results, by name; None: not installed."""
    return {name: installed_version(name) for name in LIBRARIES}


def installed_version(name: str) -> str | None:
    """The version of an installed package; None where there is none."""
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None
