"""What became of a cell that has no result: it failed, or it is missing."""

from pathlib import Path
from typing import Any

from tunegrid.cluster.attempts import AttemptEnd, AttemptLog
from tunegrid.files import read_json
from tunegrid.results import FAILED, MISSING

#: Ends of an attempt after which going on would not help: the cell counts as failed.
FAILURES = {
    AttemptEnd.ERROR,
    AttemptEnd.OUT_OF_MEMORY,
    AttemptEnd.DISK_FAILED,
    AttemptEnd.KILLED,
}
#: Ends of an attempt after which the run goes on from its checkpoint.
PAUSES = {AttemptEnd.ASKED_TO_STOP, AttemptEnd.TIME_LIMIT}


def state_of_unfinished(attempts: Path, settings_hash: str) -> tuple[str, str]:
    """The state of a cell that has no result, and why, in words.

    Args:
        attempts: the file of the attempts at this cell, which need not be there.
        settings_hash: the hash of the cell's settings; attempts at other settings do not count.

    Returns:
        `FAILED` or `MISSING`, and the reason.
    """
    made = AttemptLog(attempts, target=settings_hash).read()
    if not made:
        return MISSING, "was never started"
    last = made[-1]
    if last.ended in FAILURES:
        detail = f": {last.message}" if last.message else ""
        return FAILED, f"{last.ended}{detail}"
    if last.ended in PAUSES:
        return MISSING, f"{last.ended}; goes on from its checkpoint ({last})"
    return MISSING, f"{last.ended or 'began and has not ended'} ({last})"


def refusal_of_cell(trials: Path, cell: Any) -> str | None:
    """Why a trial has refused a cell's method on its model and task; None: it has not.

    Args:
        trials: the folder of the trials, each at `<model>/<task>/<method>.json` (try_cell).
        cell: with the attributes model, task and method.
    """
    path = trials / cell.model / cell.task / f"{cell.method}.json"
    if not path.is_file():
        return None
    problem: str | None = read_json(path)["problem"]
    return problem
