#!/usr/bin/env python
"""Say whether a method can be trained on a model and task, as try_cells.py has found out.

Writes what is to be known of its runs. Fails, with the reason in one line, when it cannot.
"""

import logging
from pathlib import Path

from tunegrid.cli import describe, run_program


def main() -> None:
    parser = describe(__doc__)
    parser.add_argument("--trials", required=True, type=Path, help="file that try_cells wrote")
    parser.add_argument("--method", required=True, help="the method's name")
    parser.add_argument("--output", required=True, type=Path, help="JSON file to write")
    arguments = parser.parse_args()

    from tunegrid.errors import UserError
    from tunegrid.files import read_json, write_json

    trial = read_json(arguments.trials)[arguments.method]
    if trial["problem"]:
        raise UserError(trial["problem"])
    for note in trial["notes"]:
        logging.info("%s", note)
    write_json(arguments.output, trial)


if __name__ == "__main__":
    run_program(main)
