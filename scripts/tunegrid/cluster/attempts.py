"""A job's attempts: where each ran and why it ended.

They are kept beside the results, so that the next attempt can be given what the last one lacked,
and a run's log can tell them. Written line by line; a half-written line is skipped.
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
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tunegrid.cluster.slurm import job_state
from tunegrid.errors import UserError
from tunegrid.training.stopping import TIME_LIMIT, Stopped

FINISHED = "finished"
ERROR = "error"
MEMORY = "out of memory"
TIME = "time limit"
REQUEUED = "requeued by Slurm (preempted, its node lost, or by scontrol)"
NODE = "node lost"
CANCELLED = "cancelled"
STOPPED = "asked to stop"
DISK = "disk full or away"
LOST = "killed; nothing tells by whom"

#: What became of an attempt that could not say so itself, by its Slurm job's state.
VERDICTS = {
    "OUT_OF_MEMORY": MEMORY, "TIMEOUT": TIME, "DEADLINE": TIME, "NODE_FAIL": NODE,
    "BOOT_FAIL": NODE, "PREEMPTED": REQUEUED, "CANCELLED": CANCELLED, "FAILED": LOST,
    "COMPLETED": LOST,
}  # fmt: skip
DISK_ERRORS = {errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.ESTALE, errno.EROFS}
#: What slurmstepd writes into a job's log, in its spellings of different versions.
OOM_KILL = re.compile(r"oom[-_ ]kill|out-of-memory handler|exceeded memory limit", re.IGNORECASE)
#: The plugin's, below the working directory: <rule>/<wildcards>/<job>.log.
SLURM_LOGS = Path(".snakemake/slurm_logs")
#: One and the same for all jobs of one start of the workflow; set by the Snakefile.
START = "TUNEGRID_START"


@dataclass
class Attempt:
    """One attempt.

    Attributes:
        id: tells it from another that is made at the same time.
        of: the digest of what was made; an attempt at something else tells nothing.
        start: the start of the workflow that it belongs to.
        job: the Slurm job's id; None outside of Slurm.
        node: where it ran.
        gpus: what CUDA was told of; None: nothing.
        mem_mb: the memory that the job was given, MB; None: not known.
        ended: why it ended; None: it runs, or was killed.
        message: more about that.
    """

    id: str
    of: str
    start: str | None
    job: str | None
    node: str
    gpus: str | None
    mem_mb: int | None
    ended: str | None = None
    message: str = ""

    def __str__(self) -> str:
        where = f"Slurm job {self.job} on {self.node}" if self.job else self.node
        gpus = f", GPU {self.gpus}" if self.gpus else ""
        memory = f", {self.mem_mb} MB" if self.mem_mb else ""
        return where + gpus + memory


class Attempts:
    """The attempts at one thing.

    Args:
        path: their file; None: nothing is kept.
        of: the digest of what is made.
    """

    def __init__(self, path: Path | None, of: str) -> None:
        self._path, self._of = path, of

    def read(self) -> list[Attempt]:
        """Those that were made, in order, with what Slurm knows of those that were killed."""
        found: dict[str, Attempt] = {}
        for line in self._lines():
            if "began" in line:
                attempt = Attempt(**line["began"])
                found[attempt.id] = attempt
            elif (attempt := found.get(line["attempt"])) and attempt.ended is None:
                attempt.ended, attempt.message = line["ended"], line.get("message", "")
        ours = [attempt for attempt in found.values() if attempt.of == self._of]
        for attempt in ours:
            if attempt.ended is None and (verdict := _verdict(attempt)):
                attempt.ended = verdict
                self._end(attempt)
        return ours

    def failures(self) -> Counter[str]:
        """How many attempts ended for each reason."""
        return Counter(attempt.ended for attempt in self.read() if attempt.ended)

    @contextmanager
    def attempt(
        self, mem_mb: int | None = None, environment: Mapping[str, str] = os.environ
    ) -> Iterator[None]:
        """Make one, and note why it ends; arguments and errors as of `begin`."""
        now = self.begin(mem_mb, environment)
        try:
            yield
        except BaseException as reason:
            now.ended, now.message = _why(reason)
            self._end(now)
            raise
        now.ended = FINISHED
        self._end(now)

    def begin(self, mem_mb: int | None, environment: Mapping[str, str]) -> Attempt:
        """Log the attempts that were made, and note that another begins, which is returned.

        Args:
            mem_mb: the memory of its Slurm job, MB.
            environment: Slurm's and CUDA's variables.

        Raises:
            UserError: the last one ended in a way that a further one cannot mend: an error of the
                run's own, or somebody cancelled it. It is tried again by the next start of the
                workflow.
        """
        before = self.read()
        now = here(self._of, mem_mb, environment)
        for number, attempt in enumerate(before, start=1):
            # Whoever still holds the run's lock is waited for; here only what is known is told.
            logging.info("attempt %d, %s: %s", number, attempt, attempt.ended or "has not ended")
        if before and now.start and before[-1].start == now.start:
            _refuse(before[-1])
        if now.job:
            logging.info("attempt %d, %s", len(before) + 1, now)
        self._write({"began": vars(now)})
        return now

    def _end(self, attempt: Attempt) -> None:
        self._write({"attempt": attempt.id, "ended": attempt.ended, "message": attempt.message})

    def _lines(self) -> Iterator[dict[str, Any]]:
        if self._path is None or not self._path.is_file():
            return
        for text in self._path.read_text(encoding="utf-8").splitlines():
            try:
                yield json.loads(text)
            except json.JSONDecodeError:
                continue  # the machine went down, or the disk was full, while it was written

    def _write(self, line: dict[str, Any]) -> None:
        if self._path is None:
            return
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with self._path.open("a", encoding="utf-8") as file:
                file.write(f"\n{json.dumps(line)}")  # the line before may be half-written
        except OSError as error:
            logging.warning("attempt not noted in %s: %s", self._path, error)


def here(of: str, mem_mb: int | None, environment: Mapping[str, str]) -> Attempt:
    """An attempt that begins in this process."""
    job = environment.get("SLURM_JOB_ID")
    return Attempt(
        id=uuid.uuid4().hex,
        of=of,
        start=environment.get(START),
        job=job,
        node=environment.get("SLURMD_NODENAME") or socket.gethostname(),
        gpus=environment.get("CUDA_VISIBLE_DEVICES"),
        mem_mb=mem_mb if job else None,
    )


def _verdict(attempt: Attempt) -> str | None:
    """Why an attempt that did not say so ended; None: it may still run."""
    if attempt.job is None:
        return None
    if attempt.job == os.environ.get("SLURM_JOB_ID"):
        return REQUEUED  # the same job, started again
    verdict = VERDICTS.get(job_state(attempt.job) or "")
    # Where only a process of the job was killed, the job's state is that of what remained.
    return MEMORY if verdict == LOST and _killed_for_memory(attempt.job) else verdict


def _killed_for_memory(job: str) -> bool:
    """Whether Slurm's own log of a job says that memory ran out."""
    return any(
        OOM_KILL.search(path.read_text(encoding="utf-8", errors="replace"))
        for path in SLURM_LOGS.glob(f"*/*/{job}.log")
    )


def _why(reason: BaseException) -> tuple[str, str]:
    text = " ".join(str(reason).split())[:500]
    if isinstance(reason, Stopped):
        return (TIME if TIME_LIMIT in text else STOPPED), text
    if isinstance(reason, OSError) and reason.errno in DISK_ERRORS:
        return DISK, text
    return ERROR, text or type(reason).__name__


def _refuse(last: Attempt) -> None:
    ended = last.ended
    if ended == STOPPED and last.job and VERDICTS.get(job_state(last.job) or "") == CANCELLED:
        ended = CANCELLED  # the run heard of it as a signal
    if ended not in (ERROR, CANCELLED):
        return
    detail = f": {last.message}" if last.message else ""
    raise UserError(
        f"not tried again, since the last attempt ({last}) was not ended by the cluster:"
        f" {ended}{detail}; start the workflow again to try it again"
    )
