"""Run a cell whose process is killed at random moments, over and over, until it may finish.

Usage: killing.py MODEL ENCODED FOLDER KILLS SEED. Heavy libraries are imported once; each
attempt is a fork.
"""

import os
import random
import signal
import sys
import time
from pathlib import Path

from tiny import cell

import tunegrid.training.run  # noqa: F401 (once, for all forks)
from tunegrid.training.job import Job
from tunegrid.training.making import make, take
from tunegrid.training.stopping import StopRequest


def attempt(job: Job, seconds: float | None) -> bool:
    """Fork a run and kill it after `seconds`; whether it finished."""
    child = os.fork()
    if not child:
        with job.locked(StopRequest()):
            if not take(job):
                make(job, StopRequest())
        os._exit(0)
    if seconds is not None:
        time.sleep(seconds)
        os.kill(child, signal.SIGKILL)
    return os.waitpid(child, 0)[1] == 0


def main() -> None:
    model, encoded, folder = map(Path, sys.argv[1:4])
    draw = random.Random(sys.argv[5])
    settings = cell(epochs=40, batch_size=8)
    places = folder / "run", "none", folder / "checkpoints", folder / "finished"
    job = Job(settings, model, encoded, *places)
    kills = finished = 0
    while kills < int(sys.argv[4]) and not finished:
        finished = attempt(job, draw.uniform(0.05, 0.5))
        kills += not finished
    assert finished or attempt(job, None)
    print(kills)


if __name__ == "__main__":
    main()
