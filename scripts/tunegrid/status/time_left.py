"""How long the runs that are left will take, from what finished ones took."""

from collections.abc import Mapping
from statistics import fmean

from tunegrid.status.cell_states import Cell, CellStatus, State
from tunegrid.status.finished_facts import FinishedFacts

#: How many of its names (model, task, method) a cell shares with those that are likely to take as
#: long as it, the closest first.
SHARED_NAMES = (3, 2, 1, 0)


def seconds_left(
    states: Mapping[Cell, CellStatus], facts: Mapping[Cell, FinishedFacts]
) -> float | None:
    """The seconds until the last of the cells that are left is done; None: nothing tells.

    A cell is taken to need the mean of the finished cells of its model, task and method; where
    there is none, of its model and task, of its model, of all. As many run at a time as do now, and
    none waits for a place. A cell that has failed is not counted: it is not tried again by itself.

    Args:
        states: of all cells.
        facts: of finished cells.
    """
    means = {shared: _means(facts, shared) for shared in SHARED_NAMES}
    work, running = 0.0, 0
    for cell, status in states.items():
        if status.state in (State.DONE, State.FAILED):
            continue
        takes = [
            means[shared][cell.group[:shared]]
            for shared in SHARED_NAMES
            if cell.group[:shared] in means[shared]
        ]
        if not takes:
            return None
        work += max(takes[0] - status.seconds, 0.0)
        running += status.state is State.RUNNING
    return work / max(running, 1)


def _means(facts: Mapping[Cell, FinishedFacts], shared: int) -> dict[tuple[str, ...], float]:
    """The mean seconds of finished cells by the first names of their groups."""
    seconds: dict[tuple[str, ...], list[float]] = {}
    for cell, fact in facts.items():
        seconds.setdefault(cell.group[:shared], []).append(fact.seconds)
    return {key: fmean(values) for key, values in seconds.items()}


def duration(seconds: float) -> str:
    """Seconds in the two largest units that they have: `2 d 3 h`, `4 h 10 min`, `50 s`."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    days, rest = divmod(whole, 86_400)
    hours, rest = divmod(rest, 3_600)
    minutes = rest // 60
    parts = [(days, "d"), (hours, "h"), (minutes, "min")]
    first = next(number for number, (count, _) in enumerate(parts) if count)
    return " ".join(f"{count} {unit}" for count, unit in parts[first : first + 2] if count)
