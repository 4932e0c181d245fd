"""Verdicts of trials, kept: the libraries are started once for all methods of a model and task.

Nothing here imports torch before a trial must be made.
"""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from filelock import FileLock

from tunegrid.cluster.attempts import WORKFLOW_START
from tunegrid.files import canonical_json, digest, read_json, write_json
from tunegrid.provenance import library_versions
from tunegrid.staleness import code_digest
from tunegrid.training.run_request import RunRequest

if TYPE_CHECKING:
    from tunegrid.training.trial import Trial


def trial_of(
    request: RunRequest, siblings: Iterable[RunRequest], store: Path, memory: int
) -> "Trial":
    """How the trial of a cell ends: from the store, or made now, with those of its siblings.

    A problem counts for the jobs of one start of the workflow: by the next, what was met may have
    been mended.

    Args:
        request: the cell.
        siblings: cells of the other methods of its model and task, which are tried as well.
        store: the folder of the verdicts.
        memory: bytes that a trial may take.
    """
    store.mkdir(parents=True, exist_ok=True)
    settings = request.settings
    own = _verdict_file(request, store, memory)
    with FileLock(store / f"{digest(f'{settings.model}/{settings.task}')}.lock"):
        if stored := _stored(own):
            return stored
        from tunegrid.training.trial import try_cells

        untried = [one for one in siblings if not _stored(_verdict_file(one, store, memory))]
        trials = try_cells([request, *untried], memory)
        for one, trial in zip([request, *untried], trials, strict=True):
            verdict = {"start": os.environ.get(WORKFLOW_START), "trial": trial}
            write_json(_verdict_file(one, store, memory), verdict)
        return trials[0]


def _stored(path: Path) -> "Trial | None":
    """A verdict that still counts; None: there is none."""
    if not path.is_file():
        return None
    stored = read_json(path)
    trial: Trial = stored["trial"]
    of_this_start = stored["start"] is not None and stored["start"] == os.environ.get(
        WORKFLOW_START
    )
    return trial if trial["problem"] is None or of_this_start else None


def _verdict_file(request: RunRequest, store: Path, memory: int) -> Path:
    """Where a verdict is stored: by all that it depends on."""
    settings = request.settings
    depends_on: dict[str, Any] = {
        "code": code_digest("try_cell"),
        "libraries": library_versions(),
        "model": request.model_files,
        "head": settings.model_source.head,
        "padding_dependent": settings.model_source.padding_dependent,
        "encoding": request.encoding,
        "method": settings.method_source.settings(),
        "train": settings.train.model_dump(mode="json"),
        "keep": request.keep,
        "memory": memory,
    }
    return store / f"{digest(canonical_json(depends_on))}.json"
