"""A node's own fast disk: what a run reads is copied there first."""

import logging
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from tunegrid.errors import UserError
from tunegrid.training.job import Job


@contextmanager
def on_scratch(job: Job, scratch: Path | None) -> Iterator[Job]:
    """The job, reading its model and data from a folder below `scratch` that is removed afterwards.

    Results and checkpoints are written where they are kept. A disk without space costs the copy,
    not the run.

    Args:
        job: what to make.
        scratch: a folder; None: the job as it is.

    Raises:
        UserError: no such folder.
    """
    if scratch is None:
        yield job
        return
    if not scratch.is_dir():
        raise UserError(f"cluster.scratch: no such folder on this node: {scratch}")
    with tempfile.TemporaryDirectory(prefix="tunegrid-", dir=scratch) as folder:
        try:
            shutil.copytree(job.model, Path(folder, "model"))
            shutil.copytree(job.encoded, Path(folder, "encoded"))
        except (OSError, shutil.Error) as error:
            logging.warning("no copy on %s, reading the shared disk: %s", scratch, error)
            yield job
            return
        logging.info("model and data are read from %s", folder)
        yield replace(job, model=Path(folder, "model"), encoded=Path(folder, "encoded"))
