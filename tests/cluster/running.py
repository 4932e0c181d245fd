"""A site: a cluster, and copies of the workflow whose profile is filled in for it."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import yaml
from slurm import ACCOUNT, Cluster, wait_for
from tiny import results

from tunegrid.files import read_json


def fill_in(profile: Path, *, accounting: bool, **changes) -> None:
    """Fill in the block that a site must, and make some `changes`."""
    text = profile.read_text()
    for value in (ACCOUNT if accounting else "none", "cpu", "gpu"):
        text = text.replace("FILL-IN", value, 1)
    profile.write_text(yaml.safe_dump(yaml.safe_load(text) | changes))


@dataclass
class Run:
    """One folder of results on the cluster, and Snakemake at work there."""

    cluster: Cluster
    source: Path
    directory: Path
    configfile: Path
    environment: dict[str, str]
    process: subprocess.Popen | None = None

    def command(self, *arguments: str) -> list:
        return [
            *(sys.executable, "-m", "snakemake", "runs", *arguments),
            *("--snakefile", self.source / "Snakefile", "--directory", self.directory),
            *("--profile", self.source / "profiles/slurm", "--configfile", self.configfile),
        ]

    def start(self, *arguments: str) -> None:
        """Start Snakemake, without waiting for it."""
        self.log = self.directory.parent / f"{self.directory.name}.log"
        with self.log.open("a") as file:
            self.process = subprocess.Popen(
                self.command(*arguments), stdout=file, stderr=subprocess.STDOUT,
                env=self.cluster.environment | self.environment, start_new_session=True,
            )  # fmt: skip

    def finish(self, seconds: float = 240) -> str:
        """Wait until Snakemake ends; what it said. Ended by force, the test fails."""
        deadline = time.monotonic() + seconds
        while self.process.poll() is None:
            if time.monotonic() > deadline:
                raise AssertionError(f"no end after {seconds} s:\n{self.said()}")
            time.sleep(1)
            self.cluster.hasten()
        return self.said()

    def said(self) -> str:
        return self.log.read_text()

    def run(self, *arguments: str, seconds: float = 240) -> str:
        """Run Snakemake to a good end."""
        self.start(*arguments)
        said = self.finish(seconds)
        assert self.process.returncode == 0, said
        return said

    def kill(self, number: int = signal.SIGKILL) -> None:
        """End Snakemake by a signal."""
        self.process.send_signal(number)
        self.process.wait(60)

    def end(self) -> None:
        """End Snakemake and its jobs, if they have not ended."""
        if self.process and self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
        with suppress(subprocess.SubprocessError):
            self.cluster.call("scancel", "--user=root")
            wait_for(lambda: not self.cluster.jobs(), 60, "its jobs are cancelled")

    def job_in_training(self, seconds: float = 120) -> str:
        """The Slurm job of a run that has written a checkpoint."""
        wait_for(lambda: any(self.checkpoints()), seconds, f"a checkpoint; {self.said}")
        folder = self.checkpoints()[0].parent.name
        for log in self.directory.glob("results/logs/train/**/*.log"):
            text = log.read_text()
            if folder in text and (found := re.findall(r"Slurm job (\d+)", text)):
                return found[-1]
        raise AssertionError("no log names the run's job")

    def checkpoints(self) -> list[Path]:
        return sorted(self.directory.glob("results/.checkpoints/*/step*.pt"))

    def folders(self) -> list[Path]:
        return sorted(path.parent for path in self.directory.glob("results/runs/**/metrics.json"))

    def results(self) -> dict[str, tuple]:
        """What every run found, by its path."""
        runs = self.directory / "results/runs"
        return {str(path.relative_to(runs)): results(path) for path in self.folders()}

    def resumed(self) -> list[str]:
        """The runs that went on from a checkpoint."""
        return [
            path.parts[-2]
            for path in self.folders()
            if read_json(path / "provenance.json")["resumed_at_step"]
        ]

    def logs(self) -> str:
        """The logs of all training runs."""
        return "\n".join(
            path.read_text() for path in self.directory.glob("results/logs/train/**/*.log")
        )


def copy_prepared(prepared: Path, directory: Path) -> Path:
    """A folder where model and task are fetched and encoded already."""
    return shutil.copytree(prepared, directory, symlinks=True)
