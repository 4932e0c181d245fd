"""The lines of a job's log that tell why it failed."""

from pathlib import Path

#: Bytes that are read of a log, from its end.
READ = 64 * 1024
#: At most so many lines are shown of a log.
SHOWN = 3
#: How the lines begin in which the workflow's programs tell what a user can put right
#: (`tunegrid.cli.run_program`), and those of Slurm's own messages.
ERRORS = ("error: ", "slurmstepd: error: ", "srun: error: ")
#: What stands between the time and the message of a line that tells of progress alone.
PROGRESS = (" INFO ", " DEBUG ")


def telling_lines(log: Path) -> list[str]:
    """The lines that tell most, the later last; of a log that is empty or not there, none.

    They are its last errors; else the exception in which it ended, with the place in the code; else
    its last lines, without those that tell of progress.
    """
    lines = [line for line in _end_of(log).splitlines() if line.strip()]
    errors = [line for line in lines[-20:] if line.startswith(ERRORS)]
    if errors:
        return errors[-SHOWN:]
    if exception := _exception(lines):
        return exception
    others = [line for line in lines if not any(mark in line for mark in PROGRESS)]
    return (others or lines)[-SHOWN:]


def _end_of(log: Path) -> str:
    try:
        with log.open("rb") as file:
            size = file.seek(0, 2)
            file.seek(max(0, size - READ))
            return file.read().decode("utf-8", errors="replace")
    except OSError:
        return ""


def _exception(lines: list[str]) -> list[str]:
    """Of the last traceback: the innermost place in the code, and the exception."""
    begins = [number for number, line in enumerate(lines) if line.startswith("Traceback (most")]
    if not begins:
        return []
    traceback = lines[begins[-1] + 1 :]
    places = [line.strip() for line in traceback if line.startswith('  File "')]
    exceptions = [line for line in traceback if not line.startswith(" ")]
    return places[-1:] + exceptions[:1]
