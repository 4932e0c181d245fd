"""The grid: its cells, and the settings that make each what it is."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import product
from pathlib import Path
from typing import Any

from tunegrid.config.schema import Override, TrainSettings
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
        results: the folder of the configuration's results.
    """

    settings: CellSettings
    keep: str
    tuned: tuple[str, ...] = ()
    candidate: int | None = None
    results: str = "results"

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
        path = CHOICE_PATH.format(model=self.model, task=self.task, method=self.method)
        return f"{self.results}/{path}"

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


@cache
def expand_grid(project: Project) -> tuple[Cell, ...]:
    """The union of the grid's blocks, each cell once, in the order in which they are written.

    A cell's training settings are the configuration's `train`, changed by every override whose
    `where` matches, in order; its split settings are the task's own. Cells that differ in nothing
    but their seed share all else.
    """
    cells: dict[tuple[str, str, str, int], Cell] = {}
    alike: dict[tuple[str, str, str, tuple[int, ...]], Cell] = {}
    for block in project.config.grid:
        for model, task, method in product(block.models, block.tasks, block.methods):
            overrides = _overrides_of(project, model=model, task=task, method=method)
            for seed in block.seeds:
                if (model, task, method, seed) in cells:
                    continue
                of_seed = tuple(
                    index
                    for index, override in overrides.items()
                    if override.where.seed is None or seed in override.where.seed
                )
                first = alike.get((model, task, method, of_seed))
                if first is None:
                    cell = _cell(
                        project, model=model, task=task, method=method, seed=seed, overrides=of_seed
                    )
                    alike[model, task, method, of_seed] = cell
                else:
                    cell = replace(first, settings=first.settings.with_seed(seed))
                cells[model, task, method, seed] = cell
    return tuple(cells.values())


def _overrides_of(project: Project, *, model: str, task: str, method: str) -> dict[int, Override]:
    """The overrides that reach a model, task and method, some perhaps only for some seeds."""
    return {
        index: override
        for index, override in enumerate(project.config.overrides)
        if (override.where.model is None or model in override.where.model)
        and (override.where.task is None or task in override.where.task)
        and (override.where.method is None or method in override.where.method)
    }


def _cell(
    project: Project,
    *,
    model: str,
    task: str,
    method: str,
    seed: int,
    overrides: Sequence[int],
) -> Cell:
    """A cell, whose training settings these overrides change, named by their place."""
    train = project.config.train.model_dump(exclude={"pack"})
    for index in overrides:
        train |= project.config.overrides[index].set.model_dump(exclude_unset=True)
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
    return Cell(
        settings=settings,
        keep=keep,
        tuned=tuple(tune.space_of(method)) if tune else (),
        results=project.results,
    )


def without_repeated_seeds(cells: Iterable[Cell]) -> list[Cell]:
    """Of cells that differ in nothing but their seed, the first: what planning asks of all of them.

    Cells that are equal, but were made one by one, may stand there several times.
    """
    first: dict[tuple[str, str, str, int], Cell] = {}
    for cell in cells:
        settings = cell.settings
        key = (settings.model, settings.task, settings.method, id(settings.train))
        first.setdefault(key, cell)
    return list(first.values())


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
