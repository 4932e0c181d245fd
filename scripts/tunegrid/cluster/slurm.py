"""Asking Slurm: the state of a job, the queue, what partitions offer."""

import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from getpass import getuser
from pathlib import Path

#: Seconds after which a question to a daemon that does not answer is given up.
PATIENCE = 20.0
#: The plugin's job names begin so: `slurm-jobname-prefix` of the profile.
PREFIX = "tunegrid_"
UNLIMITED = ("infinite", "UNLIMITED", "n/a")


def ask(*command: str) -> str | None:
    """What a command of Slurm's prints; None if it fails, is not there or does not answer."""
    try:
        return subprocess.run(
            command, capture_output=True, text=True, timeout=PATIENCE, check=True
        ).stdout
    except (OSError, subprocess.SubprocessError):
        return None


def job_state(number: str) -> str | None:
    """The state of a job as Slurm names it (https://slurm.schedmd.com/squeue.html, job states).

    The controller remembers a job that has ended for its MinJobAge; accounting, if there is any,
    for longer. None: neither knows it.
    """
    if shown := ask("scontrol", "-o", "show", "job", number):
        fields = dict(part.split("=", 1) for part in shown.split() if "=" in part)
        return fields.get("JobState")
    if found := ask("sacct", "-X", "-n", "-P", "-j", number, "-o", "State"):
        return found.split()[0]  # "CANCELLED by 0"
    return None


@dataclass(frozen=True)
class QueuedJob:
    """A job of this user's that has not ended.

    Attributes:
        reason: why it pends.
        folder: the one that it was submitted from.
        comment: the rule and wildcards that Snakemake's plugin writes there.
    """

    number: str
    state: str
    reason: str
    name: str
    folder: str
    comment: str

    @property
    def pending(self) -> bool:
        return self.state == "PENDING"

    @property
    def ending(self) -> bool:
        """Whether it has ended but for what Slurm does after it."""
        return self.state == "COMPLETING"


def queue() -> list[QueuedJob] | None:
    """The user's jobs that have not ended; None if the controller does not answer."""
    shown = ask("squeue", "--me", "-h", "-o", "%i|%T|%r|%j|%Z|%k")
    if shown is None:
        return None
    return [QueuedJob(*line.split("|", 5)) for line in shown.splitlines() if line.count("|") >= 5]


def jobs_of(folder: Path) -> list[QueuedJob]:
    """Those of the queue that the workflow has submitted from `folder`."""
    here = str(folder.resolve())
    return [job for job in queue() or [] if job.name.startswith(PREFIX) and job.folder == here]


def known() -> set[str] | None:
    """All of the user's jobs that the controller knows; None if it does not answer."""
    shown = ask("squeue", "--me", "-h", "--states=all", "-o", "%i")
    return None if shown is None else set(shown.split())


def cancel(jobs: list[QueuedJob]) -> None:
    """Cancel jobs, those that run and those that pend."""
    if jobs:
        ask("scancel", *(job.number for job in jobs))


@dataclass(frozen=True)
class Offer:
    """What one node offers in one partition.

    Attributes:
        minutes: the partition's time limit; None: there is none.
        mem_mb: memory, MB.
        gpus: number of GPUs of each model; "" where it has no name.
    """

    partition: str
    minutes: float | None
    mem_mb: int
    cpus: int
    gpus: dict[str, int]


def offers() -> list[Offer] | None:
    """All that the partitions offer; None if the controller does not answer."""
    shown = ask("sinfo", "-h", "-N", "-o", "%R|%l|%m|%c|%G")
    if shown is None:
        return None
    rows = [line.split("|") for line in shown.splitlines()]
    return [
        Offer(name, minutes(limit), int(memory.rstrip("+")), int(cpus), dict(gpus(generic)))
        for name, limit, memory, cpus, generic in rows
    ]


def minutes(limit: str) -> float | None:
    """A time limit as Slurm prints it ([days-][hours:]minutes:seconds); None: unlimited."""
    if limit in UNLIMITED:
        return None
    days, _, clock = limit.rpartition("-")
    parts = [int(part) for part in clock.split(":")]
    hours, mins, seconds = [0] * (3 - len(parts)) + parts
    return int(days or 0) * 1440 + hours * 60 + mins + seconds / 60


def gpus(generic: str) -> Iterator[tuple[str, int]]:
    """Models and numbers of the GPUs in a list of generic resources: gpu:a100:4(S:0-1),…"""
    for entry in generic.split(","):
        kind, *rest = entry.split("(")[0].split(":")
        if kind == "gpu" and rest:
            model = rest[0] if len(rest) > 1 else ""
            yield model, int(rest[-1])


def setting(name: str) -> str | None:
    """A setting of the cluster's, as `scontrol show config` prints it; None: not to be had."""
    for line in (ask("scontrol", "show", "config") or "").splitlines():
        key, _, value = line.partition("=")
        if key.strip() == name:
            return value.strip()
    return None


def has_accounting() -> bool:
    """Whether the cluster keeps accounts of its jobs."""
    return setting("AccountingStorageType") not in (None, "(null)", "accounting_storage/none")


def accounts() -> list[str] | None:
    """The accounts that the user may charge; None: there is no accounting, or it is away."""
    shown = ask("sacctmgr", "-n", "-P", "list", "assoc", f"user={getuser()}", "format=account")
    return None if shown is None else list(dict.fromkeys(shown.split()))
