"""The jobs that head processes of a folder have left in the queue when they were killed."""

import logging
import time
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from tunegrid.cluster import slurm
from tunegrid.cluster.living_heads import PATIENCE, Life, OtherHeads
from tunegrid.cluster.slurm import QueuedJob

#: A logger of its own: handlers of the root logger would print Snakemake's own lines a second time.
LOG = logging.getLogger(__name__)

#: Seconds between two looks at the queue while something will be known soon.
POLL_SOON = 1.0
#: Seconds between two looks at left-over jobs that are waited for.
POLL_WAITED_FOR = 10.0


def attend_left_over_jobs(folder: Path, *, wait: bool) -> list[QueuedJob]:
    """See to the jobs that earlier head processes of this folder have left in the queue.

    Those that are pending are cancelled, since this start submits the same runs itself. The jobs
    of a head process that lives are left alone: it waits for them itself. Returns when no job is
    left over.

    Args:
        folder: the working directory.
        wait: whether those that run are waited for: this start's jobs then take what they have
            finished. If not, they are cancelled, too, and this start's jobs go on from their
            checkpoints.

    Returns:
        The jobs of other head processes that live.
    """
    heads = OtherHeads(folder)
    told: set[tuple[str, Life]] = set()
    cancelled: set[str] = set()
    waiting_was_announced = False
    while True:
        jobs = slurm.workflow_jobs(folder)
        lives = {name: heads.life(name) for name in {job.name for job in jobs}}
        left_over = [job for job in jobs if lives[job.name] is Life.ENDED]
        undecided = Life.UNKNOWN in lives.values()
        _tell_of_other_heads(heads, lives, jobs, told)
        if not left_over and not undecided:
            break
        unwanted = [job for job in left_over if job.is_pending or not wait]
        not_yet_cancelled = [job for job in unwanted if job.id not in cancelled]
        if not_yet_cancelled:
            LOG.warning("left over by an earlier start, cancelled: %s", describe(not_yet_cancelled))
            slurm.cancel_jobs(not_yet_cancelled)
            cancelled |= {job.id for job in not_yet_cancelled}
        elif len(left_over) > len(unwanted) and not waiting_was_announced:
            LOG.warning("left over by an earlier start, waited for: %s", describe(left_over))
            waiting_was_announced = True
        time.sleep(POLL_SOON if unwanted or undecided else POLL_WAITED_FOR)
    heads.forget_ended()
    return jobs


def _tell_of_other_heads(
    heads: OtherHeads,
    lives: dict[str, Life],
    jobs: Iterable[QueuedJob],
    told: set[tuple[str, Life]],
) -> None:
    """Say once of each other head process that it is at work, or that this is being found out."""
    counts = Counter(job.name for job in jobs)
    for name, life in sorted(lives.items()):
        if life is Life.ENDED or (name, life) in told:
            continue
        told.add((name, life))
        count = counts[name]
        head = heads.recorded(name)
        if life is Life.LIVES:
            LOG.warning(
                "another start in this folder is at work (%s); its jobs in the queue (%d) are left"
                " alone",
                head,
                count,
            )
        else:
            LOG.warning(
                "another start in this folder (%s) has jobs in the queue (%d); waiting up to %.0f s"
                " for a sign that it lives",
                head,
                count,
                PATIENCE,
            )


def describe(jobs: Iterable[QueuedJob]) -> str:
    """List jobs in one line: their ids, and what each makes."""
    return ", ".join(f"{job.id} ({job.comment or job.name})" for job in jobs)
