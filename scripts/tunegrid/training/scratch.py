"""A node's own fast disk: what a run reads is copied there first."""

import logging
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from tunegrid.errors import UserError
from tunegrid.training.run_request import RunRequest


@contextmanager
def on_scratch(request: RunRequest, scratch: Path | None) -> Iterator[RunRequest]:
    """The request, reading its model and data from a folder below `scratch`, removed at the end.

    Results and checkpoints are written where they are kept. A disk without space costs the copy,
    not the run.

    Args:
        request: what to make.
        scratch: a folder; None: the request as it is.

    Raises:
        UserError: no such folder.
    """
    if scratch is None:
        yield request
        return
    if not scratch.is_dir():
        raise UserError(f"cluster.scratch: no such folder on this node: {scratch}")
    with tempfile.TemporaryDirectory(prefix="tunegrid-", dir=scratch) as folder:
        try:
            shutil.copytree(request.model, Path(folder, "model"))
            shutil.copytree(request.encoded, Path(folder, "encoded"))
        except (OSError, shutil.Error) as error:
            logging.warning("no copy on %s, reading the shared disk: %s", scratch, error)
            yield request
            return
        logging.info("model and data are read from %s", folder)
        yield replace(request, model=Path(folder, "model"), encoded=Path(folder, "encoded"))
