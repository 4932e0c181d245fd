#!/usr/bin/env python
"""Cut a task's splits as configured and tokenise them, once for every method and seed.

Several tasks are joined into one; of a few-shot task all examples are encoded that runs draw from.

Texts are read as text, also where they spell a control token of the tokenizer. Writes a folder of
Arrow files (`datasets.load_from_disk`) without padding, and encoding.json: label names, what pads
and on which side, counts, examples that were cut to max_length or spell control tokens, and the
checksums of the sources. Fails when the tokenizer has nothing to pad with or the model takes fewer
tokens than max_length.
"""

import logging
import os
from pathlib import Path

from tunegrid.cli import describe, json_argument, run_program


def main() -> None:
    parser = describe(__doc__)
    parser.add_argument(
        "--task", required=True, type=Path, nargs="+", help="folder of fetch_task, of each part"
    )
    parser.add_argument("--model", required=True, type=Path, help="folder of fetch_model")
    parser.add_argument("--settings", required=True, type=json_argument, help="split settings")
    parser.add_argument("--output", required=True, type=Path, help="folder to write")
    arguments = parser.parse_args()

    # Tokenizers need no torch, whose import would take longer than the work.
    os.environ["USE_TORCH"] = "0"
    from tunegrid.settings import parse_task_settings
    from tunegrid.tasks.encoding import encode_to_folder

    settings = parse_task_settings(arguments.settings)
    card = encode_to_folder(arguments.task, arguments.model, settings, arguments.output)
    for split, counts in card["splits"].items():
        logging.info("%s: %s", split, counts)


if __name__ == "__main__":
    run_program(main)
