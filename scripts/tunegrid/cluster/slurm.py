"""Slurm's commands: the state of a job, the queue, what the nodes of a partition offer."""

import logging
import os
import re
import subprocess
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from getpass import getuser
from pathlib import Path

#: A logger of its own: handlers of the root logger would print Snakemake's own lines a second time.
LOG = logging.getLogger(__name__)

#: Seconds after which a command is given up whose daemon does not answer.
COMMAND_TIMEOUT = 20.0
#: The names of the workflow's jobs: `slurm-jobname-prefix` of profiles/slurm, and the run's UUID,
#: which Snakemake's plugin adds. A job that a user names after the workflow, such as one that the
#: head process runs in, is none of them.
JOB_NAME = re.compile(r"tunegrid_[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
#: How Slurm's commands print that there is no time limit.
NO_TIME_LIMIT = {"infinite", "UNLIMITED", "n/a"}
#: How the environment variables begin that are options of one of Slurm's commands, such as
#: SINFO_PARTITION, SQUEUE_STATES or SBATCH_QOS. A user's own would cut down the answers.
OPTION_VARIABLES = ("SACCT_", "SBATCH_", "SCONTROL_", "SINFO_", "SQUEUE_")
#: The states of nodes that start jobs, and what `sinfo` puts behind them where a node is powered
#: off, or is being powered on or off (https://slurm.schedmd.com/sinfo.html, node state codes).
AVAILABLE_STATES = {"allocated", "completing", "idle", "mixed", "planned"}
POWER_SAVING = "~#!%^@"


def option_variables(environment: Iterable[str]) -> list[str]:
    """List the variables of an environment that are options of Slurm's commands."""
    return sorted(name for name in environment if name.startswith(OPTION_VARIABLES))


def drop_option_variables() -> None:
    """Remove a user's own options of Slurm's commands from the environment.

    Variables such as SQUEUE_PARTITION would hide jobs from the plugin, and those of sbatch would
    change what jobs ask for beside what the profile says.
    """
    options = option_variables(os.environ)
    for name in options:
        del os.environ[name]
    if requests := [name for name in options if name.startswith("SBATCH_")]:
        LOG.warning(
            "not used: %s of your environment; profiles/slurm/config.yaml says what jobs ask for",
            ", ".join(requests),
        )


def run_slurm_command(*command: str) -> str | None:
    """Run one of Slurm's commands, without the options that the user's environment gives it.

    Returns:
        What it prints; None if it fails, is not installed or does not answer in time.
    """
    ignored = option_variables(os.environ)
    environment = {name: value for name, value in os.environ.items() if name not in ignored}
    try:
        return subprocess.run(
            command,
            capture_output=True,
            text=True,
            timeout=COMMAND_TIMEOUT,
            check=True,
            # Times are printed in seconds since the epoch (scontrol(1), SLURM_TIME_FORMAT).
            env=environment | {"SLURM_TIME_FORMAT": "%s"},
        ).stdout
    except (OSError, subprocess.SubprocessError):
        return None


def try_submission(options: Iterable[str]) -> tuple[int, str]:
    """Ask Slurm whether it would take a job, without submitting it (`sbatch --test-only`).

    This also tells of nodes that `sinfo` does not list, such as those of a cloud that are powered
    off. Slurm accepts here what breaks a limit of a partition, for which a job pends, where the
    cluster does not enforce these limits at submission (EnforcePartLimits of slurm.conf).

    Args:
        options: the job's options of sbatch. The user's own, as SBATCH_QOS, count as they will at
            the submission.

    Returns:
        The exit status of `sbatch`, and what it says (`tunegrid.cluster.submission_answers`).

    Raises:
        OSError: sbatch is not installed.
        subprocess.TimeoutExpired: the controller does not answer.
    """
    command = ["sbatch", *options, "--test-only", "--wrap=true"]
    trial = subprocess.run(
        command, capture_output=True, text=True, timeout=COMMAND_TIMEOUT, check=False
    )
    return trial.returncode, trial.stderr


def job_state(job_id: str) -> str | None:
    """Ask for the state of a job.

    The controller remembers a job that has ended for as long as its setting MinJobAge says, and
    accounting, if the cluster has any, for longer.

    Returns:
        The state as Slurm names it (https://slurm.schedmd.com/squeue.html, job state codes); None
        if neither of them knows the job.
    """
    if shown := run_slurm_command("scontrol", "-o", "show", "job", job_id):
        return _fields(shown).get("JobState")
    query = ["sacct", "--allocations", "--noheader", "--parsable2", "--format=State"]
    if shown := run_slurm_command(*query, f"--jobs={job_id}"):
        return shown.split()[0]  # of "CANCELLED by 0", only the state
    return None


def job_end(job_id: str) -> float | None:
    """Ask when a job that runs will be ended by its time limit.

    Returns:
        The time in seconds since the epoch (UNIX time); None if it has no limit or does not run, or
        the controller does not answer.
    """
    shown = run_slurm_command("scontrol", "-o", "show", "job", job_id)
    end = _fields(shown or "").get("EndTime", "")
    return float(end) if end.isdecimal() else None


def _fields(line: str) -> dict[str, str]:
    """Read what scontrol prints of one thing: NAME=VALUE, separated by spaces."""
    return dict(part.split("=", 1) for part in line.split() if "=" in part)


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


def workflow_jobs(folder: Path, *, job_name: str | None = None) -> list[QueuedJob]:
    """List the queued jobs that the workflow has submitted from `folder`.

    Args:
        folder: the working directory.
        job_name: the name of all jobs of one head process; None: those of all head processes.
    """
    submitted_from = str(folder.resolve())
    return [
        job
        for job in queued_jobs() or []
        if job.folder == submitted_from
        and JOB_NAME.fullmatch(job.name)
        and job_name in {None, job.name}
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
        mem_mb: the node's memory, MB; infinite if it is not known.
        cpus: the number of its CPUs; infinite if it is not known.
        gpus: how many GPUs it has of each model; the model is "" where the cluster names none. None
            if they are not known.
        available: whether it starts jobs, now or once it is powered on; not while it, or the
            partition, is down, drained or reserved for maintenance.
    """

    partition: str
    time_limit_minutes: float | None
    mem_mb: float
    cpus: float
    gpus: dict[str, int] | None
    available: bool = True

    @property
    def is_listed(self) -> bool:
        """Whether Slurm tells what the node has."""
        return self.gpus is not None


@dataclass(frozen=True)
class Partition:
    """A partition of the cluster.

    Attributes:
        name: its name.
        time_limit_minutes: its time limit; None if it has none.
        nodes: how many nodes it has, also those that `sinfo` leaves out: nodes of a cloud that are
            powered off (State=CLOUD of slurm.conf).
    """

    name: str
    time_limit_minutes: float | None
    nodes: int


def partitions() -> list[Partition] | None:
    """List the cluster's partitions, also hidden ones; None if the controller does not answer."""
    shown = run_slurm_command("scontrol", "--all", "--oneliner", "show", "partition")
    if shown is None:
        return None
    return [
        Partition(
            name=fields["PartitionName"],
            time_limit_minutes=parse_time_limit(fields["MaxTime"]),
            nodes=int(fields["TotalNodes"]),
        )
        for fields in map(_fields, shown.splitlines())
        if "PartitionName" in fields
    ]


def node_offers() -> list[NodeOffer] | None:
    """List what every node offers in every partition; None if the controller does not answer.

    Of nodes that `sinfo` leaves out nothing is known but their partition: only Slurm can tell
    whether they have what a job asks for (`tunegrid.cluster.trial_submission`).
    """
    columns = "--format=%R|%l|%m|%c|%G|%a|%T"
    shown = run_slurm_command("sinfo", "--all", "--noheader", "--Node", columns)
    all_partitions = partitions()
    if shown is None or all_partitions is None:
        return None
    offers = []
    for line in shown.splitlines():
        partition, time_limit, memory, cpus, generic_resources, up, state = line.split("|")
        offers.append(
            NodeOffer(
                partition=partition,
                time_limit_minutes=parse_time_limit(time_limit),
                mem_mb=int(memory.rstrip("+")),
                cpus=int(cpus),
                gpus=parse_gpus(generic_resources),
                available=up == "up" and state.rstrip(POWER_SAVING) in AVAILABLE_STATES,
            )
        )
    return offers + _unlisted_nodes(all_partitions, offers)


def _unlisted_nodes(
    all_partitions: Iterable[Partition], listed: Iterable[NodeOffer]
) -> list[NodeOffer]:
    """Describe the nodes that `sinfo` leaves out."""
    counts = Counter(offer.partition for offer in listed)
    return [
        NodeOffer(
            partition=partition.name,
            time_limit_minutes=partition.time_limit_minutes,
            mem_mb=float("inf"),
            cpus=float("inf"),
            gpus=None,
        )
        for partition in all_partitions
        for _ in range(partition.nodes - counts[partition.name])
    ]


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
