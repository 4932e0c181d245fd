"""What a training program is asked for: a cell's settings, what it reads, where it writes.

Nothing here imports torch: a run that is finished already is taken in a moment.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from tunegrid.files import read_json
from tunegrid.settings import Settings, settings_hash
from tunegrid.training.stopping import Stopped, StopRequest

#: What a run's provenance takes from its task's encoding.json.
ENCODING = ("tokenizer_files", "task_files", "splits")

#: Seconds between two looks at a lock that another process holds.
LOCK_POLL = 2.0


@dataclass(frozen=True)
class Job:
    """One run to be made.

    Attributes:
        settings: a cell's (`tunegrid.settings`).
        model: folder of fetch_model.
        encoded: folder of encode_task.
        output: folder of the run.
        keep: whose trained weights are kept: "none", "adapters" or "all".
        checkpoints: folder of all runs' checkpoints and locks; this run's are in it by its
            settings' hash. None: it begins at its start and keeps none.
        finished: folder of all finished runs, each by its settings' hash; None: none are kept.
    """

    settings: Settings
    model: Path
    encoded: Path
    output: Path
    keep: str = "none"
    checkpoints: Path | None = None
    finished: Path | None = None

    @property
    def hash(self) -> str:
        """That of the settings."""
        return settings_hash(self.settings)

    @cached_property
    def encoding(self) -> dict[str, Any]:
        """The card of encode_task."""
        return read_json(self.encoded / "encoding.json")

    @cached_property
    def model_files(self) -> dict[str, str]:
        """The SHA-256 of the model's files."""
        return read_json(self.model / "model.json")["files"]

    @property
    def keeps_weights(self) -> bool:
        """Whether the trained weights are to be kept."""
        adapter = self.settings["method_source"]["kind"] == "adapter"
        return self.keep == "all" or (self.keep == "adapters" and adapter)

    def identity(self, made: dict[str, Any]) -> dict[str, Any]:
        """What, beside the settings, must be the same for a result to be this run's.

        Args:
            made: the program's `tunegrid.provenance`.
        """
        return {
            "code": made["code"],
            "library versions": made["versions"],
            "model": self.model_files,
            "data": {key: self.encoding[key] for key in ENCODING},
        }

    @property
    def checkpoint_folder(self) -> Path | None:
        """Where this run's checkpoints are."""
        return self.checkpoints / self.hash if self.checkpoints else None

    @property
    def finished_folder(self) -> Path | None:
        """Where this run is kept when it is finished."""
        return self.finished / self.hash if self.finished else None

    @contextmanager
    def locked(self, stop: StopRequest) -> Iterator[None]:
        """Hold the run's lock, so that no two processes make the same run.

        Waits for a process that holds it: it may finish the run.

        Raises:
            Stopped: it was asked to while it waited.
        """
        folder = self.checkpoint_folder
        if folder is None:
            yield
            return
        folder.parent.mkdir(parents=True, exist_ok=True)
        # Not in the folder: whoever finishes the run removes that while others wait.
        lock, waiting = FileLock(folder.with_suffix(".lock")), False
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
