"""Slurm's commands: the state of a job, the queue, what the nodes of a partition offer."""

import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from getpass import getuser
from pathlib import Path

#: Seconds after which a command is given up whose daemon does not answer.
COMMAND_TIMEOUT = 20.0
#: How the names of the workflow's jobs begin: `slurm-jobname-prefix` of profiles/slurm, with the
#: underscore that Snakemake's plugin adds.
JOB_NAME_PREFIX = "tunegrid_"
#: How Slurm's commands print that there is no time limit.
NO_TIME_LIMIT = {"infinite", "UNLIMITED", "n/a"}


def run_slurm_command(*command: str) -> str | None:
    """Run one of Slurm's commands.

    Returns:
        What it prints; None if it fails, is not installed or does not answer in time.
    """
    try:
        return subprocess.run(
            command, capture_output=True, text=True, timeout=COMMAND_TIMEOUT, check=True
        ).stdout
    except (OSError, subprocess.SubprocessError):
        return None


def job_state(job_id: str) -> str | None:
    """Ask for the state of a job.

    The controller remembers a job that has ended for as long as its setting MinJobAge says, and
    accounting, if the cluster has any, for longer.

    Returns:
        The state as Slurm names it (https://slurm.schedmd.com/squeue.html, job state codes); None
        if neither of them knows the job.
    """
    if shown := run_slurm_command("scontrol", "-o", "show", "job", job_id):
        fields = dict(part.split("=", 1) for part in shown.split() if "=" in part)
        return fields.get("JobState")
    query = ["sacct", "--allocations", "--noheader", "--parsable2", "--format=State"]
    if shown := run_slurm_command(*query, f"--jobs={job_id}"):
        return shown.split()[0]  # of "CANCELLED by 0", only the state
    return None


@dataclass(frozen=True)
class QueuedJob:
    """One of the user's jobs that has not ended.

    Attributes:
        id: the job's id.
        state: its state as Slurm names it.
        reason: why it is pending, as Slurm names it.
        name: the job's name.
        folder: the folder that it was submitted from.
        comment: the rule and the wildcards, which Snakemake's plugin writes there.
    """

    id: str
    state: str
    reason: str
    name: str
    folder: str
    comment: str

    @property
    def is_pending(self) -> bool:
        """Whether it waits to be started."""
        return self.state == "PENDING"

    @property
    def is_completing(self) -> bool:
        """Whether its processes have ended and only Slurm's own cleaning up has not."""
        return self.state == "COMPLETING"


def queued_jobs() -> list[QueuedJob] | None:
    """List the user's jobs that have not ended; None if the controller does not answer."""
    shown = run_slurm_command("squeue", "--me", "--noheader", "--format=%i|%T|%r|%j|%Z|%k")
    if shown is None:
        return None
    rows = (line.split("|", 5) for line in shown.splitlines())
    return [QueuedJob(*row) for row in rows if len(row) == 6]


def workflow_jobs(folder: Path) -> list[QueuedJob]:
    """List the queued jobs that the workflow has submitted from `folder`."""
    submitted_from = str(folder.resolve())
    return [
        job
        for job in queued_jobs() or []
        if job.name.startswith(JOB_NAME_PREFIX) and job.folder == submitted_from
    ]


def job_ids_known_to_slurm() -> set[str] | None:
    """List all of the user's jobs that the controller remembers, also those that have ended.

    Returns:
        Their ids; None if the controller does not answer.
    """
    shown = run_slurm_command("squeue", "--me", "--noheader", "--states=all", "--format=%i")
    return None if shown is None else set(shown.split())


def cancel_jobs(jobs: Iterable[QueuedJob]) -> None:
    """Cancel jobs, whether they are running or pending."""
    job_ids = [job.id for job in jobs]
    if job_ids:
        run_slurm_command("scancel", *job_ids)


@dataclass(frozen=True)
class NodeOffer:
    """What one node offers to the jobs of one partition.

    Attributes:
        partition: the partition's name.
        time_limit_minutes: the partition's time limit; None if it has none.
        mem_mb: the node's memory, MB.
        cpus: the number of its CPUs.
        gpus: how many GPUs it has of each model; the model is "" where the cluster names none.
    """

    partition: str
    time_limit_minutes: float | None
    mem_mb: int
    cpus: int
    gpus: dict[str, int]


def node_offers() -> list[NodeOffer] | None:
    """List what every node offers in every partition; None if the controller does not answer."""
    shown = run_slurm_command("sinfo", "--noheader", "--Node", "--format=%R|%l|%m|%c|%G")
    if shown is None:
        return None
    offers = []
    for line in shown.splitlines():
        partition, time_limit, memory, cpus, generic_resources = line.split("|")
        offers.append(
            NodeOffer(
                partition=partition,
                time_limit_minutes=parse_time_limit(time_limit),
                mem_mb=int(memory.rstrip("+")),
                cpus=int(cpus),
                gpus=parse_gpus(generic_resources),
            )
        )
    return offers


def parse_time_limit(text: str) -> float | None:
    """Read a time limit as Slurm prints it: [days-][hours:]minutes:seconds.

    Returns:
        The limit in minutes; None if there is none.
    """
    if text in NO_TIME_LIMIT:
        return None
    days, _, clock = text.rpartition("-")
    parts = [int(part) for part in clock.split(":")]
    missing = 3 - len(parts)
    hours, minutes, seconds = [0] * missing + parts
    return int(days or 0) * 24 * 60 + hours * 60 + minutes + seconds / 60


def parse_gpus(generic_resources: str) -> dict[str, int]:
    """Read the GPUs from a list of generic resources such as "gpu:a100:4(S:0-1),shard:8".

    Returns:
        How many GPUs there are of each model; the model is "" where the list names none.
    """
    gpus: dict[str, int] = {}
    for entry in generic_resources.split(","):
        kind, *rest = entry.split("(")[0].split(":")
        if kind == "gpu" and rest:
            model = rest[0] if len(rest) > 1 else ""
            gpus[model] = int(rest[-1])
    return gpus


def cluster_setting(name: str) -> str | None:
    """Look up one of the cluster's settings, as `scontrol show config` prints it.

    Returns:
        The setting's value; None if there is no such setting or the controller does not answer.
    """
    for line in (run_slurm_command("scontrol", "show", "config") or "").splitlines():
        key, _, value = line.partition("=")
        if key.strip() == name:
            return value.strip()
    return None


def has_accounting() -> bool:
    """Whether the cluster keeps accounts of its jobs."""
    storage = cluster_setting("AccountingStorageType")
    return storage not in {None, "(null)", "accounting_storage/none"}


def user_accounts() -> list[str] | None:
    """List the accounts that the user may charge.

    Returns:
        Their names; None if the cluster has no accounting, or it does not answer.
    """
    query = ["sacctmgr", "--noheader", "--parsable2", "list", "association", "format=account"]
    shown = run_slurm_command(*query, f"user={getuser()}")
    return None if shown is None else list(dict.fromkeys(shown.split()))
