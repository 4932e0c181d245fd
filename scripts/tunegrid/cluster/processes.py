"""Processes of this machine, as the system describes them below /proc (proc(5)).

Where there is no /proc, nothing is known of them.
"""

import os
import time
from pathlib import Path


def ticks_at_start(pid: int) -> int | None:
    """Tell when a process began, in ticks since the machine's start (stat, field 22).

    With the process id it tells a process from a later one of the same number.

    Returns:
        None if there is no such process, or it has ended and only its parent has not noticed.
    """
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    # The second field is the program's name in parentheses, which may hold anything.
    state, *fields = text.rpartition(")")[2].split()
    return None if state in {"Z", "X"} else int(fields[18])


def oldest_start(variable: str) -> float | None:
    """Tell when the oldest process began that has a variable in its environment.

    Args:
        variable: the variable as NAME=VALUE.

    Returns:
        The time in seconds since the epoch (UNIX time); None if no process of this user has it.
    """
    wanted = variable.encode()
    starts = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            environment = (process / "environ").read_bytes()
        except OSError:  # it has ended, or is another user's
            continue
        if wanted in environment.split(b"\0"):
            starts.append(ticks_at_start(int(process.name)))
    known = [ticks for ticks in starts if ticks is not None]
    if not known:
        return None
    age = time.clock_gettime(time.CLOCK_BOOTTIME) - min(known) / os.sysconf("SC_CLK_TCK")
    return time.time() - age
