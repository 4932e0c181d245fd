"""Taking the status of a grid: which cells it has, and what has become of each."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tunegrid.cluster.living_heads import Life, life_of_process
from tunegrid.errors import UserError
from tunegrid.status.candidate_runs import candidate_runs
from tunegrid.status.cell_states import State, cells_of_grid, states_of_cells
from tunegrid.status.finished_facts import facts_of_finished
from tunegrid.status.job_journal import JOURNALS, newest_journal
from tunegrid.status.status_text import GridStatus

#: Seconds for which the predictions of finished runs are read that were not read before.
READING_BUDGET = 0.8


def take_status(folder: Path, configfiles: Sequence[Path] | None) -> GridStatus:
    """The status of the grid of these configuration files, or of the last start.

    Args:
        folder: the working directory.
        configfiles: the later over all; None: the last start's grid.

    Raises:
        UserError: there was no start, and no files are given; or they are no configuration.
    """
    journal = newest_journal(folder)
    if configfiles:
        blocks, results = _grid_of(configfiles)
        if journal is not None and journal.start.results != results:
            journal = None  # of another configuration
    elif journal is not None:
        blocks, results = journal.start.grid, journal.start.results
    else:
        raise _no_start(folder)
    life = life_of_process(journal.start.head) if journal is not None else Life.ENDED
    states = states_of_cells(
        cells_of_grid(blocks),
        folder,
        journal,
        head_lives=life is not Life.ENDED,
        results=results,
    )
    done = [cell for cell, one in states.items() if one.state is State.DONE]
    return GridStatus(
        states=states,
        facts=facts_of_finished(done, folder, budget=READING_BUDGET, results=results),
        journal=journal,
        head_lives=None if life is Life.UNKNOWN else life is Life.LIVES,
        results=results,
        candidates=candidate_runs(journal, folder),
    )


def _no_start(folder: Path) -> UserError:
    """What is said of a folder whose last start is not known."""
    if any((folder / JOURNALS).glob("*.jsonl")):
        return UserError(
            f"{folder.resolve()}: its last start was made by another version of the workflow; name"
            " the grid: --configfile my.yaml"
        )
    return UserError(
        f"{folder.resolve()}: the workflow was never started here; name the grid:"
        " --configfile my.yaml, or the folder of its results: --directory FOLDER"
    )


def _grid_of(configfiles: Sequence[Path]) -> tuple[list[dict[str, list[Any]]], str]:
    """The blocks of a grid, and the folder of its results."""
    from tunegrid.planning.loading import load_project  # which takes a while

    project = load_project(configfiles)
    return [block.model_dump() for block in project.config.grid], project.results
