"""Making a run, protected: attempts are recorded, it is locked, taken where it is finished already.

Nothing here imports torch before a run must be trained.
"""

import os
import sys
from dataclasses import replace
from pathlib import Path
from time import perf_counter

from tunegrid.cluster.attempts import AttemptLog
from tunegrid.errors import UserError
from tunegrid.files import make_older_than_inputs, read_json
from tunegrid.provenance import provenance
from tunegrid.staleness import training_code
from tunegrid.stopping import StopRequest
from tunegrid.submitted_code import check_submitted_code
from tunegrid.training.finished_runs import FinishedRun, is_kept, precision_of_copy
from tunegrid.training.launching import is_launched, launch
from tunegrid.training.precisions import precision_here
from tunegrid.training.run_lock import run_lock
from tunegrid.training.run_request import RunRequest
from tunegrid.training.scratch import on_scratch


def make_run(
    request: RunRequest,
    stop: StopRequest,
    *,
    attempts: AttemptLog,
    memory_mb: int | None = None,
    scratch: Path | None = None,
) -> None:
    """Make the run, unless it is finished already; in as many processes as its settings say.

    Args:
        request: what to make.
        stop: is asked whether to stop.
        attempts: the record of the attempts at this run.
        memory_mb: the memory of the Slurm job, MB.
        scratch: a node's fast disk, from which model and data are read.

    Raises:
        Stopped: it was asked to stop, and goes on from its checkpoint when it is started again.
        UserError: the run cannot be made, or its code was edited since it was submitted.
    """
    if is_launched():  # as one of the run's several processes: the first one holds the lock
        with on_scratch(request, scratch) as local_request:
            train_and_write(local_request, stop)
        return
    with attempts.recorded(memory_mb), run_lock(request, stop):
        check_submitted_code(request.settings)
        if take_finished(request):
            return
        processes = request.settings.train.gpus_per_run
        if processes > 1:
            launch(processes, request.output, stop)
            return
        with on_scratch(request, scratch) as local_request:
            train_and_write(local_request, stop)


def train_and_write(request: RunRequest, stop: StopRequest) -> None:
    """Train the run in this process, and write its files.

    Threads and kernels are fixed first, since a process fixes them for good.

    Raises:
        Stopped, UserError: as `tunegrid.training.finetune.finetune`.
    """
    train = request.settings.train
    os.environ["OMP_NUM_THREADS"] = str(train.threads)  # read when torch is imported
    from tunegrid.light_imports import light_imports
    from tunegrid.training.randomness import make_deterministic

    make_deterministic(deterministic=train.deterministic, threads=train.threads)
    with light_imports():
        from tunegrid.training.finetune import finetune
    from tunegrid.training.run_files import remove_last_file, write_run

    started = perf_counter()
    made = provenance("train", training_code(request.settings))
    remove_last_file(request.output)
    identity = request.identity(made)
    run, test = finetune(request, identity, stop)
    write_run(run, test, made, started)
    if run.accelerator.is_main_process:
        identity_at_end = request.identity_at_end(made, run.precision)
        FinishedRun(request.finished_folder, identity_at_end).keep(request.output)
        if request.ends_after is None:
            run.checkpoints.remove()
    run.accelerator.wait_for_everyone()


def take_only(request: RunRequest, stop: StopRequest) -> None:
    """Take a run that is finished already, and train none.

    It is taken in the precision that it was trained in: with `auto` the machine of the job that
    would train it decides, which need not be this one.

    Raises:
        Stopped: as `make_run`.
        UserError: there is none of this code, model and data. The copy that seemed to be one is
            forgotten, so that the next start of the workflow trains the run.
    """
    with run_lock(request, stop):
        check_submitted_code(request.settings)
        made = provenance("train", training_code(request.settings))
        precision = precision_of_copy(request.finished_folder)
        copy = FinishedRun(request.finished_folder, request.identity_at_end(made, precision))
        if not copy.take(request.output, weights=request.keeps_weights):
            copy.forget()
            raise UserError(
                f"the finished run in {request.finished_folder} cannot be taken, for the reason"
                " above; start the workflow again, and the run is trained"
            )


def take_finished(request: RunRequest) -> bool:
    """Take the run's files from the second copies of finished runs; False if it must be made.

    A copy that was trained in another precision than this machine would train it in is not taken.
    """
    if not is_kept(request.finished_folder):
        return False
    made = provenance("train", training_code(request.settings))
    identity = request.identity_at_end(made, precision_here(request.settings.train))
    copy = FinishedRun(request.finished_folder, identity)
    return copy.take(request.output, weights=request.keeps_weights)


def take_from_pack(request: RunRequest, pack: Path, path: str) -> None:
    """Take the run's files, which its pack has made, and repeat its log.

    Args:
        request: the run.
        pack: what train_pack wrote.
        path: the run's name in it.

    Raises:
        UserError: the run failed. The pack's file is made older than what it was made from, so
            that the next start of the workflow tries the failed ones again.
    """
    cell = read_json(pack)[path]
    request = replace(request, ends_after=cell.get("ends_after"))
    sys.stderr.write(Path(cell["log"]).read_text(encoding="utf-8"))
    if cell["ended"] == "finished" and take_finished(request):
        return
    make_older_than_inputs(pack)  # removing it would fail the other cells of the pack
    raise UserError("the run failed in its pack; why stands above")
