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
from functools import partial
from pathlib import Path

from tunegrid.cli import describe, expanded_path, json_argument, run_program


def main() -> None:
    parser = describe(__doc__)
    parser.add_argument(
        "--cells", required=True, type=json_argument, help="JSON list of the cells: settings, keep"
    )
    parser.add_argument("--model", required=True, type=Path, help="folder that fetch_model wrote")
    parser.add_argument("--encoded", required=True, type=Path, help="folder that encode_task wrote")
    parser.add_argument(
        "--trials",
        type=Path,
        nargs="+",
        default=[],
        help="files of try_cell: cells of methods that do not fit are left out",
    )
    parser.add_argument("--runs", required=True, type=Path, help="folder of all runs")
    parser.add_argument("--logs", required=True, type=Path, help="folder for the runs' logs")
    parser.add_argument("--checkpoints", required=True, type=Path, help="folder of all checkpoints")
    parser.add_argument(
        "--finished", required=True, type=Path, help="folder of their second copies"
    )
    parser.add_argument("--attempts", type=Path, help="file that records the attempts at the pack")
    parser.add_argument("--run-attempts", type=Path, help="folder of the attempts at each run")
    parser.add_argument(
        "--halving",
        type=json_argument,
        help="JSON: keep one of `rate` candidates by `metric`, round by round; `state`: a file",
    )
    parser.add_argument("--memory", type=int, help="memory of the Slurm job, in MB")
    parser.add_argument("--scratch", type=expanded_path, help="fast disk to read from")
    parser.add_argument("--time-limit", type=float, help="time limit of the Slurm job, in minutes")
    parser.add_argument(
        "--output", required=True, type=Path, help="JSON file to write: how each run ended"
    )
    arguments = parser.parse_args()

    from tunegrid.cluster.attempts import AttemptLog
    from tunegrid.cluster.job_clock import job_deadline
    from tunegrid.files import canonical_json, digest, read_json, write_json
    from tunegrid.metrics import METRICS
    from tunegrid.settings import CellSettings
    from tunegrid.stopping import GO_ON, Stopped, StopRequest
    from tunegrid.training.packing import make_all
    from tunegrid.training.run_request import RunRequest
    from tunegrid.tuning.halving import Tried, halve

    stop = StopRequest(job_deadline(arguments.time_limit))
    stop.install()
    problems = {path.stem: read_json(path)["problem"] for path in arguments.trials}
    requests, candidates = {}, {}
    for cell in arguments.cells:
        chosen = read_json(cell["choice"])["settings"] if cell["choice"] else None
        settings = CellSettings.from_json(cell["settings"], chosen)
        path = cell["path"]
        candidates[path] = cell["candidate"]
        if problem := problems.get(settings.method):
            logging.info("%s: left out: %s", path, problem)
            continue
        requests[path] = RunRequest(
            settings=settings,
            model=arguments.model,
            encoded=arguments.encoded,
            output=arguments.runs / path,
            keep=cell["keep"],
            checkpoints=arguments.checkpoints,
            finished=arguments.finished,
        )
    make = partial(
        make_all,
        logs=arguments.logs,
        stop=stop,
        scratch=arguments.scratch,
        attempts=arguments.run_attempts,
    )
    attempts = AttemptLog(arguments.attempts, target=digest(canonical_json(arguments.cells)))
    try:
        with attempts.recorded(arguments.memory):
            if arguments.halving and requests:
                ended = halve(
                    {path: Tried(candidates[path], one) for path, one in requests.items()},
                    rate=arguments.halving["rate"],
                    metric=METRICS[arguments.halving["metric"]],
                    state=Path(arguments.halving["state"]),
                    make_all=make,
                )
            else:
                ended = make(requests)
    except Stopped as stopped:
        logging.warning("stopped by %s; start it again to go on from there", stopped)
        raise SystemExit(GO_ON) from None
    write_json(arguments.output, ended)


if __name__ == "__main__":
    run_program(main)
