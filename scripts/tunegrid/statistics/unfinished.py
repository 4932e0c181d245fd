"""What became of a cell without a result: it failed, or it is missing. Either is shown as such."""

from pathlib import Path

from tunegrid.cluster.attempts import AttemptEnd, AttemptLog
from tunegrid.results import FAILED, MISSING

#: Ends of an attempt that another one does not mend by going on.
FAILURES = {
    AttemptEnd.ERROR,
    AttemptEnd.OUT_OF_MEMORY,
    AttemptEnd.DISK_FAILED,
    AttemptEnd.KILLED,
}
#: Ends after which the run goes on from its checkpoint.
PAUSES = {AttemptEnd.ASKED_TO_STOP, AttemptEnd.TIME_LIMIT}


def state_of_unfinished(attempts: Path, settings_hash: str) -> tuple[str, str]:
    """The state of a cell that has no result, and why, in words.

    Args:
        attempts: the file of the attempts at this cell, if there were any.
        settings_hash: of the cell; attempts at other settings tell nothing.
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
