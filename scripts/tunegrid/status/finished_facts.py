"""What a status tells of finished runs: how long each took, and whether it has learnt anything.

To tell that a run is degenerate its predictions must be read, which takes milliseconds a run. So
what was read is kept in a file, and a call reads no longer than it may: of the runs that are left
the next call reads more.
"""

import json
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tunegrid.files import read_json, write_text
from tunegrid.results import PREDICTIONS, PROVENANCE, TRAINING
from tunegrid.status.cell_states import Cell

#: The file, below the working directory, of what was read.
KNOWN = Path("results/.status/finished.json")


@dataclass(frozen=True)
class FinishedFacts:
    """What is known of a finished run.

    Attributes:
        seconds: that the process which finished it took.
        degenerate: why it has not learnt anything; empty: it may have.
    """

    seconds: float
    degenerate: str


def facts_of_finished(
    cells: Iterable[Cell], folder: Path, budget: float, results: str = "results"
) -> dict[Cell, FinishedFacts]:
    """What is known of these finished runs; those that there was no time to read are left out.

    Args:
        cells: that are done.
        folder: the working directory.
        budget: seconds after which no further run is read.
        results: the folder of the grid's results, below the working directory.
    """
    known = _known(folder)
    facts: dict[Cell, FinishedFacts] = {}
    unread: list[tuple[Cell, int]] = []
    for cell in cells:
        try:
            made = (folder / results / "runs" / cell.path / TRAINING).stat().st_mtime_ns
        except OSError:
            continue  # it is being taken away
        entry = known.get(f"{results}/{cell.path}")
        if entry is not None and entry[0] == made:
            facts[cell] = FinishedFacts(seconds=entry[1], degenerate=entry[2])
        else:
            unread.append((cell, made))
    for cell, made, fact in _read_within(unread, folder / results, budget):
        facts[cell] = fact
        known[f"{results}/{cell.path}"] = [made, fact.seconds, fact.degenerate]
    if unread:
        _keep(known, folder)
    return facts


def _read_within(
    runs: Sequence[tuple[Cell, int]], results: Path, budget: float
) -> Iterator[tuple[Cell, int, FinishedFacts]]:
    """What is read of runs until the time is over; importing what reads them does not count."""
    if not runs:
        return
    from tunegrid.statistics.prediction_files import read_predictions
    from tunegrid.statistics.score import degenerate_reason

    ends = time.monotonic() + budget
    for cell, made in runs:
        run = results / "runs" / cell.path
        try:
            training = read_json(run / TRAINING)
            predictions = read_predictions(
                run / PREDICTIONS,
                labels=training["labels"],
                target=training["target"],
                positive=training["positive"],
            )
            reason = degenerate_reason(predictions, diverged=training["diverged"])
            seconds = float(read_json(run / PROVENANCE)["seconds"])
        except (OSError, KeyError, ValueError):
            continue  # it is being written
        yield cell, made, FinishedFacts(seconds=seconds, degenerate=reason or "")
        if time.monotonic() > ends:
            return


def _known(folder: Path) -> dict[str, Any]:
    try:
        known: dict[str, Any] = json.loads((folder / KNOWN).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return known


def _keep(known: dict[str, Any], folder: Path) -> None:
    try:
        write_text(folder / KNOWN, json.dumps(known))
    except OSError:
        return  # a folder that may only be read: the next call reads the runs again
