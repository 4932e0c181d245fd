"""What a configuration's types cannot tell about its tuning: values, seeds, splits, budgets."""

from collections.abc import Iterator, Sequence

from pydantic import ValidationError

from tunegrid.config.messages import explain_problems, nearest
from tunegrid.config.origin import KeyPath, Origins
from tunegrid.config.schema import TrainSettings
from tunegrid.config.tuning import Space, Span, TuneSettings
from tunegrid.errors import UserError
from tunegrid.planning.grid import Cell
from tunegrid.planning.grid_tasks import parts_without_dev
from tunegrid.planning.project import Project
from tunegrid.tuning.candidates import draw_candidates


def tuning_problems(project: Project, cells: Sequence[Cell], origins: Origins) -> Iterator[str]:
    """What is wrong with `tune`, one line each; nothing without it."""
    tune = project.config.tune
    if tune is None:
        return
    yield from _shared_seeds(tune, cells, origins)
    yield from _unknown_methods(tune, project, origins)
    wrong_values = list(_wrong_values(tune, origins))
    yield from wrong_values
    if not wrong_values:
        yield from _unequal_budgets(tune, cells, origins)
    yield from _idle_overrides(tune, project, cells, origins)
    yield from _missing_dev_splits(project, cells, origins)


def _shared_seeds(tune: TuneSettings, cells: Sequence[Cell], origins: Origins) -> Iterator[str]:
    shared = sorted(set(tune.seeds) & {cell.seed for cell in cells})
    if shared:
        where = origins.locate(("tune", "seeds"))
        listed = ", ".join(map(str, shared))
        yield (
            f"{where}: {listed} is a seed of the grid, too; name others, since what a seed has"
            " chosen must not be measured by it"
        )
    repeated = [seed for seed in dict.fromkeys(tune.seeds) if tune.seeds.count(seed) > 1]
    for seed in repeated:
        yield f"{origins.locate(('tune', 'seeds'))}: {seed} stands several times; name it once"


def _unknown_methods(tune: TuneSettings, project: Project, origins: Origins) -> Iterator[str]:
    for name in tune.methods:
        if name not in project.methods:
            where = origins.locate(("tune", "methods", name))
            yield f"{where}: unknown method {name!r}; {nearest(name, project.methods)}"


def _wrong_values(tune: TuneSettings, origins: Origins) -> Iterator[str]:
    """Values that the setting itself does not take; of a range its ends are tried."""
    spaces: list[tuple[KeyPath, Space]] = [(("tune", "space"), tune.space)]
    spaces += [(("tune", "methods", name), space) for name, space in tune.methods.items()]
    for path, space in spaces:
        for key, values in space.given().items():
            tried = values.bounds if isinstance(values, Span) else values
            for value in tried:
                whole = isinstance(value, float) and value.is_integer() and isinstance(values, Span)
                try:
                    TrainSettings.model_validate({key: int(value) if whole else value})
                except ValidationError as error:
                    for _, explanation in explain_problems(error, TrainSettings):
                        yield f"{origins.locate((*path, key))}: {explanation}"


def _unequal_budgets(tune: TuneSettings, cells: Sequence[Cell], origins: Origins) -> Iterator[str]:
    """Methods whose space does not give as many candidates as that of the others."""
    counts = {}
    for method in dict.fromkeys(cell.method for cell in cells):
        key: KeyPath = ("tune", "methods", method) if method in tune.methods else ("tune", "trials")
        try:
            counts[method] = len(draw_candidates(tune.space_of(method), tune.trials))
        except UserError as error:
            yield f"{origins.locate(key)}: {error} (method {method!r})"
    if len(set(counts.values())) > 1:
        listed = ", ".join(f"{method} {count}" for method, count in counts.items())
        yield (
            f"{origins.locate(('tune', 'methods'))}: the grids differ in size ({listed}); give each"
            " method as many combinations, so that all have the same budget"
        )


def _idle_overrides(
    tune: TuneSettings, project: Project, cells: Sequence[Cell], origins: Origins
) -> Iterator[str]:
    """Overrides of settings that tuning chooses."""
    for index, override in enumerate(project.config.overrides):
        methods = override.where.method or dict.fromkeys(cell.method for cell in cells)
        for key in sorted(override.set.model_fields_set):
            if all(key in tune.space_of(method) for method in methods):
                where = origins.locate(("overrides", index, "set", key))
                yield f"{where}: tuning chooses {key}; take it out here, or out of `tune`"


def _missing_dev_splits(project: Project, cells: Sequence[Cell], origins: Origins) -> Iterator[str]:
    """Tasks without a dev split that no cell evaluates, and that are yet to be tuned."""
    unchecked = {cell.task for cell in cells if cell.settings.train.protocol != "standard"}
    tasks = (project.grid_tasks[task] for task in sorted(unchecked))
    for part in parts_without_dev(tasks, project.config.data):
        yield (
            f"{origins.locate(('tune',))}: chooses by dev, but task {part.name!r} ships no dev"
            f" split; set data.tasks.{part.name}.dev_fraction to 0.1, say"
        )
