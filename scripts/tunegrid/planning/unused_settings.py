"""What a configuration says and no run of its grid uses: no mistake for certain, so a warning."""

from collections.abc import Iterator
from itertools import product

from tunegrid.config.origin import Origins
from tunegrid.config.schema import GridBlock, Where
from tunegrid.config.value_types import MAIN
from tunegrid.planning.grid_tasks import Task
from tunegrid.planning.project import Project


def unused_settings(project: Project) -> Iterator[str]:
    """One line for each setting that changes nothing: where it stands, and why it does not."""
    origins = project.origins
    yield from _overrides_of_nothing(project, origins)
    yield from _overridden_overrides(project, origins)
    yield from _repeated_blocks(project, origins)
    yield from _tasks_outside_grid(project, origins)
    yield from _settings_of_no_run(project, origins)


def _overrides_of_nothing(project: Project, origins: Origins) -> Iterator[str]:
    grid = project.config.grid
    for index, override in enumerate(project.config.overrides):
        where = override.where
        if any(_meets(where, block) for block in grid):
            continue
        place = origins.locate(("overrides", index, "where"))
        absent = [
            f"{key} {name}"
            for key, names in where.model_dump(exclude_none=True).items()
            for name in names
            if not any(name in getattr(block, f"{key}s") for block in grid)
        ]
        why = f"the grid has no {', '.join(absent)}" if absent else "no block has all of it at once"
        yield f"{place}: matches no cell, so that its settings are used by no run: {why}"


def _meets(where: Where, block: GridBlock) -> bool:
    """Whether a cell of the block matches."""
    wanted = where.model_dump(exclude_none=True)
    return all(set(names) & set(getattr(block, f"{key}s")) for key, names in wanted.items())


def _overridden_overrides(project: Project, origins: Origins) -> Iterator[str]:
    overrides = project.config.overrides
    for index, override in enumerate(overrides):
        keys = override.set.model_fields_set
        for later, other in enumerate(overrides[index + 1 :], start=index + 1):
            if _covers(other.where, override.where) and keys <= other.set.model_fields_set:
                yield (
                    f"{origins.locate(('overrides', index))}: overrides[{later}] sets the same for"
                    " the same cells and is the later one; drop one of them, or change their order"
                )
                break


def _covers(wide: Where, narrow: Where) -> bool:
    """Whether every cell that matches `narrow` matches `wide`, too."""
    asked, given = wide.model_dump(exclude_none=True), narrow.model_dump(exclude_none=True)
    return all(key in given and set(given[key]) <= set(names) for key, names in asked.items())


def _repeated_blocks(project: Project, origins: Origins) -> Iterator[str]:
    seen: set[tuple[str, str, str, int]] = set()
    for index, block in enumerate(project.config.grid):
        cells = set(product(block.models, block.tasks, block.methods, block.seeds))
        if cells <= seen:
            yield (
                f"{origins.locate(('grid', index))}: adds no cell, since all of its own stand in"
                " the blocks before it"
            )
        seen |= cells


def _tasks_outside_grid(project: Project, origins: Origins) -> Iterator[str]:
    used = {name for task in project.grid_tasks.values() for name in _names_of_parts(task)}
    for name in project.config.data.tasks:
        if name not in used:
            place = origins.locate(("data", "tasks", name))
            yield f"{place}: changes nothing, since the grid does not train {name}"


def _names_of_parts(task: Task) -> Iterator[str]:
    """The names by which `data.tasks` may set something of a task: of its parts and sources."""
    for part in task.parts:
        yield part.name
        yield part.source


def _settings_of_no_run(project: Project, origins: Origins) -> Iterator[str]:
    """Settings that are read only together with another one."""
    config = project.config
    data, train = config.data, config.train
    parts = [
        part.split_settings(data) for task in project.grid_tasks.values() for part in task.parts
    ]
    if data.few_shot_seed is not None and not any(part.few_shot for part in parts):
        place = origins.locate(("data", "few_shot_seed"))
        yield f"{place}: {data.few_shot_seed} draws nothing, since no task of the grid is few-shot"
    selects = {train.select, *(one.set.select for one in config.overrides)}
    if train.select_metric != MAIN and "best_dev" not in selects and config.tune is None:
        place = origins.locate(("train", "select_metric"))
        yield (
            f"{place}: {train.select_metric} selects nothing, since select: {train.select} takes"
            " the last weights; set select to best_dev"
        )
