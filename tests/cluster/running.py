"""Running a grid on a cluster as a user does, and disturbing it.

All that the cluster's tests know of a run's files stands at the top of this module.
"""

import json
import os
import re
import select
import shutil
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import tiny
import yaml
from paths import ROOT
from slurm import Cluster, wait_for
from slurm_conf import ACCOUNT

from tunegrid.files import read_json

#: The target of the workflow that trains the grid's cells and makes nothing of their results.
TARGET = "runs"
#: The file that a run writes last.
LAST_FILE = "training.json"
#: What is in the command line of a process that trains.
TRAINING = "scripts/train.py"
#: Where the checkpoints of all runs are, a folder each.
CHECKPOINTS = "results/.checkpoints/*/step*.pt"

#: The paths of the grid's two runs, and the part of a configuration that makes a grid of the first.
FULL = "tiny-bert/tiny/full/seed1"
ADAPTER = "tiny-bert/tiny/adapter-4/seed1"
ONE_CELL = {
    "grid": [{"models": ["tiny-bert"], "tasks": ["tiny"], "methods": ["full"], "seeds": [1]}],
}

#: How many seconds a test waits before it fails. They are no part of what is tested, so they are
#: enough for a machine that is busy with other things.
PATIENCE = 600


def run_folders(directory: Path, name: str = "") -> list[Path]:
    """The folders of the finished runs below a working directory, of a configuration's name."""
    runs = directory / "results" / name / "runs"
    return sorted(path.parent for path in runs.glob(f"**/{LAST_FILE}"))


def results(directory: Path, name: str = "") -> dict[str, tuple]:
    """What every finished run found, exactly, by its path below the folder of all runs."""
    runs = directory / "results" / name / "runs"
    return {
        str(path.relative_to(runs)): tiny.results(path) for path in run_folders(directory, name)
    }


def copy_folder(source: Path, target: Path) -> Path:
    """Copy a folder as it is, with its links; the copy."""
    return shutil.copytree(source, target, symlinks=True)


def processes_of(folder: Path) -> int:
    """How many processes a finished run took."""
    return read_json(folder / "provenance.json")["processes"]


def went_on_from_a_checkpoint(folder: Path) -> bool:
    """Whether a finished run was not trained in one go."""
    return bool(read_json(folder / "provenance.json")["resumed_at_step"])


def write_profile(
    folder: Path, cluster: Cluster, *, partition: str = "gpu", **changes: object
) -> Path:
    """Write the workflow's profile, filled in for a cluster.

    Args:
        folder: where it is written.
        cluster: tells the account.
        partition: of the jobs with a GPU.
        **changes: settings that differ from the profile's.

    Returns:
        The file.
    """
    text = (ROOT / "profiles/slurm/config.yaml").read_text()
    for value in (ACCOUNT if cluster.accounting else "none", "cpu", partition):
        text = text.replace("FILL-IN", value, 1)
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "config.yaml"
    file.write_text(yaml.safe_dump(yaml.safe_load(text) | changes))
    return file


class HeldProcesses:
    """Processes that are kept from going on, whatever else wants them to.

    Before Slurm ends a job it lets processes go on that are stopped, and it kills them only five
    seconds later, which is longer than a short run needs. So they are stopped over and over.

    Args:
        pids: the process ids.
    """

    def __init__(self, pids: list[int]) -> None:
        # These descriptors name the processes even if another gets the same number later.
        self._processes = [os.pidfd_open(pid) for pid in pids]
        self._let_go = threading.Event()
        self._thread = threading.Thread(target=self._stop_over_and_over)

    def __enter__(self) -> "HeldProcesses":
        self._send(signal.SIGSTOP)
        self._thread.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        self._let_go.set()
        self._thread.join()
        self._send(signal.SIGCONT)
        for process in self._processes:
            os.close(process)

    def wait_until_killed(self) -> None:
        """Wait until somebody has killed them all."""
        count = len(self._processes)
        wait_for(
            # The descriptor of a process becomes readable when it ends.
            lambda: len(select.select(self._processes, [], [], 0)[0]) == count,
            seconds=PATIENCE,
            what="the end of the held processes",
        )

    def _stop_over_and_over(self) -> None:
        while not self._let_go.wait(0.02):
            self._send(signal.SIGSTOP)

    def _send(self, number: signal.Signals) -> None:
        for process in self._processes:
            with suppress(ProcessLookupError):
                signal.pidfd_send_signal(process, number)


@dataclass
class Run:
    """One working directory on a cluster, and Snakemake at work there.

    Attributes:
        cluster: where its jobs run.
        source: the workflow's folder.
        directory: the working directory.
        profile: the folder of the profile.
        configfile: the configuration.
        environment: what differs from the environment of the cluster's other users.
    """

    cluster: Cluster
    source: Path
    directory: Path
    profile: Path
    configfile: Path
    environment: dict[str, str] = field(default_factory=dict)
    process: subprocess.Popen | None = None

    # Snakemake

    def command(self, *arguments: str) -> list[str]:
        return [
            sys.executable,
            "-m",
            "snakemake",
            TARGET,
            *arguments,
            f"--snakefile={self.source / 'Snakefile'}",
            f"--directory={self.directory}",
            f"--profile={self.profile}",
            f"--configfile={self.configfile}",
        ]

    def start(self, *arguments: str) -> None:
        """Start Snakemake, without waiting for it."""
        with self._output.open("a") as file:
            self.process = subprocess.Popen(
                # A shell that starts the tests in the background makes them ignore Ctrl-C.
                ["env", "--default-signal=INT", *self.command(*arguments)],
                stdout=file,
                stderr=subprocess.STDOUT,
                env=self.cluster.environment | self.environment,
                start_new_session=True,
            )

    def finish(self, seconds: float = PATIENCE) -> str:
        """Wait until Snakemake ends.

        Returns:
            All that it has printed.
        """
        deadline = time.monotonic() + seconds
        while self.process.poll() is None:
            if time.monotonic() > deadline:
                raise AssertionError(f"no end after {seconds} s:\n{self.output()}")
            self.cluster.start_requeued_jobs()
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(3)
        return self.output()

    def run(self, *arguments: str) -> str:
        """Run Snakemake to a good end.

        Returns:
            All that it has printed.
        """
        self.start(*arguments)
        output = self.finish()
        assert self.process.returncode == 0, output
        return output

    def kill(self, number: int = signal.SIGKILL) -> None:
        """End Snakemake by a signal."""
        self.process.send_signal(number)
        self.process.wait(PATIENCE)

    @property
    def _output(self) -> Path:
        return self.configfile.parent / "output.log"

    def output(self) -> str:
        """All that Snakemake has printed."""
        return self._output.read_text()

    def status(self) -> str:
        """What is told of where the grid stands."""
        program = self.source / "scripts/status.py"
        return subprocess.run(
            [sys.executable, program, "--directory", self.directory],
            env=self.cluster.environment | self.environment,
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        ).stdout

    def wait_until_printed(self, text: str) -> None:
        """Wait until Snakemake prints a text."""
        wait_for(
            lambda: text in self.output(),
            seconds=PATIENCE,
            what=lambda: f"{text!r} in:\n{self.output()}",
        )

    # Its jobs

    def job_in_training(self) -> str:
        """Wait until a run has written a checkpoint.

        Returns:
            The id of its Slurm job.
        """
        wait_for(
            lambda: any(self.checkpoints()),
            seconds=PATIENCE,
            what=lambda: f"a checkpoint; {self.output()}\n{self.logs()}",
        )
        settings_hash = self.checkpoints()[0].parent.name
        for log in self._training_logs():
            text = log.read_text()
            if settings_hash in text and (found := re.findall(r"Slurm job (\d+)", text)):
                return found[-1]
        raise AssertionError("no log names the run's job")

    def job_of_attempt(self, path: str, number: int) -> str:
        """Wait until an attempt at a run has begun.

        Args:
            path: the run's.
            number: the attempt's, counted from 1.

        Returns:
            The id of its Slurm job.
        """

        def has_begun() -> bool:
            self.cluster.start_requeued_jobs()
            return self.attempts_begun(path) == number

        wait_for(
            has_begun,
            seconds=PATIENCE,
            what=lambda: f"attempt {number}; {self.output()}\n{self.logs()}",
            every=1,
        )
        return self._attempts(path)[-1]["slurm_job"]

    def hold(self, job_id: str) -> "HeldProcesses":
        """Hold a job's training in a `with` block: it neither goes on nor ends by itself."""
        return HeldProcesses(self.cluster.processes(f"SLURM_JOB_ID={job_id}", TRAINING))

    def end(self) -> None:
        """End Snakemake and its jobs, if they have not ended."""
        if self.process and self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
        with suppress(subprocess.SubprocessError):  # a test may have stopped the cluster
            self.cluster.cancel_all_jobs()

    # What it has written

    def checkpoints(self) -> list[Path]:
        return sorted(self.directory.glob(CHECKPOINTS))

    def results(self) -> dict[str, tuple]:
        """What every finished run found, by its path."""
        return results(self.directory)

    def _training_logs(self) -> list[Path]:
        return sorted(self.directory.glob("results/logs/train/**/*.log"))

    def logs(self) -> str:
        """The logs of all training runs."""
        return "\n".join(path.read_text() for path in self._training_logs())

    def attempts_begun(self, path: str) -> int:
        """How many attempts at a run began."""
        return len(self._attempts(path))

    def _attempts(self, path: str) -> list[dict]:
        """What each attempt at a run recorded when it began, in order."""
        return [line["began"] for line in self._attempt_lines(path) if "began" in line]

    def attempt_ends(self, path: str) -> list[str]:
        """Why each attempt at a run ended, in order; those that could not say so are left out."""
        return [line["ended"] for line in self._attempt_lines(path) if "ended" in line]

    def _attempt_lines(self, path: str) -> list[dict]:
        file = self.directory / f"results/.attempts/{path}.jsonl"
        text = file.read_text() if file.exists() else ""
        return [json.loads(line) for line in text.splitlines() if line]
