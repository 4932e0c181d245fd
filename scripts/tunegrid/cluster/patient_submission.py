"""The program that stands before `sbatch` on the head process' PATH, and submits with patience.

Snakemake's plugin takes every failure of `sbatch` for a failure of the job, which costs one of its
attempts; where Slurm is away for some seconds, or takes no more than a few jobs at once, all
attempts of a job are spent before it has run. This program runs the real `sbatch` with the same
arguments, and again where that has failed for a reason that passes (`SubmissionAnswer`):

- under a limit on submitted jobs, until one is taken, however long that is;
- while Slurm is away, for a day, as long as the plugin waits for the state of its jobs;
- where `sbatch` fails and the controller has answered nothing, for a minute.

It waits for a tenth of the time for which it has waited, at least a second and at most 30 s. What
it ends with is what the last `sbatch` printed, with its exit status. Where an answer was lost, the
job may have been taken: before it submits again, it asks the queue, and waits until that answers.

It ends at once when the head process stops or is gone (`tunegrid.cluster.waiting_submissions`).
"""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from tunegrid.cluster.stand_ins import FOR_HEAD, path_without
from tunegrid.cluster.submission_answers import SubmissionAnswer, describe_failure, read_answer

#: The variable that names the folder through which the head process and its submissions speak.
FOLDER_VARIABLE = "TUNEGRID_SUBMISSIONS"
#: The files of that folder: the head process' id, and the sign that it stops.
HEAD_FILE = "head"
STOP_FILE = "stop"
#: How the names of the files begin by which submissions say that they wait.
WAITING_PREFIX = "waiting-"
#: The folder, below it, with an empty file for each Slurm job that was submitted.
SUBMITTED = "submitted"

#: For how long each kind of failure is waited for, seconds.
PATIENCE = {
    SubmissionAnswer.LIMITED: float("inf"),
    SubmissionAnswer.AWAY: 24 * 3600.0,
    SubmissionAnswer.UNEXPLAINED: 60.0,
}
#: The next wait in parts of the time that was waited so far, and its bounds, seconds.
SHARE_OF_WAITING_TIME = 0.1
SHORTEST_WAIT = 1.0
LONGEST_WAIT = 30.0
#: Seconds between two looks whether the head process stops.
LOOK_INTERVAL = 0.2
#: The states of jobs that have not ended, for `squeue`.
UNFINISHED = "PENDING,CONFIGURING,RUNNING,SUSPENDED,COMPLETING"
#: The exit status of a submission that the head process no longer wants.
STOPPED_STATUS = 130
#: The exit status of a shell for a command that is not there.
NOT_FOUND_STATUS = 127


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
        """Let the head process know that this submission waits, and why."""
        file = self.path / f"{WAITING_PREFIX}{os.getpid()}"
        part = file.with_name(f"part-{os.getpid()}")
        part.write_text(f"{kind.name}\n{reason}\n")
        part.replace(file)

    def say_done(self) -> None:
        """Let the head process know that this submission waits no longer."""
        (self.path / f"{WAITING_PREFIX}{os.getpid()}").unlink(missing_ok=True)

    def claim(self, job_id: str) -> bool:
        """Note that a Slurm job is the one of this submission; False if it is another one's."""
        with suppress(FileExistsError):
            (self.path / SUBMITTED / job_id).touch(exist_ok=False)
            return True
        return False


@dataclass(frozen=True)
class Ended:
    """How a command has ended: its exit status, and what it printed."""

    status: int
    output: bytes = b""
    errors: bytes = b""

    def answer(self) -> SubmissionAnswer:
        """What it came to, if it is an `sbatch`."""
        return read_answer(self.status, self.errors.decode(errors="replace"))

    def describe(self) -> str:
        """Describe in one line why it failed."""
        return describe_failure(self.status, self.errors.decode(errors="replace"))


class PatientSubmission:
    """Submits one job, and waits where Slurm does not take it for now.

    Args:
        arguments: those of `sbatch`.
        script: what `sbatch` reads from its standard input, if it reads anything.
        folder: leads to the head process.
    """

    def __init__(self, arguments: Sequence[str], script: bytes, folder: HeadFolder) -> None:
        self._arguments = arguments
        self._script = script
        self._folder = folder
        self._path = path_without(FOR_HEAD)

    def submit(self) -> Ended:
        """Submit the job.

        Returns:
            How the last try ended.

        Raises:
            HeadIsGoneError: the head process no longer wants the job.
        """
        try:
            ended = self._run(["sbatch", *self._arguments], self._script)
            kind = ended.answer()
            began = time.monotonic()
            while kind in PATIENCE and (waited := time.monotonic() - began) <= PATIENCE[kind]:
                self._folder.say_waiting(kind, ended.describe())
                wait = max(SHORTEST_WAIT, waited * SHARE_OF_WAITING_TIME)
                self._folder.wait(min(wait, LONGEST_WAIT))
                ended = self._try_again(ended)
                if ended.answer() is not kind:
                    kind = ended.answer()
                    began = time.monotonic()
            job_id = ended.output.decode(errors="replace").strip().split(";")[0]
            if (
                kind is SubmissionAnswer.ACCEPTED and job_id.isdecimal()
            ):  # and not a site's greeting
                self._folder.claim(job_id)
            return ended
        finally:
            self._folder.say_done()

    def _try_again(self, failed: Ended) -> Ended:
        """Submit again, unless the failed try has brought the job into the queue after all."""
        if failed.answer() is SubmissionAnswer.AWAY:
            name = self._option("--job-name")
            query = ["--me", "--noheader", f"--name={name}", f"--states={UNFINISHED}"]
            queue = self._run(["squeue", *query, "--format=%i|%k"])
            if queue.status:
                return failed
            for line in queue.output.decode().splitlines():
                job_id, _, comment = line.partition("|")
                if comment == self._option("--comment") and self._folder.claim(job_id):
                    return Ended(status=0, output=f"{job_id}\n".encode())
        return self._run(["sbatch", *self._arguments], self._script)

    def _option(self, name: str) -> str:
        """The value of an option that the plugin always gives, as `--name value`."""
        return self._arguments[self._arguments.index(name) + 1]

    def _run(self, command: list[str], script: bytes = b"") -> Ended:
        """Run one of Slurm's commands, and end it if the head process stops meanwhile.

        Jobs inherit the PATH of the real `sbatch`, which is therefore the one without this program.
        """
        self._folder.look()
        program = shutil.which(command[0], path=self._path)
        if program is None:
            return Ended(NOT_FOUND_STATUS, errors=f"{command[0]}: not found\n".encode())
        with subprocess.Popen(
            [program, *command[1:]],
            env=os.environ | {"PATH": self._path},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        ) as process:
            while True:
                try:
                    output, errors = process.communicate(script, timeout=LOOK_INTERVAL)
                except subprocess.TimeoutExpired:
                    if not self._folder.head_wants_jobs():
                        process.kill()
                        raise HeadIsGoneError from None
                else:
                    return Ended(process.returncode, output, errors)


def read_script(arguments: Sequence[str], stream: BinaryIO) -> bytes:
    """Read the job's script, if it comes by standard input: it must be at hand at every try."""
    return stream.read() if "/dev/stdin" in arguments else b""


def main(arguments: Sequence[str]) -> int:
    """Submit a job as `sbatch` does.

    Args:
        arguments: those of `sbatch`.

    Returns:
        The exit status.
    """
    folder = HeadFolder(Path(os.environ[FOLDER_VARIABLE]))
    script = read_script(arguments, sys.stdin.buffer)
    try:
        ended = PatientSubmission(arguments, script, folder).submit()
    except (HeadIsGoneError, KeyboardInterrupt):
        print("not submitted, since the workflow is being stopped", file=sys.stderr)
        return STOPPED_STATUS
    sys.stdout.buffer.write(ended.output)
    sys.stderr.buffer.write(ended.errors)
    return ended.status if ended.status >= 0 else 1
