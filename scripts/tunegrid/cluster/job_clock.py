"""When the Slurm job ends that this process runs in."""

import os
import time
from collections.abc import Mapping

from tunegrid.cluster import slurm
from tunegrid.cluster.processes import oldest_start


def job_deadline(
    time_limit_minutes: float | None, environment: Mapping[str, str] = os.environ
) -> float | None:
    """Tell when the Slurm job that this process runs in will be ended by its time limit.

    The process must know this itself: signals that Slurm sends before the limit do not reach it
    through Snakemake.

    Args:
        time_limit_minutes: the job's time limit, used where Slurm does not tell the job's end. It
            is counted from the start of the job's oldest process on this machine: Snakemake and
            the libraries may have taken a minute to start.
        environment: the variables that Slurm sets for a job: SLURM_JOB_ID and, from version 23.02
            on, SLURM_JOB_END_TIME and SLURM_JOB_START_TIME
            (https://slurm.schedmd.com/sbatch.html, output environment variables). Where they are
            absent the controller is asked.

    Returns:
        The end in seconds since the epoch (UNIX time); None outside of a Slurm job, and where
        neither Slurm nor the caller knows a limit.
    """
    job_id = environment.get("SLURM_JOB_ID")
    if job_id is None:
        return None
    if "SLURM_JOB_END_TIME" in environment:
        return float(environment["SLURM_JOB_END_TIME"])
    end = slurm.job_end(job_id)
    if end is not None or time_limit_minutes is None:
        return end
    if "SLURM_JOB_START_TIME" in environment:
        start = float(environment["SLURM_JOB_START_TIME"])
    else:
        start = oldest_start(f"SLURM_JOB_ID={job_id}") or time.time()
    return start + 60 * time_limit_minutes
