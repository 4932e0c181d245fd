"""Run a cell whose process is killed at random moments, over and over, until it may finish.

Usage: killing.py MODEL ENCODED FOLDER KILLS SEED. Before it the cell is run undisturbed. Heavy
libraries are imported once; each attempt is a fork. Prints how often the process was killed.
"""

import os
import random
import signal
import sys
import time
from pathlib import Path

from tiny import cell

import tunegrid.training.run_files  # noqa: F401 (once, for all forks)
from tunegrid.cluster.attempts import AttemptLog
from tunegrid.stopping import StopRequest
from tunegrid.training.make_run import make_run
from tunegrid.training.run_request import RunRequest


def attempt(request: RunRequest, seconds: float | None) -> bool:
    """Fork a run and kill it after `seconds`; whether it finished."""
    child = os.fork()
    if not child:
        make_run(request, StopRequest(), attempts=AttemptLog(None, target=request.settings.hash))
        os._exit(0)
    if seconds is not None:
        time.sleep(seconds)
        os.kill(child, signal.SIGKILL)
    return os.waitpid(child, 0)[1] == 0


def main() -> None:
    model, encoded, folder = map(Path, sys.argv[1:4])
    draw = random.Random(sys.argv[5])
    assert attempt(request_in(folder / "undisturbed", model, encoded), None)
    request = request_in(folder / "killed", model, encoded)
    kills = finished = 0
    while kills < int(sys.argv[4]) and not finished:
        finished = attempt(request, draw.uniform(0.05, 0.5))
        kills += not finished
    assert finished or attempt(request, None)
    print(kills)


def request_in(folder: Path, model: Path, encoded: Path) -> RunRequest:
    """The cell, with all its files below `folder`."""
    return RunRequest(
        settings=cell(epochs=40, batch_size=8),
        model=model,
        encoded=encoded,
        output=folder / "run",
        checkpoints=folder / "checkpoints",
        finished=folder / "finished",
    )


if __name__ == "__main__":
    main()
