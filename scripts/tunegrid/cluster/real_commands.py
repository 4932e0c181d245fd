"""Slurm's own commands, as the programs run them that stand before them on the PATH."""

import os
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass

from tunegrid.cluster.head_folder import LOOK_INTERVAL, HeadFolder, HeadIsGoneError
from tunegrid.cluster.stand_ins import FOR_HEAD, path_without
from tunegrid.cluster.submission_answers import SubmissionAnswer, describe_failure, read_answer

#: The exit status of a shell for a command that is not there.
NOT_FOUND_STATUS = 127


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


class RealCommands:
    """Runs Slurm's own commands, and ends them if the head process stops meanwhile.

    Args:
        folder: leads to the head process.
    """

    def __init__(self, folder: HeadFolder) -> None:
        self._folder = folder
        # Jobs inherit the PATH of the real `sbatch`: the one without the stand-ins.
        self._environment = os.environ | {"PATH": path_without(FOR_HEAD)}

    def run(self, command: Sequence[str], script: bytes = b"") -> Ended:
        """Run a command as the plugin does.

        Args:
            command: the command's name, and its arguments.
            script: what it reads from its standard input.

        Raises:
            HeadIsGoneError: the head process no longer wants it.
        """
        self._folder.look()
        program = shutil.which(command[0], path=self._environment["PATH"])
        if program is None:
            return Ended(NOT_FOUND_STATUS, errors=f"{command[0]}: not found\n".encode())
        with subprocess.Popen(
            [program, *command[1:]],
            env=self._environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        ) as process:
            unsent: bytes | None = script
            while True:
                try:
                    output, errors = process.communicate(unsent, timeout=LOOK_INTERVAL)
                except subprocess.TimeoutExpired:
                    unsent = None  # it goes on with what it was given
                    if not self._folder.head_wants_jobs():
                        process.kill()
                        raise HeadIsGoneError from None
                else:
                    return Ended(process.returncode, output, errors)

    def ask_queue(self, *options: str) -> Ended:
        """Run `squeue` for the user's jobs.

        Raises:
            HeadIsGoneError: the head process no longer wants it.
        """
        return self.run(["squeue", "--me", "--noheader", *options])
