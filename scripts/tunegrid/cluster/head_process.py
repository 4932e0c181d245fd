"""The head process: the Snakemake that the user starts, which submits the jobs and waits for them.

Before it submits the first job it checks that none would stay pending for ever, and sees to the
jobs that a head process of the same folder has left in the queue when it was killed; those of one
that lives are its own. When it ends, it cancels its jobs that still run.
"""

import atexit
import logging
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tunegrid.cluster import job_watch, living_heads, slurm
from tunegrid.cluster.job_requests import TEXT_RESOURCES, JobRequest
from tunegrid.cluster.left_over_jobs import attend_left_over_jobs, describe
from tunegrid.cluster.request_checks import check_requests
from tunegrid.cluster.silent_failures import explain_silent_failures
from tunegrid.cluster.slurm import QueuedJob
from tunegrid.cluster.stand_ins import (
    FOR_JOBS,
    WITHOUT_ACCOUNTING,
    put_first_on_path,
    restore_slurm_configuration,
)
from tunegrid.cluster.waiting_submissions import submit_patiently

#: A logger of its own: handlers of the root logger would print Snakemake's own lines a second time.
LOG = logging.getLogger(__name__)


def prepare_head_process(workflow: Any, *, wait_for_left_over_jobs: bool) -> None:
    """Prepare this process for submitting jobs, and begin to watch them.

    Does nothing where the workflow's jobs do not run on Slurm, and in the Snakemake processes that
    run inside of jobs.

    Args:
        workflow: Snakemake's workflow object, which is about to start (its `onstart`).
        wait_for_left_over_jobs: whether left-over jobs that run are waited for; if not, they are
            cancelled.

    Raises:
        UserError: a job would stay pending for ever (`check_requests`).
    """
    if not workflow.is_main_process or workflow.executor_plugin.name != "slurm":
        return
    restore_slurm_configuration()
    folder = Path.cwd()
    slurm.drop_option_variables()
    jobs = [job for job in workflow.dag.needrun_jobs() if not job.is_local]
    check_requests(map(request_of_snakemake_job, jobs), workflow.executor_settings)
    of_others = attend_left_over_jobs(folder, wait=wait_for_left_over_jobs)
    warn_of_jobs_made_twice(jobs, of_others)
    stand_in_for_accounting()
    put_first_on_path(FOR_JOBS)
    if jobs:
        executor = workflow.scheduler.get_executor(jobs[0])
        submit_patiently(executor)
        explain_silent_failures(executor)
        job_name = executor.run_uuid
        living_heads.record_this_head_process(folder, job_name)
        job_watch.start_watching(
            executor,
            folder,
            job_name=job_name,
            first_interval=workflow.executor_settings.init_seconds_before_status_checks,
        )
        # The last that is registered is called first.
        atexit.register(living_heads.forget_head_process, folder, job_name)
        atexit.register(cancel_own_jobs, folder, job_name=job_name)


def request_of_snakemake_job(job: Any) -> JobRequest:
    """Tell what one of Snakemake's jobs asks for, as far as it is known.

    A resource that cannot be known before an input exists is neither a text nor a number.
    """
    resources = {
        name: value
        for name, value in job.resources.items()
        if name in TEXT_RESOURCES or isinstance(value, int)
    }
    return JobRequest(rule=job.rule.name, resources=resources | {"threads": job.threads})


def warn_of_jobs_made_twice(jobs: Iterable[Any], of_others: Iterable[QueuedJob]) -> None:
    """Warn of jobs that another head process has in the queue already.

    No run is trained twice at once, but the later job holds its node, and its GPU, while it waits.

    Args:
        jobs: Snakemake's jobs that this start will submit.
        of_others: the jobs in the queue of other head processes that live.
    """
    from snakemake_executor_plugin_slurm.utils import get_job_wildcards

    # As the plugin writes them into its jobs' comments (`run_job` of its Executor).
    comments = {f"rule_{job.name}_wildcards_{get_job_wildcards(job)}" for job in jobs}
    if twice := [job for job in of_others if job.comment in comments]:
        LOG.warning(
            "of this start's jobs, the other start has %d in the queue already; each will wait on a"
            " node of its own until the other's has ended. With --config partial=true this start"
            " trains nothing, and makes tables and figures of the runs that are finished",
            len(twice),
        )


def stand_in_for_accounting() -> None:
    """Put a stand-in for `sacct` first on the PATH if the cluster has no accounting.

    The plugin asks `sacct` for its jobs whenever the controller does not tell its MinJobAge, and
    then asks nothing else until it gets an answer, which without accounting would never come.
    """
    if not slurm.has_accounting():
        put_first_on_path(WITHOUT_ACCOUNTING)


def cancel_own_jobs(folder: Path, *, job_name: str) -> None:
    """Cancel the jobs that still run when the head process ends, since nobody waits for them.

    On Ctrl-C the plugin cancels its jobs itself, but it misses those that it has just submitted or
    is just asking Slurm about: at that moment they are on none of its lists (plugin issue 397).

    Args:
        folder: the working directory.
        job_name: the name of all jobs of this Snakemake process.
    """
    still_running = [
        job for job in slurm.workflow_jobs(folder, job_name=job_name) if not job.is_completing
    ]
    if still_running:
        LOG.warning("not waited for any more, cancelled: %s", describe(still_running))
        slurm.cancel_jobs(still_running)
