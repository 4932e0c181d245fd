"""Being asked to stop: by Slurm before preemption or a time limit, or from the keyboard."""

import signal
from types import FrameType

#: Exit status of a run that was asked to stop and can go on: EX_TEMPFAIL of sysexits.h.
GO_ON = 75

SIGNALS = (signal.SIGTERM, signal.SIGUSR1, signal.SIGINT)


class Stopped(Exception):  # noqa: N818
    """The run stopped after a checkpoint because it was asked to."""


class StopRequest:
    """Remembers the first signal that asks to stop; a second one of its kind has its own effect."""

    def __init__(self) -> None:
        self.signal: str | None = None

    def install(self) -> None:
        """Listen to `SIGNALS`. Call it in the main thread."""
        for number in SIGNALS:
            signal.signal(number, self._remember)

    def _remember(self, number: int, _frame: FrameType | None) -> None:
        self.signal = signal.Signals(number).name
        signal.signal(number, signal.SIG_DFL)
