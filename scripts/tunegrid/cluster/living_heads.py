"""Which head processes of a working directory live: the jobs of these are no orphans.

Every head process that submits jobs keeps two small files in the working directory, named as its
jobs are: who it is, and a number that it changes every few seconds, its beat. Another start asks
the system whether that process lives where both are on the same machine; elsewhere it watches the
beat for a while. No clocks of two machines are compared.
"""

import os
import socket
import threading
import time
from contextlib import suppress
from dataclasses import asdict, dataclass
from enum import Enum
from pathlib import Path

from tunegrid.cluster.processes import ticks_at_start
from tunegrid.files import read_json, write_json

#: Where the head processes of a working directory are recorded.
HEADS = Path("results/.heads")
#: Seconds between two beats of a head process.
BEAT_INTERVAL = 15.0
#: Seconds without a beat after which a head process of another machine is taken to have ended. A
#: shared disk may show a file of another machine a minute late (acregmax of nfs(5)).
PATIENCE = 120.0


class Life(Enum):
    """What is known of a head process."""

    LIVES = "lives"
    ENDED = "ended"
    UNKNOWN = "unknown yet"


@dataclass(frozen=True)
class HeadProcess:
    """A head process, as it is recorded.

    Attributes:
        pid: its process id.
        began: when the process began (`ticks_at_start`); None where the system does not tell.
        machine: tells the machine, as long as it runs, and on it the space of process ids.
        host: the machine's name.
    """

    pid: int
    began: int | None
    machine: str
    host: str

    def __str__(self) -> str:
        return f"process {self.pid} on {self.host}"


def this_head_process() -> HeadProcess:
    """Describe this process."""
    return HeadProcess(
        pid=os.getpid(),
        began=ticks_at_start(os.getpid()),
        machine=_this_machine(),
        host=socket.gethostname(),
    )


def record_this_head_process(folder: Path, job_name: str) -> None:
    """Record this process as one that lives, and go on to say so until it ends.

    Args:
        folder: the working directory.
        job_name: the name of all jobs of this process.
    """
    record, beat = _files(folder, job_name)
    write_json(record, asdict(this_head_process()))

    def beat_for_ever() -> None:
        count = 0
        while True:
            count += 1
            with suppress(OSError):  # the disk may be full, or away for a while
                beat.write_text(str(count), encoding="utf-8")
            time.sleep(BEAT_INTERVAL)

    threading.Thread(target=beat_for_ever, name="tunegrid-head-beat", daemon=True).start()


def forget_head_process(folder: Path, job_name: str) -> None:
    """Remove the record of a head process that has ended or is about to."""
    for path in _files(folder, job_name):
        with suppress(OSError):
            path.unlink(missing_ok=True)


def life_of_process(head: HeadProcess) -> Life:
    """Tell whether a head process lives; UNKNOWN of one that this machine cannot see."""
    if head.machine != _this_machine() or head.began is None:
        return Life.UNKNOWN
    return Life.LIVES if ticks_at_start(head.pid) == head.began else Life.ENDED


class OtherHeads:
    """Finds out which of the head processes live that have submitted jobs from this folder.

    Args:
        folder: the working directory.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._first_beat: dict[str, tuple[str, float]] = {}
        self._lives: set[str] = set()

    def recorded(self, job_name: str) -> HeadProcess | None:
        """The head process whose jobs are called so; None if there is no record of it."""
        record, _ = _files(self._folder, job_name)
        try:
            return HeadProcess(**read_json(record))
        except (OSError, ValueError, TypeError):  # absent, or of another version
            return None

    def life(self, job_name: str) -> Life:
        """Tell whether the head process lives whose jobs are called so; asked again, it may know.

        A process that lived when it was asked about is not asked about again.
        """
        if job_name in self._lives:
            return Life.LIVES
        head = self.recorded(job_name)
        if head is None:
            return Life.ENDED
        life = life_of_process(head)
        if life is Life.UNKNOWN:
            life = self._life_by_beat(job_name)
        if life is Life.LIVES:
            self._lives.add(job_name)
        return life

    def forget_ended(self) -> None:
        """Remove the records of those that have ended."""
        for record in (self._folder / HEADS).glob("*.json"):
            if self.life(record.stem) is Life.ENDED:
                forget_head_process(self._folder, record.stem)

    def _life_by_beat(self, job_name: str) -> Life:
        _, beat_file = _files(self._folder, job_name)
        try:
            beat = beat_file.read_text(encoding="utf-8")
        except OSError:
            beat = ""
        first, since = self._first_beat.setdefault(job_name, (beat, time.monotonic()))
        if beat != first:
            return Life.LIVES
        return Life.ENDED if time.monotonic() - since > PATIENCE else Life.UNKNOWN


def _files(folder: Path, job_name: str) -> tuple[Path, Path]:
    """The files of a head process: its record, and its beat."""
    return folder / HEADS / f"{job_name}.json", folder / HEADS / f"{job_name}.beat"


def _this_machine() -> str:
    """Name this machine until it is started again, and the space of its process ids.

    Containers on one machine have spaces of their own (pid_namespaces(7)).
    """
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return f"{boot} {Path('/proc/self/ns/pid').readlink()}"
    except OSError:
        return ""
