"""Checkpoints: everything a run needs to go on, written whole or not at all.

They lie outside the outputs that Snakemake knows (it deletes those of a failed job), in a folder
named by the hash of the cell's settings: no run goes on from another's. A file is the SHA-256 of
its payload and the payload, so that a damaged one is known and the one before it is used.
"""

import hashlib
import io
import logging
import shutil
from collections.abc import Iterator
from pathlib import Path
from time import monotonic
from typing import Any

import torch

from tunegrid.files import atomic_path

State = dict[str, Any]

#: Files kept; the older one serves when the newer turns out to be damaged.
KEPT = 2
#: Seconds between checkpoints inside an epoch.
INTERVAL = 600.0
#: Share of a run's time that the checkpoints at the ends of its epochs may take. Short epochs of a
#: large model (1.5 GB for roberta-base with AdamW's state) would spend most of it writing.
SHARE = 0.05

_DIGEST = hashlib.sha256().digest_size


class Checkpoints:
    """The checkpoints of one run.

    Args:
        folder: of this run alone; None: none are read or written.
        identity: what else must be the same for a checkpoint to be used (code, data, device).
        interval: seconds between two inside an epoch.
    """

    def __init__(
        self, folder: Path | None, identity: dict[str, Any], interval: float = INTERVAL
    ) -> None:
        self._folder = folder
        self._identity = identity
        self._interval = interval
        self._last, self._cost = monotonic(), 0.0

    def load(self) -> State | None:
        """The newest whole state of this run; None if it must begin at its start.

        A file that is damaged, or that other code, data or another kind of device made, is not
        used, and the log says so.
        """
        for path in reversed(self._files()):
            try:
                state = _read(path)
            except (ValueError, OSError, RuntimeError) as error:
                logging.warning("checkpoint %s is not used: %s", path, error)
                continue
            if changed := list(self._differences(state.pop("identity"))):
                logging.warning("checkpoint %s is not used: other %s", path, ", ".join(changed))
                continue
            logging.info("going on from %s", path)
            return state
        return None

    def due(self, *, epoch_ends: bool = False) -> bool:
        """Whether to write one now: after an interval, and after an epoch unless it costs much."""
        if self._folder is None:
            return False
        wait = min(self._interval, self._cost / SHARE) if epoch_ends else self._interval
        return monotonic() - self._last >= wait

    def save(self, step: int, state: State) -> None:
        """Write the state after `step` optimizer steps, and remove all but the newest files.

        A disk without space costs the checkpoint, not the run.
        """
        if self._folder is None:
            return
        began = monotonic()
        buffer = io.BytesIO()
        torch.save(state | {"identity": self._identity}, buffer)
        payload = buffer.getbuffer()
        try:
            with (
                atomic_path(self._folder / f"step{step:09d}.pt") as temporary,
                temporary.open("wb") as file,
            ):
                file.write(hashlib.sha256(payload).digest())
                file.write(payload)
        except OSError as error:
            logging.warning("no checkpoint after step %d: %s", step, error)
            return
        self._last = monotonic()
        self._cost = self._last - began
        for path in self._files()[:-KEPT]:
            path.unlink(missing_ok=True)

    def remove(self) -> None:
        """Remove the checkpoints of a run that is finished, and what a kill left half-written."""
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)

    def _files(self) -> list[Path]:
        return sorted(self._folder.glob("step*.pt")) if self._folder else []

    def _differences(self, identity: dict[str, Any]) -> Iterator[str]:
        for key in sorted(self._identity.keys() | identity.keys()):
            if self._identity.get(key) != identity.get(key):
                yield key


def _read(path: Path) -> State:
    content = path.read_bytes()
    digest, payload = content[:_DIGEST], content[_DIGEST:]
    if hashlib.sha256(payload).digest() != digest:
        raise ValueError("it is damaged")
    return torch.load(io.BytesIO(payload), map_location="cpu", weights_only=True)
