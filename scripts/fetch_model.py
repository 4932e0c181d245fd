#!/usr/bin/env python
"""Bring a pretrained encoder into one folder that loads offline.

A model of the hub is downloaded at its pinned revision; one in a package or a folder is linked.
Only safetensors weights are kept; pickled ones are read as tensors alone and converted. Writes
model.json beside them: the catalogue entry and the SHA-256 of every file. Fails when the source is
not there, holds no weights that can be read without executing code, or a file of it is damaged or a
Git LFS pointer.
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

    from tunegrid.config.catalogue import ModelEntry
    from tunegrid.models import fetch_model

    entry = ModelEntry.model_validate(arguments.entry)
    card = fetch_model(arguments.name, entry, arguments.output)
    logging.info("%s: %s", arguments.name, ", ".join(card["files"]))


if __name__ == "__main__":
    run_program(main, offline=False)
