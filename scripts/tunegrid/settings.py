"""A cell's resolved settings: one frozen object from planning to training.

`tunegrid.planning.grid` makes it; a program gets it as JSON and reads it back. It holds everything
that decides a run's result, and nothing else: what a run keeps, where it writes and what its job
asks of a cluster are told beside it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from tunegrid.config.catalogue import MethodEntry, ModelEntry
from tunegrid.config.entries import Entry
from tunegrid.config.schema import SplitSettings, TrainSettings
from tunegrid.config.task_entry import TaskEntry
from tunegrid.config.value_types import Closed
from tunegrid.files import canonical_json, digest
from tunegrid.metrics import TargetKind, TaskMetrics, default_metrics
from tunegrid.results import RUN_PATH


class JoinedTask(Entry):
    """Several tasks of the catalogue as one; each label begins with the name of its part.

    Its labels are None where those of a part are known only once it is read (`labels: auto`).
    """

    parts: dict[str, TaskEntry]
    labels: list[str] | None = None

    @property
    def target_kind(self) -> TargetKind:
        """What the task asks for: only tasks of one label are joined."""
        return "single_label"

    def task_metrics(self) -> TaskMetrics:
        """By what it is measured: what its parts name is of their own labels."""
        return default_metrics(self.target_kind)

    @property
    def label_names(self) -> list[str] | None:
        """Label names in the order of their ids; None where only the files tell."""
        return self.labels

    def settings(self) -> dict[str, Any]:
        """The keys that decide a result, as JSON values."""
        parts = {name: entry.settings() for name, entry in self.parts.items()}
        return {"parts": parts} | ({} if self.labels is None else {"labels": self.labels})


class JoinedSplitSettings(Closed):
    """The split settings of an aggregated task: of each part its own, and the longest length."""

    max_length: int
    parts: dict[str, SplitSettings]


#: What is made of a task's splits before training.
TaskSettings = SplitSettings | JoinedSplitSettings


def parse_task_settings(value: Mapping[str, Any]) -> TaskSettings:
    """What is made of a task's splits, from the JSON values that a program is told.

    Raises:
        pydantic.ValidationError: a key is unknown, missing or of another type.
    """
    if "parts" in value:
        return JoinedSplitSettings.model_validate(value)
    return SplitSettings.model_validate(value)


def _without_addresses(entry: dict[str, Any]) -> dict[str, Any]:
    """An entry, or several under `parts`, in which checksums stand for addresses.

    Where the bytes of a checksum come from decides no result; files that move train nothing again.
    """
    changed = dict(entry)
    if "url" in entry:
        changed["url"] = {
            path: file | {"address": f"https://sha256/{file['sha256']}"}
            for path, file in entry["url"].items()
        }
    if "parts" in entry:
        changed["parts"] = {name: _without_addresses(own) for name, own in entry["parts"].items()}
    return changed


class _AllButSeed:
    """What cells that differ in nothing but their seed have in common, as JSON, made when asked."""

    def __init__(self, settings: CellSettings) -> None:
        self._settings = settings

    @cached_property
    def values(self) -> dict[str, Any]:
        """The settings as JSON values, with None in the place of the seed."""
        settings = self._settings
        return {
            "model": settings.model,
            "task": settings.task,
            "method": settings.method,
            "seed": None,
            "model_source": _without_addresses(settings.model_source.settings()),
            "tokenizer_source": _without_addresses(settings.tokenizer_source.settings()),
            "task_source": _without_addresses(settings.task_source.settings()),
            "method_source": settings.method_source.settings(),
            "data": settings.data.model_dump(mode="json"),
            "train": settings.train.model_dump(mode="json"),
        }

    def json_with_seed(self, seed: int) -> str:
        """The canonical JSON of the settings with this seed."""
        before, after = self._around_seed
        return f"{before}{seed}{after}"

    @cached_property
    def _around_seed(self) -> tuple[str, str]:
        """The canonical JSON before and after the seed's value: its keys stand in their order."""
        before = {key: value for key, value in self.values.items() if key < "seed"}
        after = {key: value for key, value in self.values.items() if key > "seed"}
        return f'{canonical_json(before)[:-1]},"seed":', f",{canonical_json(after)[1:]}"


def positive_label(settings: CellSettings) -> str | None:
    """The label that the metric f1 is of; None where the task names none."""
    return settings.task_source.task_metrics().positive


@dataclass(frozen=True)
class CellSettings:
    """All that decides the result of one cell.

    Attributes:
        model: the model's name.
        task: the task's name.
        method: the method's name.
        seed: the run's seed.
        model_source: the model's catalogue entry.
        tokenizer_source: the entry of the model whose tokenizer it uses.
        task_source: the task's catalogue entry, or those of its parts.
        method_source: the method's catalogue entry.
        data: what is made of the task's splits.
        train: how the cell is trained.
    """

    model: str
    task: str
    method: str
    seed: int
    model_source: ModelEntry
    tokenizer_source: ModelEntry
    task_source: TaskEntry | JoinedTask
    method_source: MethodEntry
    data: TaskSettings
    train: TrainSettings

    def with_seed(self, seed: int) -> CellSettings:
        """The same settings with another seed.

        Thousands of cells may differ in nothing else; what the JSON of all of them has in common is
        made once.
        """
        other = replace(self, seed=seed)
        vars(other)["_common"] = self._common
        return other

    def closed(self, chosen: Mapping[str, Any]) -> CellSettings:
        """The settings with the training settings put in that tuning has chosen.

        Args:
            chosen: by the name of each setting, its value.
        """
        train = TrainSettings.model_validate(self.train.model_dump() | dict(chosen))
        return replace(self, train=train)

    def open_json(self, tuned: Collection[str]) -> dict[str, Any]:
        """The settings as JSON values, without the training settings that tuning will choose.

        Args:
            tuned: the names of these settings.
        """
        settings = self.to_json()
        settings["train"] = {
            key: value for key, value in settings["train"].items() if key not in tuned
        }
        return settings

    @property
    def path(self) -> str:
        """The run's folder below `results/runs`."""
        return RUN_PATH.format(model=self.model, task=self.task, method=self.method, seed=self.seed)

    def to_json(self) -> dict[str, Any]:
        """The settings as JSON values; `from_json` reads them back.

        The mappings in it are shared with other cells and must not be changed.
        """
        return self._common.values | {"seed": self.seed}

    @classmethod
    def from_json(
        cls, value: dict[str, Any], chosen: Mapping[str, Any] | None = None
    ) -> CellSettings:
        """The settings that `to_json` wrote, or `open_json` with what it left out.

        Args:
            value: what was written.
            chosen: the training settings that tuning has chosen, by their names.

        Raises:
            pydantic.ValidationError: a key is unknown, missing or of another type.
        """
        joined_task = "parts" in value["task_source"]
        return cls(
            model=value["model"],
            task=value["task"],
            method=value["method"],
            seed=value["seed"],
            model_source=ModelEntry.model_validate(value["model_source"]),
            tokenizer_source=ModelEntry.model_validate(value["tokenizer_source"]),
            task_source=(JoinedTask if joined_task else TaskEntry).model_validate(
                value["task_source"]
            ),
            method_source=MethodEntry.model_validate(value["method_source"]),
            data=parse_task_settings(value["data"]),
            train=TrainSettings.model_validate(value["train"] | dict(chosen or {})),
        )

    @cached_property
    def json(self) -> str:
        """The settings as canonical JSON: equal cells have equal text."""
        return self._common.json_with_seed(self.seed)

    @cached_property
    def _common(self) -> _AllButSeed:
        return _AllButSeed(self)

    @cached_property
    def hash(self) -> str:
        """Twelve hexadecimal digits that stand for the settings."""
        return digest(self.json)
