"""A thread of the head process that looks after the jobs while they run.

It makes up for two shortcomings of Snakemake's plugin. The plugin asks Slurm for its jobs ever more
rarely, whatever its options say; and it waits for ever for a job that can never start, or that
Slurm has forgotten. Of the plugin's executor only what the interface of executors makes public is
used here (https://github.com/snakemake/snakemake-interface-executor-plugins).
"""

import logging
import re
import threading
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tunegrid.cluster import slurm
from tunegrid.cluster.slurm import QueuedJob

#: A logger of its own: handlers of the root logger would print Snakemake's own lines a second time.
LOG = logging.getLogger(__name__)

#: Seconds between two looks at the queue.
QUEUE_INTERVAL = 60.0
#: Seconds between two settings of the plugin's interval. The plugin reads it after each question.
PACE_INTERVAL = 0.5

#: Reasons for which a job is pending and can never start, as Slurm names them
#: (https://slurm.schedmd.com/job_reason_codes.html; `job_reason_string` of Slurm's source).
REASONS_NEVER_TO_START = {
    "AccountNotAllowed",
    "BadConstraints",
    "DependencyNeverSatisfied",
    "InvalidAccount",
    "InvalidQOS",
    "JobLaunchFailure",
    "MaxMemPerLimit",
    "PartitionNodeLimit",
    "PartitionTimeLimit",
    "QOSNotAllowed",
    "launch_failed_requeued_held",
}
#: The same in patterns. The first is of limits on what one job may ask for; limits on what all jobs
#: of a user or a group have together, which pass, are named otherwise. The second is a sentence,
#: with the names of the partition and of what it allows.
PATTERNS_NEVER_TO_START = re.compile(
    r"(QOS|Assoc)Max\w+Per(Job|Node)(Limit)?"
    r"|QOSMin\w+"
    r"|Job's_(QOS|account)_not_permitted_to_use_this_partition.*"
)
#: Reasons for which somebody must release a job before it starts.
REASONS_HELD = {
    "JobHeldAdmin": "an administrator holds it",
    "JobHeldUser": "you hold it; scontrol release {id}",
}

#: Why jobs of this process that could never start were cancelled, by their Slurm ids.
WHY_CANCELLED: dict[str, str] = {}


def can_never_start(job: QueuedJob) -> bool:
    """Whether a job is pending for a reason that will not pass by itself."""
    # Slurm names some reasons by sentences, and prints these with or without underscores.
    reason = job.reason.replace(" ", "_")
    return job.is_pending and (
        reason in REASONS_NEVER_TO_START or bool(PATTERNS_NEVER_TO_START.fullmatch(reason))
    )


class PollingPace:
    """Sets how often the plugin asks Slurm for its jobs.

    The plugin lengthens its interval by 10 s after each question to which no job has ended, up to
    180 s, whatever its options say (plugin issue 319), so that the end of a short job is noticed
    late. Here the interval is a tenth of the time for which nothing has ended, within bounds.

    Args:
        executor: the plugin's executor.
        first_interval: seconds from the submission or the end of a job to the next question.
    """

    #: The interval in parts of the time for which no job has ended.
    SHARE_OF_WAITING_TIME = 0.1
    #: The longest interval, seconds.
    LONGEST = 30.0
    #: What the plugin adds to its interval before it uses it, seconds.
    ADDED_BY_PLUGIN = 10.0

    def __init__(self, executor: Any, first_interval: float) -> None:
        self._executor = executor
        self._first_interval = first_interval
        self._last_end = time.monotonic()

    def adjust(self) -> None:
        """Set the plugin's interval; to be called more often than the plugin asks."""
        now = time.monotonic()
        # The plugin sets its interval back to the first one when a job has ended.
        if self._executor.next_seconds_between_status_checks == self._first_interval:
            self._last_end = now
        waited = now - self._last_end
        interval = max(self._first_interval, waited * self.SHARE_OF_WAITING_TIME)
        interval = min(interval, self.LONGEST)
        self._executor.next_seconds_between_status_checks = interval - self.ADDED_BY_PLUGIN


class QueueWatch:
    """Looks at Slurm's queue now and then, and ends what would be waited for in vain.

    Args:
        executor: the plugin's executor.
        folder: the folder that its jobs are submitted from.
        job_name: the name of all its jobs.
    """

    def __init__(self, executor: Any, folder: Path, *, job_name: str) -> None:
        self._executor = executor
        self._folder = folder
        self._job_name = job_name
        self._missing_before: set[str] = set()
        self._said_to_be_held: set[tuple[str, str]] = set()

    def look(self) -> None:
        """Cancel the jobs that can never start, and give up those that Slurm has forgotten.

        A job that somebody holds is waited for; that is said once.
        """
        jobs = slurm.workflow_jobs(self._folder, job_name=self._job_name)
        cancel_hopeless_jobs(jobs)
        self._tell_of_held_jobs(jobs)
        self._give_up_forgotten_jobs()

    def _tell_of_held_jobs(self, jobs: Iterable[QueuedJob]) -> None:
        for job in jobs:
            held = REASONS_HELD.get(job.reason)
            if job.is_pending and held and (job.id, job.reason) not in self._said_to_be_held:
                self._said_to_be_held.add((job.id, job.reason))
                LOG.warning(
                    "Slurm job %s (%s) is waited for until it is released: %s",
                    job.id,
                    job.comment,
                    held.format(id=job.id),
                )

    def _give_up_forgotten_jobs(self) -> None:
        """Report as failed the jobs that Slurm did not know at two looks, one after the other.

        They are tried again; an attempt that finds the run finished takes what is there.
        """
        known = slurm.job_ids_known_to_slurm()
        if known is None:
            return
        with self._executor.lock:
            missing = [job for job in self._executor.active_jobs if job.external_jobid not in known]
            given_up = [job for job in missing if job.external_jobid in self._missing_before]
            for job in given_up:
                self._executor.active_jobs.remove(job)
        for job in given_up:
            self._executor.report_job_error(
                job, msg=f"Slurm job {job.external_jobid} is gone, and nothing tells how it ended. "
            )
        self._missing_before = {job.external_jobid for job in missing}


def cancel_hopeless_jobs(jobs: Iterable[QueuedJob]) -> list[QueuedJob]:
    """Cancel those jobs that can never start, since Snakemake would wait for them.

    Returns:
        The jobs that were cancelled.
    """
    hopeless = [job for job in jobs if can_never_start(job)]
    for job in hopeless:
        LOG.error(
            "Slurm job %s (%s) can never start (%s): cancelled", job.id, job.comment, job.reason
        )
        WHY_CANCELLED[job.id] = job.reason
    slurm.cancel_jobs(hopeless)
    return hopeless


def start_watching(executor: Any, folder: Path, *, job_name: str, first_interval: float) -> None:
    """Watch the jobs in a thread of its own, for as long as this process lives.

    Args:
        executor: the plugin's executor.
        folder: the folder that its jobs are submitted from.
        job_name: the name of all its jobs.
        first_interval: as of `PollingPace`.
    """

    def watch_for_ever() -> None:
        pace = PollingPace(executor, first_interval)
        queue = QueueWatch(executor, folder, job_name=job_name)
        last_look = time.monotonic()
        while True:
            time.sleep(PACE_INTERVAL)
            pace.adjust()
            if time.monotonic() - last_look >= QUEUE_INTERVAL:
                last_look = time.monotonic()
                queue.look()

    threading.Thread(target=watch_for_ever, name="tunegrid-job-watch", daemon=True).start()
