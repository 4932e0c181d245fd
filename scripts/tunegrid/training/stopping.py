"""Being asked to stop: by Slurm before preemption, from the keyboard, or because time runs out."""

import os
import signal
import time
from collections.abc import Mapping
from types import FrameType

#: Exit status of a run that was asked to stop and can go on: EX_TEMPFAIL of sysexits.h.
GO_ON = 75

SIGNALS = (signal.SIGTERM, signal.SIGUSR1, signal.SIGINT)

#: The reason to stop when time runs out.
TIME_LIMIT = "its job's time limit"

#: Seconds before a time limit at which a run stops: a checkpoint of some GB on a slow disk, the
#: end of Python, and a scheduler's own slack.
MARGIN = 60.0


class Interrupted(Exception):  # noqa: N818
    """Work was given up, nothing of it done, because the run was asked to stop; says why."""


class Stopped(Exception):  # noqa: N818
    """The run stopped after a checkpoint because it was asked to."""


class StopRequest:
    """Remembers the first signal that asks to stop, and knows when time runs out.

    A second signal of its kind has its own effect.

    Args:
        deadline: seconds since the epoch (UNIX time) by which to be gone; None: no limit.
    """

    def __init__(self, deadline: float | None = None) -> None:
        self.signal: str | None = None
        self._deadline = deadline

    def reason(self) -> str | None:
        """Why to stop now; None: go on."""
        if self.signal is None and self._deadline and time.time() > self._deadline - MARGIN:
            return TIME_LIMIT
        return self.signal

    def install(self) -> None:
        """Listen to `SIGNALS`. Call it in the main thread."""
        for number in SIGNALS:
            signal.signal(number, self._remember)

    def _remember(self, number: int, _frame: FrameType | None) -> None:
        self.signal = signal.Signals(number).name
        signal.signal(number, signal.SIG_DFL)


def job_deadline(
    minutes: float | None, environment: Mapping[str, str] = os.environ
) -> float | None:
    """When the Slurm job that this process runs in ends, in UNIX time; None outside of one.

    No signal reaches a job's processes through Snakemake before the limit, so they must know it.

    Args:
        minutes: the job's time limit, used where Slurm does not tell the end.
        environment: SLURM_JOB_END_TIME, SLURM_JOB_START_TIME of
            https://slurm.schedmd.com/sbatch.html (output environment variables).
    """
    if "SLURM_JOB_ID" not in environment:
        return None
    if end := environment.get("SLURM_JOB_END_TIME"):
        return float(end)
    if minutes is None:
        return None
    return float(environment.get("SLURM_JOB_START_TIME", time.time())) + 60 * minutes
