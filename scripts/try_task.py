#!/usr/bin/env python
"""From a file of labelled texts to the entry of a task that reads it.

    python scripts/try_task.py --file data.csv
    python scripts/try_task.py --file train.tsv --file test.tsv --output my.yaml
    python scripts/try_task.py --file corpus/ --text-column body --label-column stars

Guesses format, encoding, separator and quotation marks, the columns of text, label, id and split,
the labels, and the rows that are no examples; takes splits and labels from the names of files and
folders. The files are then really read by that entry. Prints the first rows as they were read and
the configuration to paste. A guess that does not read the files is printed with the reason, and the
exit status is 1.
"""

import sys
import tempfile
from pathlib import Path

from tunegrid.cli import describe, run_program


def main() -> None:
    parser = describe(__doc__)
    parser.add_argument(
        "--file",
        required=True,
        action="append",
        type=Path,
        help="a file, a folder or a zip archive; may be given several times",
    )
    parser.add_argument("--name", help="the task's name (default: from the first file's)")
    parser.add_argument("--text-column", help="name or position (default: guessed)")
    parser.add_argument("--label-column", help="name or position (default: guessed)")
    parser.add_argument(
        "--split",
        action="append",
        default=[],
        choices=["train", "dev", "test"],
        help="split of each --file, in their order (default: by their names)",
    )
    parser.add_argument("--output", type=Path, help="YAML file to write (default: printed)")
    arguments = parser.parse_args()

    from tunegrid.errors import UserError
    from tunegrid.files import write_text
    from tunegrid.tasks.trying.try_files import try_files

    with tempfile.TemporaryDirectory() as unpacked:
        tried = try_files(
            arguments.file,
            Path(unpacked),
            name=arguments.name,
            splits=arguments.split,
            text=arguments.text_column,
            label=arguments.label_column,
        )
    if tried.lines:
        print("\n".join(tried.lines), end="\n\n")
    if tried.problems:
        print("this guess does not read the files; correct it:\n", file=sys.stderr)
        print(tried.configuration)
        raise UserError(*tried.problems)
    if arguments.output:
        write_text(arguments.output, tried.configuration)
        print(f"{arguments.output}: written; add a grid, and see docs/add-a-task.md")
    else:
        print(tried.configuration)


if __name__ == "__main__":
    run_program(main)
