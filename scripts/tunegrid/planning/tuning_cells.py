"""The runs that try candidates: those from which tuning chooses each method's settings."""

from collections.abc import Iterable, Iterator

from tunegrid.config.tuning import TuneSettings
from tunegrid.planning.grid import Cell
from tunegrid.settings import CellSettings
from tunegrid.tuning.candidates import Candidate, draw_candidates


def candidates_by_method(tune: TuneSettings, methods: Iterable[str]) -> dict[str, list[Candidate]]:
    """The candidates that each method is tried with.

    Raises:
        UserError: a method's space does not have as many.
    """
    return {method: draw_candidates(tune.space_of(method), tune.trials) for method in methods}


def tuning_cells(tune: TuneSettings, cells: Iterable[Cell]) -> Iterator[Cell]:
    """The runs of all candidates, of each model, task and method of the grid, in its order.

    A run of a candidate is a cell like any other: the settings of the grid's first cell of its
    model, task and method, with the candidate's put in, and a seed of tuning's own. What a model
    costs at use is measured of the grid's runs alone.

    Args:
        tune: what is tried.
        cells: the grid's.

    Raises:
        UserError: a method's space does not have enough candidates.
    """
    first: dict[tuple[str, str, str], CellSettings] = {}
    for cell in cells:
        first.setdefault((cell.model, cell.task, cell.method), cell.settings)
    candidates = candidates_by_method(tune, dict.fromkeys(method for _, _, method in first))
    for (_, _, method), settings in first.items():
        for number, candidate in enumerate(candidates[method], start=1):
            tried = settings.closed(candidate | {"measure_inference": False})
            for seed in tune.seeds:
                yield Cell(settings=tried.with_seed(seed), keep="none", candidate=number)
