#!/usr/bin/env python
"""Cut a task's splits as configured and tokenise them, once for every method and seed.

Several tasks are joined into one; of a few-shot task all examples are encoded that runs draw from.

Writes a folder of Arrow files (`datasets.load_from_disk`) without padding, and encoding.json:
label names, counts, examples that were cut to max_length, and the checksums of the sources.
Fails when the tokenizer has no padding token or the model takes fewer tokens than max_length.
"""

import logging
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

    from datasets import load_from_disk

    from tunegrid.files import read_json, write_json
    from tunegrid.tasks.encoding import encode_task, load_tokenizer, longest_input
    from tunegrid.tasks.preparing import few_shot_draws, label_parts, prepare_task

    settings = arguments.settings
    tasks = {folder.name: load_from_disk(folder) for folder in arguments.task}
    splits = prepare_task(tasks, settings)
    tokenizer = load_tokenizer(arguments.model)
    longest = longest_input(arguments.model, tokenizer)
    encoded, card = encode_task(splits, tokenizer, settings["max_length"], longest)
    encoded.save_to_disk(arguments.output)
    card |= {
        "settings": settings,
        "parts": label_parts(settings, card["labels"]),
        "few_shot": few_shot_draws(settings, card["labels"]),
        "tokenizer_files": {
            name: checksum
            for name, checksum in read_json(arguments.model / "model.json")["files"].items()
            if not name.endswith(".safetensors")
        },
        "task_files": {
            folder.name: {
                split: list(files.values())
                for split, files in read_json(folder / "task.json")["files"].items()
            }
            for folder in arguments.task
        },
    }
    write_json(arguments.output / "encoding.json", card)
    for split, counts in card["splits"].items():
        logging.info("%s: %s", split, counts)


if __name__ == "__main__":
    run_program(main)
