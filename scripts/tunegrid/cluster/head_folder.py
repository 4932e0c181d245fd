"""The folder through which the head process and the programs that stand before Slurm's speak.

It lies on the head process' own machine, and exists as long as that runs.
"""

import os
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from tunegrid.cluster.submission_answers import SubmissionAnswer

#: The variable that names the folder.
FOLDER_VARIABLE = "TUNEGRID_SUBMISSIONS"
#: The files of that folder: the head process' id, and the sign that it stops.
HEAD_FILE = "head"
STOP_FILE = "stop"
#: How the names of the files begin by which submissions say that they wait.
WAITING_PREFIX = "waiting-"
#: The folder, below it, with an empty file for each Slurm job that was submitted.
SUBMITTED = "submitted"
#: Seconds between two looks whether the head process stops.
LOOK_INTERVAL = 0.2


class HeadIsGoneError(Exception):
    """The head process stops, or has been killed."""


@dataclass(frozen=True)
class HeadFolder:
    """The folder through which the head process and its submissions speak.

    Attributes:
        path: the folder; it exists while the head process does.
    """

    path: Path

    def head_wants_jobs(self) -> bool:
        """Whether the head process still runs, and is not about to stop."""
        if (self.path / STOP_FILE).exists():
            return False
        try:
            os.kill(int((self.path / HEAD_FILE).read_text()), 0)
        except OSError:
            return False
        return True

    def look(self) -> None:
        """Look whether the head process still wants jobs.

        Raises:
            HeadIsGoneError: it does not.
        """
        if not self.head_wants_jobs():
            raise HeadIsGoneError

    def wait(self, seconds: float) -> None:
        """Wait, as long as the head process wants jobs.

        Raises:
            HeadIsGoneError: it no longer does.
        """
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            self.look()
            time.sleep(min(left, LOOK_INTERVAL))

    def say_waiting(self, kind: SubmissionAnswer, reason: str) -> None:
        """Let the head process know that this submission waits, and why, if the disk has room."""
        file = self.path / f"{WAITING_PREFIX}{os.getpid()}"
        part = file.with_name(f"part-{os.getpid()}")
        with suppress(OSError):
            part.write_text(f"{kind.name}\n{reason}\n")
            part.replace(file)

    def say_done(self) -> None:
        """Let the head process know that this submission waits no longer."""
        (self.path / f"{WAITING_PREFIX}{os.getpid()}").unlink(missing_ok=True)

    def claim(self, job_id: str) -> bool:
        """Note that a Slurm job is the one of this submission; False if it is another one's."""
        try:
            (self.path / SUBMITTED / job_id).touch(exist_ok=False)
        except FileExistsError:
            return False
        except OSError:  # a full disk keeps no job from being submitted
            return True
        return True
