"""How a run is asked to stop: by a signal, or because its Slurm job's time runs out.

A signal comes from Slurm before preemption, from `kill`, or from the keyboard. Nothing here imports
torch, so that programs which only look after runs start in a moment.
"""

import signal
import time
from dataclasses import dataclass
from enum import Enum
from types import FrameType

#: Exit status of a run that was asked to stop and can go on later: EX_TEMPFAIL of sysexits.h.
GO_ON = 75

#: The signals that ask a run to stop.
SIGNALS = (signal.SIGTERM, signal.SIGUSR1, signal.SIGINT)

#: Seconds before a time limit at which a run stops. They must be enough for a checkpoint of some GB
#: on a slow disk, for the end of Python, and for a scheduler's own slack.
MARGIN = 60.0


class StopReason(Enum):
    """The kinds of reasons for which a run is asked to stop."""

    SIGNAL = "signal"
    TIME_LIMIT = "time limit"


@dataclass(frozen=True)
class StopCause:
    """Why a run is asked to stop.

    Attributes:
        reason: the kind of reason, which decides what the next attempt is given.
        text: the same for people, such as "SIGTERM" or "its job's time limit".
    """

    reason: StopReason
    text: str

    def __str__(self) -> str:
        return self.text


#: The cause when the time limit of the run's Slurm job is near.
TIME_RUNS_OUT = StopCause(StopReason.TIME_LIMIT, "its job's time limit")


class Interrupted(Exception):  # noqa: N818
    """A piece of work was given up, with nothing of it done, because the run was asked to stop.

    Args:
        cause: why the run was asked to stop.

    Attributes:
        cause: the same.
    """

    def __init__(self, cause: StopCause) -> None:
        super().__init__(cause.text)
        self.cause = cause


class Stopped(Exception):  # noqa: N818
    """The run stopped because it was asked to, and can go on from its checkpoint.

    Args:
        cause: why the run was asked to stop.
        where: how far it had come, such as "after step 3 of 6".

    Attributes:
        cause: the same.
    """

    def __init__(self, cause: StopCause, where: str = "") -> None:
        super().__init__(f"{cause.text} {where}".rstrip())
        self.cause = cause


class StopRequest:
    """Remembers the first signal that asks to stop, and knows when the job's time runs out.

    A second signal of the same kind has its usual effect: it ends the process.

    Args:
        deadline: when the process must have ended, in seconds since the epoch (UNIX time); None if
            there is no limit.

    Attributes:
        signal: the name of the first signal that came, such as "SIGTERM"; None if none has come.
    """

    def __init__(self, deadline: float | None = None) -> None:
        self.signal: str | None = None
        self._deadline = deadline

    def cause(self) -> StopCause | None:
        """Tell why the run should stop now; None if it should go on."""
        if self.signal is not None:
            return StopCause(StopReason.SIGNAL, self.signal)
        if self._deadline is not None and time.time() > self._deadline - MARGIN:
            return TIME_RUNS_OUT
        return None

    def install(self) -> None:
        """Listen to `SIGNALS` from now on. Python allows this in the main thread only."""
        for number in SIGNALS:
            signal.signal(number, self._remember)

    def _remember(self, number: int, _frame: FrameType | None) -> None:
        self.signal = signal.Signals(number).name
        signal.signal(number, signal.SIG_DFL)
