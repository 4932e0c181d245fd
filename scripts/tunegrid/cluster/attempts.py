"""The record of a run's attempts: where each ran and why it ended.

The record is a file of JSON lines beside the results. From it the next attempt is given what the
last one lacked, and a run's log begins with what was tried before. Each attempt adds a line when it
begins and another when it ends; one that is killed adds no second line, and Slurm is asked about it
later. A line that was only half written, because the machine went down or the disk was full, is
skipped.
"""

import errno
import json
import logging
import os
import re
import socket
import uuid
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from tunegrid.cluster.slurm import job_state
from tunegrid.errors import UserError
from tunegrid.files import read_json_lines
from tunegrid.stopping import Stopped, StopReason


class AttemptEnd(StrEnum):
    """Why an attempt ended, in the words of logs, tables and the record."""

    FINISHED = "finished"
    ERROR = "error"
    OUT_OF_MEMORY = "out of memory"
    TIME_LIMIT = "time limit"
    REQUEUED = "requeued by Slurm (preempted, its node lost, or by scontrol)"
    NODE_LOST = "node lost"
    CANCELLED = "cancelled"
    ASKED_TO_STOP = "asked to stop"
    DISK_FAILED = "disk full or away"
    KILLED = "killed; nothing tells by whom"


#: Why an attempt ended that could not say so itself, by the state of its Slurm job
#: (https://slurm.schedmd.com/squeue.html, job state codes). An attempt whose job Slurm holds to be
#: completed, or failed, was killed without Slurm's doing.
END_BY_JOB_STATE = {
    "OUT_OF_MEMORY": AttemptEnd.OUT_OF_MEMORY,
    "TIMEOUT": AttemptEnd.TIME_LIMIT,
    "DEADLINE": AttemptEnd.TIME_LIMIT,
    "NODE_FAIL": AttemptEnd.NODE_LOST,
    "BOOT_FAIL": AttemptEnd.NODE_LOST,
    "PREEMPTED": AttemptEnd.REQUEUED,
    "CANCELLED": AttemptEnd.CANCELLED,
    "FAILED": AttemptEnd.KILLED,
    "COMPLETED": AttemptEnd.KILLED,
}

#: Why an attempt ended that stopped because it was asked to.
END_BY_STOP_REASON = {
    StopReason.SIGNAL: AttemptEnd.ASKED_TO_STOP,
    StopReason.TIME_LIMIT: AttemptEnd.TIME_LIMIT,
}

#: The system's error numbers of a disk that is full, over its quota, away or read-only.
DISK_ERRORS = {errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.ESTALE, errno.EROFS}

#: What different versions of slurmstepd write into a job's log when memory ran out.
OUT_OF_MEMORY_MESSAGE = re.compile(
    r"oom[-_ ]kill|out-of-memory handler|exceeded memory limit", re.IGNORECASE
)

#: Where Snakemake's plugin keeps Slurm's logs, below the working directory:
#: <rule>/<wildcards>/<job>.log.
SLURM_LOGS = Path(".snakemake/slurm_logs")

#: The environment variable that holds one and the same value for all jobs of one start of the
#: workflow; `rules/cluster.smk` sets it.
WORKFLOW_START = "TUNEGRID_START"


@dataclass
class Attempt:
    """One attempt at a run, or at a pack of runs.

    Attributes:
        id: tells this attempt from others, also from those made at the same time.
        target: the digest of what the attempt is to make (of a cell: its settings' hash).
        workflow_start: the start of the workflow that the attempt belongs to; None by hand.
        slurm_job: the id of its Slurm job; None outside of Slurm.
        node: the name of the machine that it ran on.
        gpus: the value of CUDA_VISIBLE_DEVICES; None if it was not set.
        mem_mb: the memory that its Slurm job was given, MB; None if that is not known.
        ended: why it ended; None while it runs, or if it was killed and nobody knows why yet.
        message: more about how it ended, such as the error; may be empty.
    """

    id: str
    target: str
    workflow_start: str | None
    slurm_job: str | None
    node: str
    gpus: str | None
    mem_mb: int | None
    ended: AttemptEnd | None = None
    message: str = ""

    def __str__(self) -> str:
        where = f"Slurm job {self.slurm_job} on {self.node}" if self.slurm_job else self.node
        gpus = f", GPU {self.gpus}" if self.gpus else ""
        memory = f", {self.mem_mb} MB" if self.mem_mb else ""
        return where + gpus + memory


class AttemptLog:
    """The record of all attempts at one run, or at one pack of runs.

    Args:
        path: the file of the record; None if nothing is to be kept.
        target: the digest of what is to be made now. Attempts at something else, such as the same
            cell with other settings, are left out when the record is read.
    """

    def __init__(self, path: Path | None, target: str) -> None:
        self._path = path
        self._target = target

    def read(self) -> list[Attempt]:
        """Return the attempts so far, the oldest first.

        Slurm is asked about those that have not said why they ended; what it knows is added to the
        record, since Slurm forgets its jobs after a while.
        """
        attempts: dict[str, Attempt] = {}
        for line in self._read_lines():
            if "began" in line:
                attempt = _attempt_from_json(line["began"])
                if attempt is not None:
                    attempts[attempt.id] = attempt
                continue
            ended = attempts.get(line["attempt"])
            if ended is not None and ended.ended is None:
                ended.ended = AttemptEnd(line["ended"])
                ended.message = line.get("message", "")
        ours = [attempt for attempt in attempts.values() if attempt.target == self._target]
        for attempt in ours:
            if attempt.ended is None:
                attempt.ended = _end_known_to_slurm(attempt)
                if attempt.ended is not None:
                    self._write_end(attempt)
        return ours

    def count_ends(self) -> Counter[AttemptEnd]:
        """Count how many attempts ended for each reason."""
        return Counter(attempt.ended for attempt in self.read() if attempt.ended)

    @contextmanager
    def recorded(
        self, mem_mb: int | None = None, environment: Mapping[str, str] = os.environ
    ) -> Iterator[None]:
        """Record what happens inside the `with` block as one attempt, and why it ends.

        Args:
            mem_mb: as of `begin`.
            environment: as of `begin`.

        Raises:
            UserError: as of `begin`. Whatever the block itself raises is recorded and passed on.
        """
        attempt = self.begin(mem_mb, environment)
        try:
            yield
        except BaseException as error:
            attempt.ended, attempt.message = _end_by_exception(error)
            self._write_end(attempt)
            raise
        attempt.ended = AttemptEnd.FINISHED
        self._write_end(attempt)

    def begin(self, mem_mb: int | None, environment: Mapping[str, str]) -> Attempt:
        """Log the earlier attempts, and record that another one begins.

        Args:
            mem_mb: the memory of this process' Slurm job, MB.
            environment: where the variables of Slurm and CUDA are looked up.

        Returns:
            The attempt that begins.

        Raises:
            UserError: the last attempt belongs to the same start of the workflow and ended in a
                way that another attempt cannot mend: by an error of the run's own, or because
                somebody cancelled it. The next start of the workflow tries it again.
        """
        earlier = self.read()
        attempt = attempt_of_this_process(self._target, mem_mb, environment)
        for number, one in enumerate(earlier, start=1):
            # An attempt that has not ended may still run: the run's lock makes this one wait.
            logging.info("attempt %d, %s: %s", number, one, one.ended or "has not ended")
        same_start = earlier and earlier[-1].workflow_start == attempt.workflow_start
        if same_start and attempt.workflow_start is not None:
            _refuse_if_hopeless(earlier[-1])
        if attempt.slurm_job:
            logging.info("attempt %d, %s", len(earlier) + 1, attempt)
        self._write_line({"began": asdict(attempt)})
        return attempt

    def _write_end(self, attempt: Attempt) -> None:
        self._write_line(
            {"attempt": attempt.id, "ended": attempt.ended, "message": attempt.message}
        )

    def _read_lines(self) -> Iterator[dict[str, Any]]:
        if self._path is None or not self._path.is_file():
            return
        yield from read_json_lines(self._path)

    def _write_line(self, line: dict[str, Any]) -> None:
        if self._path is None:
            return
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with self._path.open("a", encoding="utf-8") as file:
                # The line break comes first, since the line before may be half written.
                file.write(f"\n{json.dumps(line)}")
        except OSError as error:
            logging.warning("the attempt could not be recorded in %s: %s", self._path, error)


def attempt_of_this_process(
    target: str, mem_mb: int | None, environment: Mapping[str, str]
) -> Attempt:
    """Describe an attempt that begins in this process.

    Args:
        target: the digest of what it is to make.
        mem_mb: the memory of its Slurm job, MB; not kept outside of Slurm, where it is no limit.
        environment: where the variables of Slurm and CUDA are looked up.
    """
    slurm_job = environment.get("SLURM_JOB_ID")
    return Attempt(
        id=uuid.uuid4().hex,
        target=target,
        workflow_start=environment.get(WORKFLOW_START),
        slurm_job=slurm_job,
        node=environment.get("SLURMD_NODENAME") or socket.gethostname(),
        gpus=environment.get("CUDA_VISIBLE_DEVICES"),
        mem_mb=mem_mb if slurm_job else None,
    )


def _attempt_from_json(fields: dict[str, Any]) -> Attempt | None:
    """Build an attempt from the record; None if another version has written other fields."""
    try:
        return Attempt(**fields)
    except TypeError:
        return None


def _end_known_to_slurm(attempt: Attempt) -> AttemptEnd | None:
    """Ask Slurm why an attempt ended that did not say so; None if it may still run."""
    if attempt.slurm_job is None:
        return None
    if attempt.slurm_job == os.environ.get("SLURM_JOB_ID"):
        return AttemptEnd.REQUEUED  # This process belongs to the same job, started again.
    end = END_BY_JOB_STATE.get(job_state(attempt.slurm_job) or "")
    # Where memory ran out in one process of the job, the others may have ended it in good order:
    # the job's state is then that of any failure.
    if end is AttemptEnd.KILLED and _slurm_log_tells_of_memory(attempt.slurm_job):
        return AttemptEnd.OUT_OF_MEMORY
    return end


def _slurm_log_tells_of_memory(slurm_job: str) -> bool:
    """Whether Slurm's own log of a job says that memory ran out."""
    return any(
        OUT_OF_MEMORY_MESSAGE.search(path.read_text(encoding="utf-8", errors="replace"))
        for path in SLURM_LOGS.glob(f"*/*/{slurm_job}.log")
    )


def _end_by_exception(error: BaseException) -> tuple[AttemptEnd, str]:
    """Tell why an attempt ended that raised this exception: the end, and a message of one line."""
    message = " ".join(str(error).split())[:500]
    if isinstance(error, Stopped):
        return END_BY_STOP_REASON[error.cause.reason], message
    if isinstance(error, OSError) and error.errno in DISK_ERRORS:
        return AttemptEnd.DISK_FAILED, message
    return AttemptEnd.ERROR, message or type(error).__name__


def _refuse_if_hopeless(last: Attempt) -> None:
    """Refuse another attempt after one that was ended by an error of its own or by a person.

    Raises:
        UserError: it was.
    """
    ended = last.ended
    if ended is AttemptEnd.ASKED_TO_STOP and last.slurm_job is not None:
        # A run that is cancelled first gets a signal, and says no more than that.
        state = job_state(last.slurm_job) or ""
        if END_BY_JOB_STATE.get(state) is AttemptEnd.CANCELLED:
            ended = AttemptEnd.CANCELLED
    if ended not in {AttemptEnd.ERROR, AttemptEnd.CANCELLED}:
        return
    detail = f": {last.message}" if last.message else ""
    raise UserError(
        f"not tried again, since the last attempt ({last}) was not ended by the cluster:"
        f" {ended}{detail}; start the workflow again to try it again"
    )
