"""The grid: its cells, and the settings that make each what it is."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

from tunegrid.config.schema import TrainSettings
from tunegrid.config.task_entry import TaskEntry
from tunegrid.config.value_types import MAIN
from tunegrid.files import read_json
from tunegrid.metrics import TargetKind, TaskMetrics
from tunegrid.planning.project import Project
from tunegrid.results import CHOICE_PATH, TUNING_PATH
from tunegrid.settings import CellSettings


@dataclass(frozen=True)
class Cell:
    """One run of the grid, or one that tries a candidate.

    Attributes:
        settings: all that decides the result; of the settings in `tuned`, what holds without
            tuning.
        keep: whose trained weights are kept; it changes nothing of the result.
        tuned: the training settings that tuning will choose, by their names.
        candidate: the number of the candidate that it tries, from 1; None for a run of the grid.
    """

    settings: CellSettings
    keep: str
    tuned: tuple[str, ...] = ()
    candidate: int | None = None

    @property
    def model(self) -> str:
        """The model's name."""
        return self.settings.model

    @property
    def task(self) -> str:
        """The task's name."""
        return self.settings.task

    @property
    def method(self) -> str:
        """The method's name."""
        return self.settings.method

    @property
    def seed(self) -> int:
        """The run's seed."""
        return self.settings.seed

    @property
    def path(self) -> str:
        """The run's folder below `results/runs`, of a candidate below `results/tuning/runs`."""
        if self.candidate is None:
            return self.settings.path
        return TUNING_PATH.format(
            model=self.model,
            task=self.task,
            method=self.method,
            candidate=self.candidate,
            seed=self.seed,
        )

    @property
    def test_score(self) -> str:
        """What its own scores are of, where its task has several test splits: pooled or first."""
        entry = self.settings.task_source
        return entry.test_score if isinstance(entry, TaskEntry) else "pooled"

    @property
    def task_metrics(self) -> TaskMetrics:
        """By what its task is measured."""
        return self.settings.task_source.task_metrics()

    @property
    def target(self) -> TargetKind:
        """What its task asks for."""
        return self.settings.task_source.target_kind

    @property
    def metrics(self) -> str:
        """The metrics of its task, with spaces between them."""
        return " ".join(self.task_metrics.names)

    @property
    def main_metric(self) -> str:
        """The metric that stands for quality where one number must."""
        return self.task_metrics.main

    @property
    def positive(self) -> str:
        """The label that the metric f1 is of; empty where its task names none."""
        return self.task_metrics.positive or ""

    @property
    def choice(self) -> str | None:
        """The file that holds what tuning has chosen; None for a cell that is not tuned."""
        if not self.tuned:
            return None
        return CHOICE_PATH.format(model=self.model, task=self.task, method=self.method)

    def open_settings(self) -> dict[str, Any]:
        """The settings as JSON values, without those that tuning will choose."""
        return self.settings.open_json(self.tuned)

    def closed_settings(self) -> CellSettings:
        """The settings with what tuning has chosen, once its file is there."""
        if self.choice is None or not Path(self.choice).is_file():
            return self.settings
        return self.settings.closed(read_json(self.choice)["settings"])

    @property
    def hash(self) -> str:
        """Twelve hexadecimal digits that stand for the settings, as far as they are chosen."""
        return self.closed_settings().hash

    def to_json(self) -> dict[str, Any]:
        """What a program that trains the cell must be told, as JSON values."""
        return {
            "path": self.path,
            "settings": self.open_settings(),
            "choice": self.choice,
            "candidate": self.candidate,
            "keep": self.keep,
        }


def expand_grid(project: Project) -> Iterator[Cell]:
    """The union of the grid's blocks, each cell once, in the order in which they are written.

    A cell's training settings are the configuration's `train`, changed by every override whose
    `where` matches, in order; its split settings are the task's own.
    """
    seen = set()
    for block in project.config.grid:
        for key in product(block.models, block.tasks, block.methods, block.seeds):
            if key not in seen:
                seen.add(key)
                model, task, method, seed = key
                yield _cell(project, model=model, task=task, method=method, seed=seed)


def _cell(project: Project, *, model: str, task: str, method: str, seed: int) -> Cell:
    names = {"model": model, "task": task, "method": method, "seed": seed}
    train = project.config.train.model_dump(exclude={"pack"})
    for override in project.config.overrides:
        where = override.where.model_dump(exclude_none=True)
        if all(names[key] in values for key, values in where.items()):
            train |= override.set.model_dump(exclude_unset=True)
    keep = train.pop("keep")
    tune = project.config.tune
    grid_task = project.grid_tasks[task]
    source = grid_task.source()
    if train["select_metric"] == MAIN:
        train["select_metric"] = source.task_metrics().main
    settings = CellSettings(
        model=model,
        task=task,
        method=method,
        seed=seed,
        model_source=project.models[model],
        tokenizer_source=project.models[tokenizer_of(project, model)],
        task_source=source,
        method_source=project.methods[method],
        data=grid_task.split_settings(project.config.data),
        # Every value was checked where it was read.
        train=TrainSettings.model_construct(**train),
    )
    return Cell(settings=settings, keep=keep, tuned=tuple(tune.space_of(method)) if tune else ())


#: The training settings that a trial depends on; an edit of another one tries nothing again.
TRIED_SETTINGS = {
    "attention",
    "frozen_layers",
    "gradient_checkpointing",
    "head_learning_rate",
    "layer_decay",
    "optimizer",
    "protocol",
    "trim_last_layer",
}


def cells_to_try(cells: Iterable[Cell]) -> dict[str, dict[str, Any]]:
    """What a trial must be told of each model, task and method.

    It is a cell whose seed is 0, so that another seed in the grid tries nothing again.

    Returns:
        By `<model>/<task>/<method>`, in the grid's order: `settings` and `keep` as JSON values. Of
        seeds that differ in these, those of the first.
    """
    tried: dict[str, dict[str, Any]] = {}
    for cell in cells:
        name = f"{cell.model}/{cell.task}/{cell.method}"
        if name not in tried:
            settings = cell.settings.to_json() | {"seed": 0}
            settings["train"] = {key: settings["train"][key] for key in sorted(TRIED_SETTINGS)}
            tried[name] = {"settings": settings, "keep": cell.keep}
    return tried


def packs(cells: Iterable[Cell], size: int) -> dict[str, list[Cell]]:
    """The cells that one process trains: up to `size` of the same model and task, by pack name.

    They also share what a process fixes for good: threads, precision, deterministic kernels.
    """
    alike: dict[tuple[Any, ...], list[Cell]] = defaultdict(list)
    for cell in cells:
        train = cell.settings.train
        fixed = (train.threads, train.precision, train.deterministic)
        alike[cell.model, cell.task, fixed].append(cell)
    result: dict[str, list[Cell]] = {}
    numbers: Counter[tuple[str, str]] = Counter()
    for (model, task, _), group in alike.items():
        for start in range(0, len(group), size):
            numbers[model, task] += 1
            result[f"{model}/{task}/{numbers[model, task]}"] = group[start : start + size]
    return result


def packs_by_method(cells: Iterable[Cell]) -> dict[str, list[Cell]]:
    """The cells of each model, task and method together, by pack name."""
    alike: dict[tuple[str, str, str], list[Cell]] = defaultdict(list)
    for cell in cells:
        alike[cell.model, cell.task, cell.method].append(cell)
    result: dict[str, list[Cell]] = {}
    numbers: Counter[tuple[str, str]] = Counter()
    for (model, task, _), group in alike.items():
        numbers[model, task] += 1
        result[f"{model}/{task}/{numbers[model, task]}"] = group
    return result


def tokenizer_of(project: Project, model: str) -> str:
    """The model whose tokenizer `model` uses; encoded tasks are kept under its name."""
    return project.models[model].tokenizer or model
