"""Training settings that would change nothing, or that contradict each other: refused by name."""

from collections.abc import Iterator
from typing import Any

from tunegrid.config.origin import KeyPath, Origins
from tunegrid.config.schema import TrainSettings
from tunegrid.config.tuning import Span, TuneSettings
from tunegrid.planning.grid import Cell
from tunegrid.planning.project import Project

#: Settings that change nothing for a method that trains the head alone, and why.
NOTHING_FOR_HEAD = {
    "layer_decay": "trains no layer",
    "frozen_layers": "trains no layer",
    "gradient_checkpointing": "needs no gradient of a layer",
    "head_learning_rate": "trains at one rate; set learning_rate",
}
#: Settings that only AdamW has, in 32 or 8 bits.
OF_ADAM = ("adam_beta1", "adam_beta2", "adam_epsilon")


def setting_problems(project: Project, cells: list[Cell], origins: Origins) -> Iterator[str]:
    """Settings that a run cannot follow, one line each, with the first cell that they concern."""
    tune = project.config.tune
    found: dict[tuple[KeyPath, str], Cell] = {}
    for cell in cells:
        for key, what in _without_effect(cell, tune):
            path = _where(key, cell, tune)
            found.setdefault((path, what), cell)
    for (path, what), cell in found.items():
        yield f"{origins.locate(path)}: {what} (cell {cell.path})"
    if tune is not None:
        yield from _tuning_problems(tune, cells, origins)


def _without_effect(cell: Cell, tune: TuneSettings | None) -> Iterator[tuple[str, str]]:
    """Settings of a cell that change nothing of its runs: the key, and what to do about it."""
    if cell.settings.method_source.kind == "head":
        for key, why in NOTHING_FOR_HEAD.items():
            for value, default in _changed(key, cell, tune):
                what = f"{value}, but method {cell.method!r} (kind: head) {why}"
                yield key, f"{what}; set it to {default} for this method"
    if "adafactor" in _values("optimizer", cell, tune):
        for key in OF_ADAM:
            for value, default in _changed(key, cell, tune):
                what = f"{value}, but optimizer: adafactor has no such setting"
                yield key, f"{what}; leave it at {default}, or take adamw"


def _changed(key: str, cell: Cell, tune: TuneSettings | None) -> Iterator[tuple[str, str]]:
    """The values of a setting in the runs of a cell that are not its default, and the default."""
    default = TrainSettings.model_fields[key].default
    for value in _values(key, cell, tune):
        if value != default:
            yield _shown(value), _shown(default)


def _values(key: str, cell: Cell, tune: TuneSettings | None) -> list[Any]:
    """The values that a setting takes in the runs of a cell: tuned ones, or its own."""
    if tune is None or key not in cell.tuned:
        return [getattr(cell.settings.train, key)]
    tried = tune.space_of(cell.method)[key]
    return list(tried.bounds) if isinstance(tried, Span) else list(tried)


def _where(key: str, cell: Cell, tune: TuneSettings | None) -> KeyPath:
    """The key of the configuration that gives a cell's setting its value."""
    if tune is None or key not in cell.tuned:
        return ("train", key)
    if cell.method in tune.methods and getattr(tune.methods[cell.method], key) is not None:
        return ("tune", "methods", cell.method, key)
    return ("tune", "space", key)


def _tuning_problems(tune: TuneSettings, cells: list[Cell], origins: Origins) -> Iterator[str]:
    """What does not go together with tuning."""
    told: set[str] = set()
    for cell in cells:
        train = cell.settings.train
        counted_in_steps = train.max_steps is not None or "max_steps" in cell.tuned
        if counted_in_steps and "epochs" in cell.tuned and "epochs" not in told:
            told.add("epochs")
            yield (
                f"{origins.locate(('tune', 'space', 'epochs'))}: max_steps stands in place of"
                f" epochs, which would change nothing; keep one of them (cell {cell.path})"
            )
        if tune.halving is None or "halving" in told:
            continue
        where = origins.locate(("tune", "halving"))
        if counted_in_steps:
            told.add("halving")
            yield (
                f"{where}: stops candidates after some of their epochs, but max_steps counts steps;"
                f" set max_steps to null, or halving (cell {cell.path})"
            )
        elif train.eval_every is not None:
            told.add("halving")
            yield (
                f"{where}: stops candidates at the end of an epoch, but eval_every evaluates by"
                f" steps; set eval_every to null, or halving (cell {cell.path})"
            )


def _shown(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:g}" if isinstance(value, float) else str(value)
