"""The jobs of a start that have failed, summed up once at its end.

Snakemake tells each failure when it happens, with all that it knows of the job; of a grid that goes
on for hours that is far above the end of the output, and of a job that is tried again it is told
again. Its log records carry what has happened as attributes
(snakemake_interface_logger_plugins.common.LogEvent): a job that fails and one that finishes.
"""

import logging
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from snakemake_interface_logger_plugins.common import LogEvent

from tunegrid.planning.command_line import with_config
from tunegrid.status.telling_lines import telling_lines

#: At most so many logs are named of jobs that failed alike, and so many kinds of failure shown.
LOGS_SHOWN, KINDS_SHOWN = 3, 20
#: The rules that train runs: results can be shown without those that failed.
TRAINING = {"train", "train_pack"}


@dataclass(frozen=True)
class FailedJob:
    """A job that has failed, and did not succeed when it was tried again.

    Attributes:
        rule: the name of its rule.
        logs: its own log, and what the cluster wrote of it.
    """

    rule: str
    logs: tuple[str, ...]

    def telling_lines(self) -> tuple[str, ...]:
        """Why it failed: the lines of the first of its logs that tells something."""
        for log in self.logs:
            if lines := telling_lines(Path(log)):
                return tuple(lines)
        return ("it has left no log: it did not start, or it was killed",)


class FailedJobs(logging.Handler):
    """Remembers which jobs have failed, from Snakemake's log records."""

    def __init__(self) -> None:
        super().__init__()
        self._failed: dict[int, FailedJob] = {}

    def emit(self, record: logging.LogRecord) -> None:
        """Note a job that failed, and forget one that has finished after all."""
        event = getattr(record, "event", None)
        if event == LogEvent.JOB_ERROR:
            job = FailedJob(rule=record.rule_name, logs=tuple(map(str, record.log)))  # type: ignore[attr-defined]
            self._failed[record.jobid] = job  # type: ignore[attr-defined]
        elif event == LogEvent.JOB_FINISHED:
            self._failed.pop(record.job_id, None)  # type: ignore[attr-defined]

    def summary(self, arguments: Sequence[str]) -> str:
        """What failed, why, and the commands to go on.

        Args:
            arguments: those of the `snakemake` that ends.
        """
        return "\n".join(_summary(list(self._failed.values()), arguments))


def _summary(jobs: Sequence[FailedJob], arguments: Sequence[str]) -> Iterator[str]:
    alike: dict[tuple[str, tuple[str, ...]], list[FailedJob]] = {}
    for job in jobs:
        alike.setdefault((job.rule, job.telling_lines()), []).append(job)
    if jobs:
        yield f"\n{len(jobs)} {'job' if len(jobs) == 1 else 'jobs'} failed:"
    for (rule, lines), same in list(alike.items())[:KINDS_SHOWN]:
        times = f" ({len(same)} jobs, in the same way)" if len(same) > 1 else ""
        yield f"\n{rule}{times}"
        for job in same[:LOGS_SHOWN]:
            yield from (f"  {log}" for log in job.logs[:1])
        if len(same) > LOGS_SHOWN:
            yield f"  and {len(same) - LOGS_SHOWN} more"
        for line in lines:
            yield f"    {line}"
    if len(alike) > KINDS_SHOWN:
        yield f"\nand {len(alike) - KINDS_SHOWN} other kinds of failure"
    yield "\nTo go on once that is mended (what is finished is kept):"
    yield f"  {shlex.join(['snakemake', *arguments])}"
    if any(job.rule in TRAINING for job in jobs):
        yield "For the results of the other runs, with these shown as failed:"
        yield f"  {shlex.join(['snakemake', *with_config(arguments, 'partial=true')])}"
