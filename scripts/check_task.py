#!/usr/bin/env python
"""Write a task's data card: what its splits hold, and what is wrong with them.

Examples of each label, lengths in tokens by each tokenizer and how many are cut, exact and near
duplicates within and across splits, texts with contradicting labels, and what logistic regression
on TF-IDF weights scores; as JSON, and as Markdown and HTML to read. What leaks from train into test
is a warning in the log, too.
"""

import logging
from pathlib import Path

from tunegrid.cli import describe, json_argument, run_program


def main() -> None:
    parser = describe(__doc__)
    parser.add_argument("--name", required=True, help="the task's name")
    parser.add_argument("--title", required=True, help="what is classified")
    parser.add_argument(
        "--task", required=True, type=Path, nargs="+", help="folder of fetch_task, of each part"
    )
    parser.add_argument("--settings", required=True, type=json_argument, help="split settings")
    parser.add_argument(
        "--encoded",
        required=True,
        type=Path,
        nargs="+",
        help="folders of encode_task, <tokenizer>/<task>",
    )
    parser.add_argument(
        "--seeds", type=int, nargs="+", default=[0], help="of a few-shot task's runs"
    )
    parser.add_argument("--output", required=True, type=Path, help="card to write: <name>.json")
    arguments = parser.parse_args()

    from datasets import load_from_disk

    from tunegrid.files import read_json, write_json, write_text
    from tunegrid.reporting.data_tables import card_tables, leak_note
    from tunegrid.reporting.html_page import to_html
    from tunegrid.reporting.table_files import to_markdown
    from tunegrid.tasks.baselines import word_baseline
    from tunegrid.tasks.cards import leaks
    from tunegrid.tasks.hygiene import SPLITS, check_splits
    from tunegrid.tasks.preparing import few_shot_draws, prepare_task
    from tunegrid.tasks.splits import label_counts

    sources = {folder.name: load_from_disk(folder) for folder in arguments.task}
    task = prepare_task(sources, arguments.settings)
    encodings = {path.parent.name: read_json(path / "encoding.json") for path in arguments.encoded}
    draws = few_shot_draws(arguments.settings, task["train"].features["label"].names)
    card = {
        "task": arguments.name,
        "title": arguments.title,
        "splits": {
            split: {"examples": len(task[split]), "labels": label_counts(task[split])}
            for split in SPLITS
            if split in task
        },
        "few_shot": draws,
        "word_baseline": word_baseline(task, draws, arguments.seeds),
        "tokenizers": {
            name: {
                "max_length": arguments.settings["max_length"],
                "splits": {split: encoding["splits"][split] for split in SPLITS if split in task},
            }
            for name, encoding in encodings.items()
        },
        **check_splits(task),
    }
    if warning := leak_note(leaks([card])):
        logging.warning("%s", warning.removeprefix("Warning, "))
    tables = card_tables(card)
    write_text(arguments.output.with_suffix(".md"), "\n".join(map(to_markdown, tables)))
    write_text(arguments.output.with_suffix(".html"), to_html(arguments.name, tables))
    write_json(arguments.output, card)


if __name__ == "__main__":
    run_program(main)
