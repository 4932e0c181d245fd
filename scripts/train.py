#!/usr/bin/env python
"""Train one cell: one model on one task by one method from one seed.

AdamW with warm-up and decay; the weights of the last epoch, or of the best on dev, are measured on
the test split. Batches are random; a batch is computed as micro-batches of like length whose
losses are weighted by examples, so every cut of a batch has the same gradient but for dropout.
When memory runs out the micro-batch is halved and the step repeated. Writes history.csv,
predictions.parquet, provenance.json and, last, metrics.json.

With --checkpoints the run writes its whole state after every epoch and every ten minutes, and goes
on from the newest whole one when it is started again; it then ends bitwise as if it had never
stopped. On SIGTERM, SIGUSR1 and SIGINT, and a minute before its Slurm job's time limit, it writes
one and exits with status 75. With --finished a run that was made before is taken, not made again.

Fails when the method does not fit the model. A run that diverges or predicts one class does not
fail: it is finished and marked `degenerate`.

By hand, the settings of a run that exists:
  jq .settings results/runs/MODEL/TASK/METHOD/seed1/provenance.json > settings.json
  python scripts/train.py --settings @settings.json --model resources/models/MODEL \\
    --encoded results/encoded/MODEL/TASK --output /tmp/run
"""

import logging
from pathlib import Path

from tunegrid.cli import describe, expanded_path, json_argument, run_program


def main() -> None:
    parser = describe(__doc__)
    parser.add_argument("--settings", required=True, type=json_argument, help="the cell's")
    parser.add_argument("--model", required=True, type=Path, help="folder of fetch_model")
    parser.add_argument("--encoded", required=True, type=Path, help="folder of encode_task")
    parser.add_argument("--output", required=True, type=Path, help="folder to write")
    parser.add_argument("--keep", default="none", help="weights to keep: none, adapters or all")
    parser.add_argument("--checkpoints", type=Path, help="folder of all runs' checkpoints")
    parser.add_argument("--finished", type=Path, help="folder of all finished runs")
    parser.add_argument("--attempts", type=Path, help="file of the attempts at this run")
    parser.add_argument("--memory", type=int, help="of its Slurm job, in MB")
    parser.add_argument("--scratch", type=expanded_path, help="fast disk to copy what is read to")
    parser.add_argument("--time-limit", type=float, help="of its Slurm job, in minutes")
    parser.add_argument("--pack", type=Path, help="only take it; the file of its pack (train_pack)")
    arguments = parser.parse_args()

    from tunegrid.cluster.attempts import AttemptLog
    from tunegrid.training.job import Job
    from tunegrid.training.launching import is_launched, launch
    from tunegrid.training.making import make, take, take_from_pack
    from tunegrid.training.scratch import on_scratch
    from tunegrid.training.stopping import GO_ON, Stopped, StopRequest, job_deadline

    job = Job(
        *(arguments.settings, arguments.model, arguments.encoded, arguments.output),
        *(arguments.keep, arguments.checkpoints, arguments.finished),
    )
    if arguments.pack:
        take_from_pack(job, arguments.pack)
        return
    processes = job.settings["train"]["gpus_per_run"]
    stop = StopRequest(job_deadline(arguments.time_limit))
    stop.install()
    try:
        if is_launched():
            with on_scratch(job, arguments.scratch) as here:
                make(here, stop)
            return
        attempts = AttemptLog(arguments.attempts, target=job.hash)
        with attempts.recorded(arguments.memory), job.locked(stop):
            if take(job):
                return
            if processes > 1:
                launch(processes, job.output, stop)
                return
            with on_scratch(job, arguments.scratch) as here:
                make(here, stop)
    except Stopped as stopped:
        logging.warning("stopped by %s; start it again to go on from there", stopped)
        # The launcher takes any other status of one process for a reason to kill the others.
        raise SystemExit(0 if is_launched() else GO_ON) from None


if __name__ == "__main__":
    run_program(main)
