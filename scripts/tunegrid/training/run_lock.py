"""A run's lock: no two processes make the same run at the same time."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from filelock import FileLock, Timeout

from tunegrid.stopping import Stopped, StopRequest
from tunegrid.training.run_request import RunRequest

#: Seconds between two looks at a lock that another process holds.
LOCK_POLL = 2.0


@contextmanager
def run_lock(request: RunRequest, stop: StopRequest) -> Iterator[None]:
    """Hold the run's lock; wait for a process that holds it, since it may finish the run.

    A run without a folder of checkpoints is not locked.

    Raises:
        Stopped: this process was asked to stop while it waited.
    """
    folder = request.checkpoint_folder
    if folder is None:
        yield
        return
    folder.parent.mkdir(parents=True, exist_ok=True)
    # Beside the folder, not in it: whoever finishes the run removes the folder while others wait.
    lock = FileLock(folder.with_suffix(".lock"))
    waiting = False
    while not lock.is_locked:
        try:
            lock.acquire(timeout=LOCK_POLL)
        except Timeout:
            if cause := stop.cause():
                raise Stopped(cause, f"while it waited for {lock.lock_file}") from None
            if not waiting:
                logging.warning("another process makes this run; waiting: %s", lock.lock_file)
            waiting = True
    try:
        yield
    finally:
        lock.release()
