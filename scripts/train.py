#!/usr/bin/env python
"""Train one cell: one model on one task by one method from one seed.

AdamW with warm-up and decay, for a fixed number of epochs; the last epoch's weights are measured
on the test split. Batches are random; a batch is computed as micro-batches of like length whose
losses are weighted by examples, so every cut of a batch has the same gradient but for dropout.
Writes history.csv, predictions.parquet, provenance.json and, last, metrics.json.

With --checkpoints the run writes its whole state after every epoch and every ten minutes, and goes
on from the newest whole one when it is started again; it then ends bitwise as if it had never
stopped. On SIGTERM, SIGUSR1 and SIGINT it writes one and exits with status 75.

Fails when the method does not fit the model. A run that diverges or predicts one class does not
fail: it is finished and marked `degenerate`.

By hand, the settings of a run that exists:
  jq .settings results/runs/MODEL/TASK/METHOD/seed1/provenance.json > settings.json
  python scripts/train.py --settings @settings.json --model resources/models/MODEL \\
    --encoded results/encoded/MODEL/TASK --output /tmp/run
"""

import logging
import os
from pathlib import Path

from tunegrid.cli import describe, json_argument, run_program


def main() -> None:
    parser = describe(__doc__)
    parser.add_argument("--settings", required=True, type=json_argument, help="the cell's")
    parser.add_argument("--model", required=True, type=Path, help="folder of fetch_model")
    parser.add_argument("--encoded", required=True, type=Path, help="folder of encode_task")
    parser.add_argument("--output", required=True, type=Path, help="folder to write")
    parser.add_argument("--checkpoints", type=Path, help="folder of all runs' checkpoints")
    arguments = parser.parse_args()

    from tunegrid.training.stopping import GO_ON, Stopped, StopRequest

    stop = StopRequest()
    stop.install()

    settings = arguments.settings["train"]
    os.environ["OMP_NUM_THREADS"] = str(settings["threads"])  # read when torch is imported
    from tunegrid.training.randomness import make_deterministic

    make_deterministic(settings["deterministic"], settings["threads"])
    from tunegrid.training.run import run_cell

    try:
        run_cell(
            *(arguments.settings, arguments.model, arguments.encoded, arguments.output),
            *(arguments.checkpoints, stop),
        )
    except Stopped as reason:
        logging.warning("stopped by %s; start it again to go on from there", reason)
        raise SystemExit(GO_ON) from None


if __name__ == "__main__":
    run_program(main)
