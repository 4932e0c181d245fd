#!/usr/bin/env python
"""Tell where a grid stands: what is done, runs, waits and has failed, and how long it will take.

From files alone: it may be asked while the grid runs, from any machine that sees the folder, and it
changes nothing. Prints a row for each model, task and method with its runs by their state; failed
runs with the lines of their logs that tell why; the time left, from what finished runs took; and
the command to go on. degenerate: done, but it predicts one class, or its loss is not finite.

Attempts at settings that were changed since are counted as if they were of the present ones;
snakemake -n tells what would be trained again. Fails if no start was made here and no configuration
is named.

By hand: make status; python scripts/status.py --watch
"""

import sys
import time
from pathlib import Path

from tunegrid.cli import describe, run_program


def main() -> None:
    parser = describe(__doc__)
    parser.add_argument(
        "--configfile", type=Path, nargs="+", help="of another grid than that of the last start"
    )
    parser.add_argument(
        "--directory", type=Path, default=Path(), help="working directory; default: this one"
    )
    parser.add_argument(
        "--watch",
        type=float,
        nargs="?",
        const=10.0,
        metavar="SECONDS",
        help="tell it again, every 10 seconds if no other number is given, until Ctrl-C",
    )
    parser.add_argument("--all", action="store_true", help="show all rows and all failures")
    arguments = parser.parse_args()
    try:
        while True:
            text = grid_status(arguments.directory, arguments.configfile, all_rows=arguments.all)
            if arguments.watch is None:
                print(text, end="")
                return
            # On a terminal each takes the last one's place (ECMA-48: CUP, ED).
            begin = "\033[H\033[2J" if sys.stdout.isatty() else "\n"
            print(f"{begin}{text}", end="", flush=True)
            time.sleep(arguments.watch)
    except KeyboardInterrupt:
        return


def grid_status(folder: Path, configfiles: "list[Path] | None", *, all_rows: bool) -> str:
    """The status of the grid of these files, or of the last start, as text.

    Raises:
        UserError: there was no start, and no files are given; or they are no configuration.
    """
    from tunegrid.status.status_text import status_text
    from tunegrid.status.take_status import take_status

    return status_text(take_status(folder, configfiles), all_rows=all_rows, folder=folder)


if __name__ == "__main__":
    run_program(main)
