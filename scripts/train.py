#!/usr/bin/env python
"""Train one cell: one model on one task by one method from one seed.

AdamW with warm-up and decay; the weights of the last epoch, or of the best on dev, are measured on
the test split. Batches are random; a batch is computed as micro-batches of like length whose
losses are weighted by examples, so every cut of a batch has the same gradient but for dropout.
When memory runs out the micro-batch is halved and the step repeated. Writes history.csv,
evaluations.parquet, predictions.parquet, provenance.json and, last, training.json; metrics are
computed from these by score.py.

With --checkpoints the run writes its whole state after every epoch and every ten minutes, and goes
on from the newest whole one when it is started again; it then ends bitwise as if it had never
stopped. On SIGTERM, SIGUSR1 and SIGINT, and a minute before its Slurm job's time limit, it writes
one and exits with status 75. With --finished a run that was made before is taken, not made again.

Fails when the method does not fit the model. A run that diverges or predicts one class does not
fail: it is finished, and its score marks it as `degenerate`.

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
    parser.add_argument(
        "--settings", required=True, type=json_argument, help="JSON, or @FILE: the cell's settings"
    )
    parser.add_argument(
        "--choice", type=Path, help="file of choose_settings: the settings that tuning has chosen"
    )
    parser.add_argument("--model", required=True, type=Path, help="folder that fetch_model wrote")
    parser.add_argument("--encoded", required=True, type=Path, help="folder that encode_task wrote")
    parser.add_argument("--output", required=True, type=Path, help="folder of the run, to write")
    parser.add_argument(
        "--keep", default="none", help="whose trained weights to keep: none, adapters or all"
    )
    parser.add_argument("--checkpoints", type=Path, help="folder of the checkpoints of all runs")
    parser.add_argument(
        "--finished", type=Path, help="folder of the second copies of finished runs"
    )
    parser.add_argument("--attempts", type=Path, help="file that records the attempts at this run")
    parser.add_argument("--memory", type=int, help="memory of the Slurm job, in MB")
    parser.add_argument("--scratch", type=expanded_path, help="fast disk to read from")
    parser.add_argument("--time-limit", type=float, help="time limit of the Slurm job, in minutes")
    parser.add_argument("--pack", type=Path, help="file of train_pack: take the run from it")
    parser.add_argument("--path", help="the run's name in that file")
    parser.add_argument(
        "--take-only", action="store_true", help="take the run from --finished, and train none"
    )
    arguments = parser.parse_args()

    from tunegrid.cluster.attempts import AttemptLog
    from tunegrid.cluster.job_clock import job_deadline
    from tunegrid.files import read_json
    from tunegrid.settings import CellSettings
    from tunegrid.stopping import GO_ON, Stopped, StopRequest
    from tunegrid.training.launching import is_launched
    from tunegrid.training.make_run import make_run, take_from_pack, take_only
    from tunegrid.training.run_request import RunRequest

    chosen = read_json(arguments.choice)["settings"] if arguments.choice else None
    settings = CellSettings.from_json(arguments.settings, chosen)
    request = RunRequest(
        settings=settings,
        model=arguments.model,
        encoded=arguments.encoded,
        output=arguments.output,
        keep=arguments.keep,
        checkpoints=arguments.checkpoints,
        finished=arguments.finished,
    )
    if arguments.pack:
        take_from_pack(request, arguments.pack, arguments.path)
        return
    stop = StopRequest(job_deadline(arguments.time_limit))
    stop.install()
    if arguments.take_only:
        take_only(request, stop)
        return
    try:
        make_run(
            request,
            stop,
            attempts=AttemptLog(arguments.attempts, target=settings.hash),
            memory_mb=arguments.memory,
            scratch=arguments.scratch,
        )
    except Stopped as stopped:
        logging.warning("stopped by %s; start it again to go on from there", stopped)
        # The launcher takes any other status of one process for a reason to kill the others.
        raise SystemExit(0 if is_launched() else GO_ON) from None


if __name__ == "__main__":
    run_program(main)
