"""What a training program is asked for: a cell's settings, what it reads, where it writes.

Nothing here imports torch: a run that is finished already is taken in a moment.
"""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from tunegrid.config.catalogue import MethodEntry
from tunegrid.files import read_json
from tunegrid.settings import CellSettings

#: What a run's provenance takes from its task's encoding.json.
ENCODING = ("tokenizer_files", "task_files", "splits")


def keeps_weights(keep: str, method: MethodEntry) -> bool:
    """Whether a run keeps its trained weights.

    Args:
        keep: whose are kept: "none", "adapters" or "all".
        method: the run's.
    """
    return method.is_added if keep == "adapters" else keep == "all"


@dataclass(frozen=True)
class RunRequest:
    """One run to be made.

    Attributes:
        settings: the cell's.
        model: folder of fetch_model.
        encoded: folder of encode_task.
        output: folder of the run.
        keep: whose trained weights are kept: "none", "adapters" or "all".
        checkpoints: folder of all runs' checkpoints and locks, in which this run's are found by
            its settings' hash. None: the run begins at its start and keeps none.
        finished: folder of the second copies of finished runs, each by its settings' hash; None:
            no copy is kept or used.
        ends_after: the run ends after so many of its epochs, as its schedule stands there, and
            keeps its checkpoint, so that it can go on; None: after all.
    """

    settings: CellSettings
    model: Path
    encoded: Path
    output: Path
    keep: str = "none"
    checkpoints: Path | None = None
    finished: Path | None = None
    ends_after: int | None = None

    @cached_property
    def encoding(self) -> dict[str, Any]:
        """The card that encode_task wrote beside the encoded task."""
        card: dict[str, Any] = read_json(self.encoded / "encoding.json")
        return card

    @cached_property
    def model_files(self) -> dict[str, str]:
        """The SHA-256 of the model's files, by name."""
        files: dict[str, str] = read_json(self.model / "model.json")["files"]
        return files

    @property
    def epochs(self) -> int:
        """The epochs that are trained."""
        return self.ends_after or self.settings.train.epochs

    @property
    def keeps_weights(self) -> bool:
        """Whether the trained weights are to be kept."""
        return keeps_weights(self.keep, self.settings.method_source)

    def identity(self, made: dict[str, Any]) -> dict[str, Any]:
        """What, beside the settings, must be the same for a result to be this run's.

        Args:
            made: the program's provenance (`tunegrid.provenance.provenance`).
        """
        return {
            "code": made["code"],
            "library versions": made["versions"],
            "model": self.model_files,
            "data": {key: self.encoding[key] for key in ENCODING},
        }

    def identity_at_end(self, made: dict[str, Any], precision: str | None) -> dict[str, Any]:
        """The identity of the finished run: one that ended early is not the whole one.

        Args:
            made: as of `identity`.
            precision: in which it is trained.
        """
        return self.identity(made) | {"ends_after": self.ends_after, "precision": precision}

    @property
    def checkpoint_folder(self) -> Path | None:
        """Where this run's checkpoints are."""
        return self.checkpoints / self.settings.hash if self.checkpoints else None

    @property
    def finished_folder(self) -> Path | None:
        """Where the second copy of this run is, once it is finished."""
        return self.finished / self.settings.hash if self.finished else None
