#!/usr/bin/env python
"""Say whether a method can be trained on a model and task, as try_cell.py has found out.

Writes what is to be known of its runs. Fails, with the reason in one line, when it cannot. The
trial's file is then made older than what it was made from, so that the next start tries again.
"""

import logging
import os
from pathlib import Path

from tunegrid.cli import describe, run_program


def main() -> None:
    parser = describe(__doc__)
    parser.add_argument("--trial", required=True, type=Path, help="file that try_cell wrote")
    parser.add_argument("--output", required=True, type=Path, help="JSON file to write")
    arguments = parser.parse_args()

    from tunegrid.errors import UserError
    from tunegrid.files import read_json, write_json

    trial = read_json(arguments.trial)
    if trial["problem"]:
        os.utime(arguments.trial, (1, 1))
        raise UserError(trial["problem"])
    for note in trial["notes"]:
        logging.info("%s", note)
    write_json(arguments.output, {"notes": trial["notes"]})


if __name__ == "__main__":
    run_program(main)
