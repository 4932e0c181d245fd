#!/usr/bin/env python
"""Choose a method's settings: those of the candidate with the best mean score on dev.

Writes the settings that were chosen, alone in their file, and what every candidate scored. Test
decides nothing: the runs of the candidates have never seen it.
"""

import logging
from pathlib import Path

from tunegrid.cli import describe, json_argument, run_program


def main() -> None:
    parser = describe(__doc__)
    parser.add_argument(
        "--candidates", required=True, type=json_argument, help="JSON list: settings and runs"
    )
    parser.add_argument("--runs", required=True, type=Path, help="folder of the candidates' runs")
    parser.add_argument("--metric", required=True, help="the metric on dev")
    parser.add_argument("--choice", required=True, type=Path, help="JSON file to write")
    parser.add_argument("--scores", required=True, type=Path, help="JSON file to write")
    arguments = parser.parse_args()

    from tunegrid.files import write_json
    from tunegrid.tuning.choosing import choose
    from tunegrid.tuning.telling import is_dev_too_small

    tuning = choose(arguments.candidates, arguments.runs, arguments.metric)
    for candidate in tuning["candidates"]:
        logging.info("%s: %s", candidate["settings"], candidate["mean"])
    chosen = tuning["candidates"][tuning["chosen"]]
    logging.info("chosen: %s", chosen["settings"])
    for key in tuning["edges"]:
        logging.warning("%s: the best value is the least or the greatest that was tried", key)
    told = [
        candidate["told"]
        for position, candidate in enumerate(tuning["candidates"])
        if position != tuning["chosen"] and not candidate["stopped"]
    ]
    if is_dev_too_small(told):
        logging.warning(
            "dev is too small to choose by: it does not tell the chosen candidate from %d of %d"
            " others; give it more examples, or tuning more seeds",
            told.count(False),
            len(told),
        )
    write_json(arguments.scores, tuning)
    write_json(arguments.choice, {"settings": chosen["settings"]})


if __name__ == "__main__":
    run_program(main)
