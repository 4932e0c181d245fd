"""Finished runs, kept a second time where Snakemake does not see them.

Snakemake deletes the outputs of a job that it takes for failed: one that ended well while its
master was gone, or all of a group of which one failed. Such a run is taken from here, not trained
again. It is used for the same settings, code, libraries, model and data alone.
"""

import logging
import shutil
from pathlib import Path
from typing import Any

from tunegrid.files import atomic_path, read_json, sha256, write_json

#: A run's files; the one that says that it is done comes last.
FILES = ("history.csv", "predictions.parquet", "provenance.json", "metrics.json")


class Finished:
    """The finished run of one cell, if there is one.

    Args:
        folder: of this cell alone; None: nothing is kept or found.
        identity: what must be the same for it to be used (`Job.identity`).
    """

    def __init__(self, folder: Path | None, identity: dict[str, Any]) -> None:
        self._folder, self._identity = folder, identity

    def keep(self, output: Path) -> None:
        """Keep a copy of the run in `output`. A disk without space costs the copy, not the run."""
        if self._folder is None:
            return
        try:
            _copy(output, self._folder)
            write_json(self._folder / "identity.json", self._identity)
        except OSError as error:
            logging.warning("no copy of the finished run in %s: %s", self._folder, error)

    def take(self, output: Path, *, weights: bool) -> bool:
        """Copy the finished run to `output`; False if there is none that can be used.

        Args:
            output: folder of the run.
            weights: whether its trained weights must be there, too.
        """
        if self._folder is None or not (self._folder / "identity.json").is_file():
            return False
        found = read_json(self._folder / "identity.json")
        if changed := sorted(k for k in self._identity if self._identity[k] != found.get(k)):
            logging.info("the finished run in %s is of other %s", self._folder, ", ".join(changed))
            return False
        made = read_json(self._folder / "provenance.json")
        if weights and not _intact(output, made["kept"]):
            logging.info("the finished run in %s has kept no weights", self._folder)
            return False
        _copy(self._folder, output)
        logging.info("finished on %s; taken from %s", made["started"], self._folder)
        return True


def _copy(source: Path, target: Path) -> None:
    for name in FILES:
        with atomic_path(target / name) as temporary:
            shutil.copyfile(source / name, temporary)


def _intact(output: Path, kept: dict[str, str]) -> bool:
    return bool(kept) and all(
        (output / name).is_file() and sha256(output / name) == digest
        for name, digest in kept.items()
    )
