#!/usr/bin/env python
"""Try every method of a model and task on the CPU, before anything waits for a GPU.

Builds the model as a run does, computes the longest example of every split, proves that a text's
logits depend neither on the padding of its batch nor on what was computed before, takes one step,
keeps an adapter and loads it in a fresh process. A model whose training would take more than
--memory is built with two blocks; all its weights are accounted for.

Writes, of each method, the problem in one line or null, and what is to be known of its runs. A
problem does not fail it; check_cell.py fails for the cells that have one.
"""

import os
from pathlib import Path

from tunegrid.cli import describe, json_argument, run_program


def main() -> None:
    parser = describe(__doc__)
    parser.add_argument(
        "--cells", required=True, type=json_argument, help="JSON list, a cell of each method"
    )
    parser.add_argument("--model", required=True, type=Path, help="folder that fetch_model wrote")
    parser.add_argument("--encoded", required=True, type=Path, help="folder that encode_task wrote")
    parser.add_argument("--memory", required=True, type=int, help="memory that it may take, in MB")
    parser.add_argument("--output", required=True, type=Path, help="JSON file to write")
    arguments = parser.parse_args()

    os.environ["OMP_NUM_THREADS"] = "1"  # read when torch is imported
    from tunegrid.files import write_json
    from tunegrid.settings import CellSettings
    from tunegrid.training.run_request import RunRequest
    from tunegrid.training.trial import try_cells

    requests = {}
    for cell in arguments.cells:
        settings = CellSettings.from_json(cell["settings"])
        requests[settings.method] = RunRequest(
            settings=settings,
            model=arguments.model,
            encoded=arguments.encoded,
            output=arguments.output.parent,
            keep=cell["keep"],
        )
    write_json(arguments.output, try_cells(requests, memory=arguments.memory * 10**6))


if __name__ == "__main__":
    run_program(main)
