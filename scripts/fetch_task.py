#!/usr/bin/env python
"""Read a task's files, check every example, and write it in the form that all tasks share.

A task of the hub is downloaded at its pinned revision first; one of addresses from there or, if its
files have come before, taken from `.urls` beside the output, which keeps them by checksum. Writes a
folder with the splits (Arrow, `datasets.load_from_disk`) and task.json: labels, counts, the rows
that were dropped, the SHA-256 of each file read and, of a hub's repository, the commit. Fails, with
file and line, on a repeated id, an unknown label, an empty text or a count that differs from the
catalogue's.
"""

import logging
from pathlib import Path
from typing import cast

from tunegrid.cli import describe, json_argument, run_program


def main() -> None:
    parser = describe(__doc__)
    parser.add_argument("--name", required=True, help="the task's name")
    parser.add_argument("--entry", required=True, type=json_argument, help="its catalogue entry")
    parser.add_argument(
        "--data-root", type=Path, help="folder of the files that come from nowhere else"
    )
    parser.add_argument("--output", required=True, type=Path, help="folder to write")
    arguments = parser.parse_args()

    from tunegrid.config.task_entry import TaskEntry
    from tunegrid.tasks.cards import unseen_label_warnings
    from tunegrid.tasks.fetching import fetch_task

    entry = TaskEntry.model_validate(arguments.entry)
    card = fetch_task(arguments.name, entry, arguments.data_root, arguments.output)
    for split, held in card["splits"].items():
        logging.info("%s %s: %d examples %s", arguments.name, split, card["examples"][split], held)
    for split, reasons in card["dropped"].items():
        rows = sum(reasons.values())
        logging.info("%s %s: %d rows dropped %s", arguments.name, split, rows, reasons)
    if card["labels"] is not None:
        label_counts = cast("dict[str, dict[str, int]]", card["splits"])
        for warning in unseen_label_warnings(label_counts):
            logging.warning("%s %s", arguments.name, warning)


if __name__ == "__main__":
    run_program(main, offline=False)
