#!/usr/bin/env python
"""Count the published report's 3B example again: its arithmetic as written, errors, right figures.

The report's own network (an encoder without gates) by formula and by trace, and the language model
that it stands for by trace; full fine-tuning, adapters of size 64 and 8, and LoRA; in fp32, in bf16
under autocast, and in fp32 with gradient checkpointing; 16 examples of 1024 tokens, with fused
attention. Depends on nothing that a user configures. Half a minute.
"""

import logging
from pathlib import Path

from tunegrid.cli import describe, run_program


def main() -> None:
    parser = describe(__doc__)
    parser.add_argument("--output", required=True, type=Path, help="JSON file to write")
    arguments = parser.parse_args()

    from tunegrid.files import write_json
    from tunegrid.published.memory_recount import recount

    logging.getLogger().setLevel(logging.WARNING)
    write_json(arguments.output, recount())


if __name__ == "__main__":
    run_program(main)
