#!/usr/bin/env python
"""Read a task's files, check every example, and write it in the form that all tasks share.

A task of the hub is downloaded at its pinned revision first. Writes a folder with the splits
(Arrow, `datasets.load_from_disk`) and task.json: labels, counts, the SHA-256 of each file read and,
of a hub's repository, the commit. Fails, with file and line, on a repeated id, an unknown label, an
empty text or a count that differs from the catalogue's.
"""

import logging
import shutil
from pathlib import Path

from tunegrid.cli import describe, json_argument, run_program


def main() -> None:
    parser = describe(__doc__)
    parser.add_argument("--name", required=True, help="the task's name")
    parser.add_argument("--entry", required=True, type=json_argument, help="its catalogue entry")
    parser.add_argument("--data-root", type=Path, help="where files lie that nothing else holds")
    parser.add_argument("--output", required=True, type=Path, help="folder to write")
    arguments = parser.parse_args()

    from tunegrid.files import sha256, write_json
    from tunegrid.tasks.fetching import read_task
    from tunegrid.tasks.sources import download_task, task_files
    from tunegrid.tasks.splits import label_counts

    commit = None
    downloads = arguments.output.parent / ".sources" / arguments.name
    if "hub" in arguments.entry:
        files, commit = download_task(arguments.name, arguments.entry, downloads)
    else:
        files = task_files(arguments.name, arguments.entry, arguments.data_root)
    task = read_task(arguments.entry, files)
    task.save_to_disk(arguments.output)
    card = {
        "task": arguments.name,
        "entry": arguments.entry,
        "files": {
            split: {_stated(path, downloads): sha256(path) for path in paths}
            for split, paths in files.items()
        },
        "splits": {split: label_counts(data) for split, data in task.items()},
    }
    if commit:
        card["commit"] = commit
    write_json(arguments.output / "task.json", card)
    shutil.rmtree(downloads, ignore_errors=True)
    for split, counts in card["splits"].items():
        logging.info("%s %s: %d examples %s", arguments.name, split, sum(counts.values()), counts)


def _stated(path: Path, downloads: Path) -> str:
    """A file as people find it again: of the hub, its path in the repository."""
    return str(path.relative_to(downloads) if path.is_relative_to(downloads) else path)


if __name__ == "__main__":
    run_program(main, offline=False)
