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

The plugin also asks for the user's account before each submission: `sacctmgr`, and if that fails
`sshare`, which asks the controller. While the controller is away, this program waits in the place
of `sshare`, too.

It ends at once when the head process stops or is gone (`tunegrid.cluster.waiting_submissions`).
"""

import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

from tunegrid.cluster.head_folder import FOLDER_VARIABLE, HeadFolder, HeadIsGoneError
from tunegrid.cluster.real_commands import Ended, RealCommands
from tunegrid.cluster.submission_answers import SubmissionAnswer

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
#: The states of jobs that have not ended, for `squeue`.
UNFINISHED = "PENDING,CONFIGURING,RUNNING,SUSPENDED,COMPLETING"
#: The exit status of a submission that the head process no longer wants.
STOPPED_STATUS = 130


class PatientSubmission:
    """Submits one job, and waits where Slurm does not take it for now.

    Args:
        arguments: those of `sbatch`.
        script: what `sbatch` reads from its standard input, if it reads anything.
        commands: runs Slurm's own commands.
        folder: leads to the head process.
    """

    def __init__(
        self, arguments: Sequence[str], script: bytes, commands: RealCommands, folder: HeadFolder
    ) -> None:
        self._arguments = arguments
        self._script = script
        self._commands = commands
        self._folder = folder

    def submit(self) -> Ended:
        """Submit the job.

        Returns:
            How the last try ended.

        Raises:
            HeadIsGoneError: the head process no longer wants the job.
        """
        try:
            ended = self._submit_once()
            kind = ended.answer()
            began = time.monotonic()
            while kind in PATIENCE and (waited := time.monotonic() - began) <= PATIENCE[kind]:
                self._folder.say_waiting(kind, ended.describe())
                self._folder.wait(next_wait(waited))
                ended = self._try_again(ended)
                if ended.answer() is not kind:
                    kind = ended.answer()
                    began = time.monotonic()
            # Behind the id may stand the cluster's name; before it, some sites print a greeting.
            job_id = ended.output.decode(errors="replace").strip().split(";")[0]
            if kind is SubmissionAnswer.ACCEPTED and job_id.isdecimal():
                self._folder.claim(job_id)
            return ended
        finally:
            self._folder.say_done()

    def _try_again(self, failed: Ended) -> Ended:
        """Submit again, unless the failed try has brought the job into the queue after all."""
        if failed.answer() is SubmissionAnswer.AWAY:
            name = self._option("--job-name")
            queue = self._commands.ask_queue(
                f"--name={name}", f"--states={UNFINISHED}", "--format=%i|%k"
            )
            if queue.status:
                return failed
            for line in queue.output.decode().splitlines():
                job_id, _, comment = line.partition("|")
                if comment == self._option("--comment") and self._folder.claim(job_id):
                    return Ended(status=0, output=f"{job_id}\n".encode())
        return self._submit_once()

    def _submit_once(self) -> Ended:
        return self._commands.run(["sbatch", *self._arguments], self._script)

    def _option(self, name: str) -> str:
        """The value of an option that the plugin always gives, as `--name value`."""
        return self._arguments[self._arguments.index(name) + 1]


def ask_patiently(command: Sequence[str], commands: RealCommands, folder: HeadFolder) -> Ended:
    """Run a command that asks the controller, again and again while that is away.

    Returns:
        How the last try ended. It may have failed: then the controller has answered `squeue`.

    Raises:
        HeadIsGoneError: the head process no longer wants the answer.
    """
    began = time.monotonic()
    try:
        while (
            (ended := commands.run(command)).status
            and commands.ask_queue().status
            and (waited := time.monotonic() - began) <= PATIENCE[SubmissionAnswer.AWAY]
        ):
            folder.say_waiting(SubmissionAnswer.AWAY, ended.describe())
            folder.wait(next_wait(waited))
        return ended
    finally:
        folder.say_done()


def next_wait(waited: float) -> float:
    """Tell for how many seconds to wait before the next try, after so many."""
    return min(max(SHORTEST_WAIT, waited * SHARE_OF_WAITING_TIME), LONGEST_WAIT)


def read_script(arguments: Sequence[str], stream: BinaryIO) -> bytes:
    """Read the job's script, if it comes by standard input: it must be at hand at every try."""
    return stream.read() if "/dev/stdin" in arguments else b""


def main(command: Sequence[str]) -> int:
    """Do in place of one of Slurm's commands what it does.

    Args:
        command: `sbatch`, or one that asks the controller, and the arguments of the plugin.

    Returns:
        The exit status.
    """
    folder = HeadFolder(Path(os.environ[FOLDER_VARIABLE]))
    commands = RealCommands(folder)
    try:
        if command[0] == "sbatch":
            script = read_script(command, sys.stdin.buffer)
            ended = PatientSubmission(command[1:], script, commands, folder).submit()
        else:
            ended = ask_patiently(command, commands, folder)
    except (HeadIsGoneError, KeyboardInterrupt):
        print("not submitted, since the workflow is being stopped", file=sys.stderr)
        return STOPPED_STATUS
    sys.stdout.buffer.write(ended.output)
    sys.stderr.buffer.write(ended.errors)
    return ended.status if ended.status >= 0 else 1
