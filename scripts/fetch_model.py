#!/usr/bin/env python
"""Bring a pretrained encoder into one folder that loads offline.

A model of the hub is downloaded at its pinned revision; one in a package or a folder is linked.
Only safetensors weights are taken. Writes model.json beside them: the catalogue entry and the
SHA-256 of every file. Fails when the source is not there or holds no such weights.
"""

import logging
from pathlib import Path

from tunegrid.cli import describe, json_argument, run_program


def main() -> None:
    parser = describe(__doc__)
    parser.add_argument("--name", required=True, help="the model's name")
    parser.add_argument("--entry", required=True, type=json_argument, help="its catalogue entry")
    parser.add_argument("--output", required=True, type=Path, help="folder to write")
    arguments = parser.parse_args()

    from tunegrid.models import fetch_model

    card = fetch_model(arguments.name, arguments.entry, arguments.output)
    logging.info("%s: %s", arguments.name, ", ".join(card["files"]))


if __name__ == "__main__":
    run_program(main, offline=False)
