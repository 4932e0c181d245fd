"""Second copies of finished runs, kept where Snakemake does not see them.

Snakemake deletes the outputs of a job that it takes for failed: one that ended well while its
master was gone, or all of a group of which one failed. Such a run is taken from its copy, not
trained again. The copy is used for the same settings, code, libraries, model and data alone.
"""

import logging
import shutil
from functools import cache
from pathlib import Path
from typing import Any

from tunegrid.files import atomic_path, read_json, sha256, write_json
from tunegrid.provenance import library_versions
from tunegrid.results import PROVENANCE, RUN_FILES

#: What says of which run a copy is; without it there is none.
IDENTITY = "identity.json"


def is_kept(folder: Path | None) -> bool:
    """Whether there is a copy of a finished run, of whatever identity.

    Args:
        folder: of the cell alone; None: copies are not kept.
    """
    return folder is not None and (folder / IDENTITY).is_file()


class FinishedRun:
    """The second copy of one cell's finished run, if there is one.

    Args:
        folder: of this cell alone; None: nothing is kept or found.
        identity: what must be the same for the copy to be used (`RunRequest.identity`).
    """

    def __init__(self, folder: Path | None, identity: dict[str, Any]) -> None:
        self._folder = folder
        self._identity = identity

    def forget(self) -> None:
        """Take the copy for none, so that the next start of the workflow makes the run."""
        if self._folder is not None:
            (self._folder / IDENTITY).unlink(missing_ok=True)

    def keep(self, output: Path) -> None:
        """Copy the run in `output`. A disk without space costs the copy, not the run."""
        if self._folder is None:
            return
        try:
            _copy(output, self._folder)
            write_json(self._folder / IDENTITY, self._identity)
        except OSError as error:
            logging.warning("no copy of the finished run in %s: %s", self._folder, error)

    def take(self, output: Path, *, weights: bool) -> bool:
        """Copy the finished run to `output`; False if there is none that can be used.

        Args:
            output: folder of the run.
            weights: whether the trained weights must be in `output`, too. A run that could not
                keep them is taken without: training it again would end the same.
        """
        if self._folder is None or not is_kept(self._folder):
            return False
        there = read_json(self._folder / IDENTITY)
        changed = sorted(key for key in self._identity if self._identity[key] != there.get(key))
        if changed:
            logging.info("the finished run in %s is of other %s", self._folder, ", ".join(changed))
            return False
        made = read_json(self._folder / PROVENANCE)
        if weights and made["not_kept"]:
            logging.warning(
                "the trained weights could not be kept: %s; delete %s to train the run again",
                made["not_kept"],
                self._folder,
            )
        elif weights and not _intact(output, made["kept"]):
            logging.info("the finished run in %s has kept no weights", self._folder)
            return False
        _copy(self._folder, output)
        logging.info("finished on %s; taken from %s", made["started"], self._folder)
        return True


def can_be_taken(folder: Path, *, code: str) -> bool:
    """Whether a second copy is there, made by this code and the libraries that are installed.

    Whether its model and data are the same is seen when it is taken.

    Args:
        folder: of the copy.
        code: the digest of the code that trains the run.
    """
    if not is_kept(folder):
        return False
    there = read_json(folder / IDENTITY)
    return (there["code"], there["library versions"], there["ends_after"]) == (
        code,
        _installed_versions(),
        None,
    )


def precision_of_copy(folder: Path | None) -> str | None:
    """The precision that the run of a second copy was trained in; None: there is no copy."""
    if folder is None or not is_kept(folder):
        return None
    precision: str | None = read_json(folder / IDENTITY).get("precision")
    return precision


@cache
def _installed_versions() -> dict[str, str | None]:
    return library_versions()


def _copy(source: Path, target: Path) -> None:
    for name in RUN_FILES:
        with atomic_path(target / name) as temporary:
            shutil.copyfile(source / name, temporary)


def _intact(output: Path, kept: dict[str, str]) -> bool:
    """Whether all weights that a run has kept are there as it wrote them; False if it kept none."""
    if not kept:
        return False
    return all(
        (output / name).is_file() and sha256(output / name) == digest
        for name, digest in kept.items()
    )
