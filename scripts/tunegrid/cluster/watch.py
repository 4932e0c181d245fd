"""What the head process does about its jobs while they run, in a thread of its own.

Snakemake's plugin asks Slurm for its jobs ever more rarely, and waits for ever for a job that can
never start or that Slurm has forgotten. All that is used here of the plugin's executor is what the
interface of executors makes public (https://github.com/snakemake/snakemake-interface-executor-plugins).
"""

import logging
import threading
import time
from pathlib import Path
from typing import Any

from tunegrid.cluster import slurm
from tunegrid.cluster.slurm import QueuedJob

#: Not the root logger: Snakemake's own lines must not be printed twice.
LOG = logging.getLogger(__name__)

#: Seconds between two looks at the queue, and at the executor.
LOOK, TICK = 60.0, 0.5
#: Reasons for which a job pends and will not start by itself.
NEVER = {
    "PartitionTimeLimit", "PartitionNodeLimit", "BadConstraints", "JobHeldAdmin",
    "launch_failed_requeued_held", "JobLaunchFailure", "DependencyNeverSatisfied",
    "AccountNotAllowed", "InvalidAccount", "QOSNotAllowed", "InvalidQOS",
    "AssocMaxWallDurationPerJobLimit", "QOSMaxWallDurationPerJobLimit",
    "AssocMaxMemPerJob", "QOSMaxMemoryPerJob",
}  # fmt: skip


class Pace:
    """How often the plugin asks Slurm for its jobs: after a tenth of the time that nothing ended.

    Left to itself it waits 10 s longer after each answer in which nothing has ended, up to 180 s,
    whatever its options say (plugin issue 319).

    Args:
        executor: the plugin's.
        first: seconds from a submission or an end to the next question.
    """

    LAST, SHARE = 30.0, 0.1
    PLUGIN_ADDS = 10.0

    def __init__(self, executor: Any, first: float) -> None:
        self._executor, self._first, self._since = executor, first, time.monotonic()

    def keep(self) -> None:
        """Set the time until the question after the next; to be called between any two."""
        now = time.monotonic()
        if self._executor.next_seconds_between_status_checks == self._first:
            self._since = now  # the plugin's own sign that something ended, or that all did
        wait = min(max(self._first, (now - self._since) * self.SHARE), self.LAST)
        self._executor.next_seconds_between_status_checks = wait - self.PLUGIN_ADDS


class Watch:
    """Looks at the queue now and then.

    Args:
        executor: the plugin's.
        folder: the one that its jobs are submitted from.
    """

    def __init__(self, executor: Any, folder: Path) -> None:
        self._executor, self._folder = executor, folder
        self._missing: set[str] = set()

    def look(self) -> None:
        """Cancel what can never start, and give up what Slurm knows no longer."""
        cancel_hopeless(self._folder)
        self._give_up_forgotten()

    def _give_up_forgotten(self) -> None:
        """Report as failed the jobs that are missing in two looks; a further attempt finds out."""
        known = slurm.known()
        if known is None:
            return
        with self._executor.lock:
            gone = [job for job in self._executor.active_jobs if job.external_jobid not in known]
            given_up = [job for job in gone if job.external_jobid in self._missing]
            for job in given_up:
                self._executor.active_jobs.remove(job)
        for job in given_up:
            self._executor.report_job_error(
                job, msg=f"Slurm job {job.external_jobid} is gone, and nothing tells how it ended. "
            )
        self._missing = {job.external_jobid for job in gone}


def cancel_hopeless(folder: Path) -> list[QueuedJob]:
    """Cancel the jobs of this folder that can never start, which Snakemake would wait for."""
    hopeless = [
        job
        for job in slurm.jobs_of(folder)
        if job.pending and job.reason.replace(" ", "_") in NEVER
    ]
    for job in hopeless:
        LOG.error(
            "Slurm job %s (%s) can never start (%s): cancelled",
            *(job.number, job.comment, job.reason),
        )
    slurm.cancel(hopeless)
    return hopeless


def start(executor: Any, folder: Path, first: float) -> None:
    """Watch as long as the process lives; arguments as of `Pace` and `Watch`."""

    def attend() -> None:
        pace, watch = Pace(executor, first), Watch(executor, folder)
        looked = time.monotonic()
        while True:
            time.sleep(TICK)
            pace.keep()
            if time.monotonic() - looked >= LOOK:
                looked = time.monotonic()
                watch.look()

    threading.Thread(target=attend, name="tunegrid-watch", daemon=True).start()
