"""How far the runs are by which tuning chooses, from files and the journal of the last start."""

from dataclasses import dataclass
from pathlib import Path

from tunegrid.results import TRAINING, TUNING_PATH
from tunegrid.status.job_journal import Journal

#: The rule that makes one of these runs, or takes it from its pack.
RULE = "tune"


@dataclass(frozen=True)
class CandidateRuns:
    """The runs of all candidates: how many there are, how many are done, and how many failed."""

    total: int
    done: int
    failed: int

    def __str__(self) -> str:
        failed = f", {self.failed:,} failed" if self.failed else ""
        return f"tuning: {self.done:,} of {self.total:,} runs of candidates done{failed}"


def candidate_runs(journal: Journal | None, folder: Path) -> CandidateRuns | None:
    """Count the runs of the last start's candidates; None where it tunes nothing.

    Args:
        journal: of the last start; None: there was none.
        folder: the working directory.
    """
    if journal is None or not journal.start.candidates:
        return None
    runs = folder / journal.start.results / "tuning/runs"
    failed = {
        TUNING_PATH.format(**job.wildcards)
        for job in journal.jobs.values()
        if job.rule == RULE and job.state == "failed"
    }
    candidates = journal.start.candidates
    return CandidateRuns(
        total=len(candidates),
        done=sum((runs / path / TRAINING).exists() for path in candidates),
        failed=len(failed),
    )
