#!/usr/bin/env python
"""Train several cells of one model and task, one after the other, in one process.

Python, torch and the libraries start once. Each run is what `train.py` makes of its cell, to the
bit, with its own files, log, checkpoints and lock. One that fails is noted and the next is begun;
a run that is finished already is not made again.

Writes, last, how each cell ended ("finished" or "failed") and where its log is. On SIGTERM,
SIGUSR1 and SIGINT, and a minute before its Slurm job's time limit, it writes the running cell's
checkpoint and exits with status 75.
"""

import logging
from pathlib import Path

from tunegrid.cli import describe, expanded_path, json_argument, run_program


def main() -> None:
    parser = describe(__doc__)
    parser.add_argument(
        "--cells", required=True, type=json_argument, help="list of {settings, keep}"
    )
    parser.add_argument("--model", required=True, type=Path, help="folder of fetch_model")
    parser.add_argument("--encoded", required=True, type=Path, help="folder of encode_task")
    parser.add_argument("--runs", required=True, type=Path, help="folder of all runs")
    parser.add_argument("--logs", required=True, type=Path, help="folder for the runs' logs")
    parser.add_argument("--checkpoints", required=True, type=Path, help="of all runs")
    parser.add_argument("--finished", required=True, type=Path, help="folder of finished runs")
    parser.add_argument("--attempts", type=Path, help="file of the attempts at this pack")
    parser.add_argument("--run-attempts", type=Path, help="folder of the attempts at each run")
    parser.add_argument("--memory", type=int, help="of its Slurm job, in MB")
    parser.add_argument("--scratch", type=expanded_path, help="fast disk to copy what is read to")
    parser.add_argument("--time-limit", type=float, help="of its Slurm job, in minutes")
    parser.add_argument("--output", required=True, type=Path, help="JSON file: how each ended")
    arguments = parser.parse_args()

    from tunegrid.cluster.attempts import AttemptLog
    from tunegrid.files import canonical_json, digest, write_json
    from tunegrid.results import RUN_PATH
    from tunegrid.training.job import Job
    from tunegrid.training.packing import make_all
    from tunegrid.training.stopping import GO_ON, Stopped, StopRequest, job_deadline

    stop = StopRequest(job_deadline(arguments.time_limit))
    stop.install()
    jobs = {}
    for cell in arguments.cells:
        path = RUN_PATH.format(**cell["settings"])
        jobs[path] = Job(
            *(cell["settings"], arguments.model, arguments.encoded, arguments.runs / path),
            *(cell["keep"], arguments.checkpoints, arguments.finished),
        )
    attempts = AttemptLog(arguments.attempts, target=digest(canonical_json(arguments.cells)))
    try:
        with attempts.recorded(arguments.memory):
            ended = make_all(jobs, arguments.logs, stop, arguments.scratch, arguments.run_attempts)
    except Stopped as stopped:
        logging.warning("stopped by %s; start it again to go on from there", stopped)
        raise SystemExit(GO_ON) from None
    write_json(arguments.output, ended)


if __name__ == "__main__":
    run_program(main)
