"""The grid: its cells, and the settings that make each what it is."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import product

from tunegrid.files import canonical_json
from tunegrid.planning.project import Project
from tunegrid.results import RUN_PATH
from tunegrid.settings import Settings, settings_hash


@dataclass(frozen=True)
class Cell:
    """One run of the grid: a model, a task, a method, a seed, and every setting resolved.

    Attributes:
        settings: all that decides the result.
        keep: whose trained weights are kept; it changes nothing of the result.
    """

    model: str
    task: str
    method: str
    seed: int
    settings: Settings
    keep: str

    @property
    def path(self) -> str:
        """The run's folder below `results/runs`."""
        return RUN_PATH.format(**self.settings)

    @cached_property
    def settings_json(self) -> str:
        """The settings as canonical JSON: equal cells have equal text."""
        return canonical_json(self.settings)

    @property
    def hash(self) -> str:
        """Twelve hexadecimal digits that stand for the settings."""
        return settings_hash(self.settings)


def expand_grid(project: Project) -> Iterator[Cell]:
    """The union of the grid's blocks, each cell once, in the order they are written.

    Settings are the configuration's `train`, then every override whose `where` matches, in
    order; the split settings are the task's own.
    """
    seen = set()
    for block in project.config.grid:
        for key in product(block.models, block.tasks, block.methods, block.seeds):
            if key not in seen:
                seen.add(key)
                yield _cell(project, *key)


def _cell(project: Project, model: str, task: str, method: str, seed: int) -> Cell:
    train = project.config.train.model_dump(exclude={"pack"})
    here = {"model": model, "task": task, "method": method, "seed": seed}
    for override in project.config.overrides:
        where = override.where.model_dump(exclude_none=True)
        if all(here[key] in values for key, values in where.items()):
            train |= override.set.model_dump(exclude_unset=True)
    keep = train.pop("keep")
    settings = here | {
        "model_source": project.models[model].settings(),
        "tokenizer_source": project.models[tokenizer_of(project, model)].settings(),
        "method_source": project.methods[method].settings(),
        "task_source": project.grid_tasks[task].source(),
        "data": project.grid_tasks[task].split_settings(project.config.data),
        "train": train,
    }
    return Cell(model, task, method, seed, settings, keep)


def packs(cells: Iterable[Cell], size: int) -> dict[str, list[Cell]]:
    """The cells that one process trains: up to `size` of the same model and task, by pack name.

    They also share what a process fixes for good: threads, precision, deterministic kernels.
    """
    alike = defaultdict(list)
    for cell in cells:
        fixed = (cell.settings["train"][key] for key in ("threads", "precision", "deterministic"))
        alike[cell.model, cell.task, *fixed].append(cell)
    result: dict[str, list[Cell]] = {}
    numbers: Counter[tuple[str, str]] = Counter()
    for (model, task, *_), group in alike.items():
        for start in range(0, len(group), size):
            numbers[model, task] += 1
            result[f"{model}/{task}/{numbers[model, task]}"] = group[start : start + size]
    return result


def tokenizer_of(project: Project, model: str) -> str:
    """The model whose tokenizer `model` uses; encoded tasks are kept under its name."""
    return project.models[model].tokenizer or model
