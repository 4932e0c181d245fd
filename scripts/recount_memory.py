#!/usr/bin/env python
"""Count a paper's memory example again: trace a training step of each network, method and way.

Nothing but --setup decides the result, however many processes share the work. The set-up is JSON:
batch, tokens, labels (of networks that classify), and lists of networks (name, and shape: what its
config.json holds), methods (name, and entry: that of the catalogue) and ways (name, and options:
attention, precision, checkpointing). The workflow makes it of the block `memory` of a paper's
paper.yaml (docs/published-papers.md). A step of a network of 3 billion weights takes two to four
seconds. Fails where a network cannot be built with a method.
"""

import logging
from pathlib import Path

from tunegrid.cli import describe, json_argument, run_program


def main() -> None:
    parser = describe(__doc__)
    parser.add_argument(
        "--setup", required=True, type=json_argument, help="JSON, or @FILE that holds it"
    )
    parser.add_argument(
        "--processes", type=int, default=1, help="processes that share the work (default: 1)"
    )
    parser.add_argument("--output", required=True, type=Path, help="JSON file to write")
    arguments = parser.parse_args()

    from tunegrid.files import write_json
    from tunegrid.published.memory_recount import recount

    logging.getLogger().setLevel(logging.WARNING)
    write_json(arguments.output, recount(arguments.setup, arguments.processes))


if __name__ == "__main__":
    run_program(main)
