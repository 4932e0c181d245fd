"""What became of a cell without a result: it failed, or it is missing. Either is shown as such."""

from pathlib import Path

from tunegrid.cluster.attempts import DISK, ERROR, LOST, MEMORY, STOPPED, TIME, Attempts
from tunegrid.results import FAILED, MISSING

#: Ends of an attempt that another one does not mend by going on.
FAILURES = {ERROR, MEMORY, DISK, LOST}
#: Ends after which the run goes on from its checkpoint.
PAUSES = {STOPPED, TIME}


def state_of_unfinished(attempts: Path, settings_hash: str) -> tuple[str, str]:
    """The state of a cell that has no result, and why, in words.

    Args:
        attempts: the file of the attempts at this cell, if there were any.
        settings_hash: of the cell; attempts at other settings tell nothing.
    """
    made = Attempts(attempts, settings_hash).read()
    if not made:
        return MISSING, "was never started"
    last = made[-1]
    if last.ended in FAILURES:
        detail = f": {last.message}" if last.message else ""
        return FAILED, f"{last.ended}{detail}"
    if last.ended in PAUSES:
        return MISSING, f"{last.ended}; goes on from its checkpoint ({last})"
    return MISSING, f"{last.ended or 'began and has not ended'} ({last})"
