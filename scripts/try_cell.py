#!/usr/bin/env python
"""Try a model, task and method on the CPU, before anything waits for a GPU.

Builds the model as a run does, computes the longest example of every split, proves that a text's
logits depend neither on what was computed before nor on the padding of its batch, takes one step,
keeps an adapter and loads it in a fresh process. A model whose training would take more than
--memory is built with two blocks; all its weights are accounted for.

Starting the libraries takes longer than a trial. So the first of a model and task tries the other
methods, too, and leaves their verdicts in --store.

Writes the problem in one line, or null, and what is to be known of the cell's runs. A problem does
not fail it; check_cell.py fails then.
"""

import os
from pathlib import Path

from tunegrid.cli import describe, json_argument, run_program


def main() -> None:
    parser = describe(__doc__)
    parser.add_argument(
        "--cell", required=True, type=json_argument, help="JSON: a cell's settings, and its keep"
    )
    parser.add_argument(
        "--siblings", default=[], type=json_argument, help="JSON list: cells of other methods"
    )
    parser.add_argument("--model", required=True, type=Path, help="folder that fetch_model wrote")
    parser.add_argument("--encoded", required=True, type=Path, help="folder that encode_task wrote")
    parser.add_argument("--store", required=True, type=Path, help="folder of verdicts")
    parser.add_argument("--memory", required=True, type=int, help="memory that it may take, in MB")
    parser.add_argument("--output", required=True, type=Path, help="JSON file to write")
    arguments = parser.parse_args()

    os.environ["OMP_NUM_THREADS"] = "1"  # read when torch is imported
    from tunegrid.files import write_json
    from tunegrid.settings import CellSettings
    from tunegrid.training.run_request import RunRequest
    from tunegrid.training.trial_store import trial_of

    requests = [
        RunRequest(
            settings=CellSettings.from_json(cell["settings"]),
            model=arguments.model,
            encoded=arguments.encoded,
            output=arguments.output.parent,
            keep=cell["keep"],
        )
        for cell in [arguments.cell, *arguments.siblings]
    ]
    trial = trial_of(requests[0], requests[1:], arguments.store, arguments.memory * 10**6)
    write_json(arguments.output, trial)


if __name__ == "__main__":
    run_program(main)
