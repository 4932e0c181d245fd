"""Several runs in one process, each as if it were alone."""

import gc
import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tunegrid.cli import LOG_FORMAT
from tunegrid.cluster.attempts import AttemptLog
from tunegrid.errors import UserError
from tunegrid.stopping import Stopped, StopRequest
from tunegrid.training.make_run import make_run
from tunegrid.training.run_request import RunRequest


def make_all(
    requests: Mapping[str, RunRequest],
    logs: Path,
    stop: StopRequest,
    scratch: Path | None = None,
    attempts: Path | None = None,
) -> dict[str, dict[str, str]]:
    """Make every run that is not finished, in order; a failure of one leaves the others alone.

    Args:
        requests: by the run's path below the folder of runs; they share model and task.
        logs: folder for the runs' logs; each goes to `<path>.log`.
        stop: asked as by a run that is alone.
        scratch: fast disk to copy what is read to.
        attempts: folder of the runs' attempts, each at `<path>.jsonl`; None: they are not noted.

    Returns:
        By path: `ended`, which is "finished" or "failed", and `log`.

    Raises:
        Stopped: it was asked to; what was finished stays so.
    """
    ended = {}
    for path, request in requests.items():
        if cause := stop.cause():
            raise Stopped(cause, f"before {path}")
        logging.info("%s: begins", path)
        log = logs / f"{path}.log"
        record = attempts / f"{path}.jsonl" if attempts else None
        run_attempts = AttemptLog(record, target=request.settings.hash)
        with _own_log(log):
            finished = _make_alone(request, stop, scratch, run_attempts)
        end = "finished" if finished else "failed"
        logging.info("%s: %s", path, end)
        ended[path] = {"ended": end, "log": str(log)}
        gc.collect()  # a model is freed before the next is loaded, cycles and all
        gc.freeze()  # what is left are libraries; going through them takes 0.2 s a run
    return ended


def _make_alone(
    request: RunRequest, stop: StopRequest, scratch: Path | None, attempts: AttemptLog
) -> bool:
    """Make one run; False if it fails, for whatever reason: the log says why."""
    try:
        make_run(request, stop, attempts=attempts, scratch=scratch)
    except Stopped:
        raise
    except UserError as error:
        logging.error("%s", error)
        return False
    except Exception:
        logging.exception("the run failed")
        return False
    return True


@contextmanager
def _own_log(path: Path) -> Iterator[None]:
    """Log into a file of the run's own, not among the other runs of the pack."""
    path.parent.mkdir(parents=True, exist_ok=True)
    root = logging.getLogger()
    handler = logging.FileHandler(path, mode="w", encoding="utf-8")
    handler.setFormatter(logging.Formatter(LOG_FORMAT))
    shared, root.handlers = root.handlers, [handler]
    try:
        yield
    finally:
        root.handlers = shared
        handler.close()
