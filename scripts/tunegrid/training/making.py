"""Making a run in this process, or taking one that is made; light until it must train."""

import os
import sys
from pathlib import Path

from tunegrid.errors import UserError
from tunegrid.files import read_json
from tunegrid.provenance import provenance
from tunegrid.results import RUN_PATH
from tunegrid.training.finished import Finished
from tunegrid.training.job import Job
from tunegrid.training.stopping import StopRequest


def take(job: Job) -> bool:
    """Take the run's files from where finished runs are kept; False if it must be made."""
    kept = Finished(job.finished_folder, job.identity(provenance("train")))
    return kept.take(job.output, weights=job.keeps_weights)


def take_from_pack(job: Job, pack: Path) -> None:
    """Take the run's files, which its pack has made, and repeat its log.

    Args:
        job: the run.
        pack: what train_pack wrote.

    Raises:
        UserError: the run failed. The pack's file is made older than what it was made from, so
            that the next start of the workflow tries the failed ones again.
    """
    cell = read_json(pack)[RUN_PATH.format(**job.settings)]
    sys.stderr.write(Path(cell["log"]).read_text(encoding="utf-8"))
    if cell["ended"] != "finished" or not take(job):
        os.utime(pack, (1, 1))  # removing it would fail the other cells of the pack
        raise UserError("the run failed in its pack; why stands above")


def make(job: Job, stop: StopRequest) -> None:
    """Train the run, after fixing what a process fixes for good: threads, kernels, precision.

    Raises:
        Stopped, UserError: as `tunegrid.training.run.run_cell`.
    """
    train = job.settings["train"]
    os.environ["OMP_NUM_THREADS"] = str(train["threads"])  # read when torch is imported
    from tunegrid.training.randomness import make_deterministic

    make_deterministic(train["deterministic"], train["threads"], train["precision"])
    from tunegrid.training.run import run_cell

    run_cell(job, stop)
