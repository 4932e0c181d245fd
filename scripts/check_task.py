#!/usr/bin/env python
"""Write a task's data card: what its splits hold, and what is wrong with them.

Examples and texts of each label, the shortest and the longest text, texts that hold line ends,
mark-up, left-over quotation marks and the like, rows that were dropped, lengths in tokens by each
tokenizer, how many are cut and how many spell its control tokens, exact and near duplicates within
and across splits, texts with contradicting labels, and what logistic regression on TF-IDF weights
scores; as JSON, and as Markdown and HTML to read. What leaks from train into test, labels that
train lacks, labels that a cut has lost and texts that look like no texts are warnings in the log,
too.
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
        default=[],
        type=Path,
        nargs="*",
        help="folders of encode_task, <tokenizer>/<task>; none of a task that no grid trains",
    )
    parser.add_argument(
        "--seeds", type=int, nargs="+", default=[0], help="of a few-shot task's runs"
    )
    parser.add_argument("--tuned", action="store_true", help="settings are chosen on dev")
    parser.add_argument("--output", required=True, type=Path, help="card to write: <name>.json")
    arguments = parser.parse_args()

    from tunegrid.files import write_json, write_text
    from tunegrid.reporting.data_tables import card_tables, leak_note
    from tunegrid.reporting.html_page import to_html
    from tunegrid.reporting.table_files import to_markdown
    from tunegrid.settings import parse_task_settings
    from tunegrid.tasks.cards import leaks
    from tunegrid.tasks.checking import check_task

    card = check_task(
        name=arguments.name,
        title=arguments.title,
        fetched=arguments.task,
        settings=parse_task_settings(arguments.settings),
        encoded=arguments.encoded,
        seeds=arguments.seeds,
        tuned=arguments.tuned,
    )
    if warning := leak_note(leaks([card])):
        logging.warning("%s", warning.removeprefix("Warning, "))
    for warning in card["warnings"]:
        logging.warning("%s", warning)
    tables = card_tables(card)
    write_text(arguments.output.with_suffix(".md"), "\n".join(map(to_markdown, tables)))
    write_text(arguments.output.with_suffix(".html"), to_html(arguments.name, tables))
    write_json(arguments.output, card)


if __name__ == "__main__":
    run_program(main)
