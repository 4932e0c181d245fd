#!/usr/bin/env python
"""Make an encoded task to tune by: its train split, and its dev split in the place of test.

A run on it is a run like any other, and what it is measured by is dev. Test is not opened: neither
its examples nor their number reach the output.
"""

from pathlib import Path

from tunegrid.cli import describe, run_program


def main() -> None:
    parser = describe(__doc__)
    parser.add_argument("--encoded", required=True, type=Path, help="folder that encode_task wrote")
    parser.add_argument("--output", required=True, type=Path, help="folder to write")
    arguments = parser.parse_args()

    from tunegrid.tuning.tuning_data import hide_test

    hide_test(arguments.encoded, arguments.output)


if __name__ == "__main__":
    run_program(main)
