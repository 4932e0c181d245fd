"""The head process' side of patient submissions: it lets them wait, says so, and ends them.

The submissions themselves are processes of their own (`tunegrid.cluster.patient_submission`), which
the plugin starts as `sbatch`. They and the head process speak through a folder of files on the
head process' own machine.
"""

import atexit
import logging
import os
import shutil
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tunegrid.cluster.patient_submission import (
    FOLDER_VARIABLE,
    HEAD_FILE,
    STOP_FILE,
    SUBMITTED,
    WAITING_PREFIX,
)
from tunegrid.cluster.stand_ins import FOR_HEAD, put_first_on_path
from tunegrid.cluster.submission_answers import SubmissionAnswer

#: A logger of its own: handlers of the root logger would print Snakemake's own lines a second time.
LOG = logging.getLogger(__name__)

#: The variable that tells the stand-in for `sbatch` which Python runs it.
PYTHON_VARIABLE = "TUNEGRID_PYTHON"
#: Seconds between two looks at the submissions that wait.
LOOK_INTERVAL = 1.0
#: Seconds without a waiting submission after which Slurm is said to take jobs again.
CALM = 5.0


@dataclass(frozen=True)
class Waiting:
    """A submission that waits: the name of what it waits for, and Slurm's own words for it."""

    kind: str
    reason: str


def submit_patiently(executor: Any) -> None:
    """Let the plugin submit with patience, from now on.

    Args:
        executor: the plugin's executor. When it cancels its jobs, on Ctrl-C, it first waits for all
            submissions that have begun; so these are ended before (plugin issue 397).
    """
    folder = Path(tempfile.mkdtemp(prefix="tunegrid-submissions-"))
    (folder / SUBMITTED).mkdir()
    (folder / HEAD_FILE).write_text(str(os.getpid()))
    os.environ[FOLDER_VARIABLE] = str(folder)
    os.environ[PYTHON_VARIABLE] = sys.executable
    put_first_on_path(FOR_HEAD)
    atexit.register(shutil.rmtree, folder, ignore_errors=True)

    cancel = executor.cancel

    def stop_submissions_and_cancel() -> None:
        (folder / STOP_FILE).touch()
        cancel()

    executor.cancel = stop_submissions_and_cancel
    threading.Thread(
        target=_announce_for_ever, args=(folder,), name="tunegrid-submissions", daemon=True
    ).start()


def _announce_for_ever(folder: Path) -> None:
    announcer = WaitingAnnouncer()
    while True:
        time.sleep(LOOK_INTERVAL)
        announcer.announce(read_waiting(folder), time.monotonic())


def read_waiting(folder: Path) -> list[Waiting]:
    """List the submissions that wait."""
    waiting = []
    for file in folder.glob(f"{WAITING_PREFIX}*"):
        try:
            kind, reason = file.read_text().splitlines()
        except OSError:  # it has just ended
            continue
        waiting.append(Waiting(kind, reason))
    return waiting


class WaitingAnnouncer:
    """Says once that submissions wait, and once that they no longer do.

    A limit on submitted jobs is said once: under it a submission waits whenever a job has ended.
    """

    def __init__(self) -> None:
        self._limits: set[str] = set()
        self._away_since: float | None = None
        self._last_away = 0.0

    def announce(self, waiting: Sequence[Waiting], now: float) -> None:
        """Say what has changed since the last look.

        Args:
            waiting: the submissions that wait.
            now: the time, seconds.
        """
        away = []
        for submission in waiting:
            if submission.kind != SubmissionAnswer.LIMITED.name:
                away.append(submission)
            elif submission.reason not in self._limits:
                self._limits.add(submission.reason)
                LOG.warning(
                    "Slurm takes no more jobs at once (%s): the others are submitted as jobs end",
                    submission.reason,
                )
        if away:
            if self._away_since is None:
                self._away_since = now
                LOG.warning("Slurm takes no job for now (%s): waiting", away[0].reason)
            self._last_away = now
        elif self._away_since is not None and now - self._last_away > CALM:
            LOG.warning("Slurm takes jobs again, after %.0f s", self._last_away - self._away_since)
            self._away_since = None
