"""The state of each cell of a grid, from files alone.

A cell is done where its run's last file stands, unless the last start trains it anew. Of the
others the record of their attempts tells which have begun and how they ended
(`tunegrid.cluster.attempts`), the journal of the last start which are in the queue
(`tunegrid.status.job_journal`), and a trial which will never be trained.
"""

import fcntl
import os
import socket
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import product
from pathlib import Path
from typing import Any

from tunegrid.files import read_json_lines
from tunegrid.results import RUN_PATH, TRAINING
from tunegrid.statistics.unfinished import FAILURES, refusal_of_cell
from tunegrid.status.job_journal import Journal

#: Seconds since the last line of its log for which a run on another machine is taken to run.
LOG_IS_RECENT = 900.0
#: The rules that make a run of the grid; and the one that trains several, which these then take.
RULES = ("train", "take_run")
PACK_RULE = "train_pack"


class State(StrEnum):
    """What a cell is, in the words of the table."""

    DONE = "done"
    RUNNING = "running"
    QUEUED = "queued"
    FAILED = "failed"
    MISSING = "missing"


@dataclass(frozen=True)
class Cell:
    """A cell of the grid, by its names."""

    model: str
    task: str
    method: str
    seed: int

    @property
    def group(self) -> tuple[str, str, str]:
        """The names that it shares with its other seeds."""
        return self.model, self.task, self.method

    @property
    def path(self) -> str:
        """Its run's folder below `results/runs`."""
        return RUN_PATH.format(model=self.model, task=self.task, method=self.method, seed=self.seed)


@dataclass(frozen=True)
class CellStatus:
    """The state of a cell.

    Attributes:
        state: the state.
        seconds: of a running one, for how long; else 0.
        reason: of a failed one, why, as far as its record tells.
    """

    state: State
    seconds: float = 0.0
    reason: str = ""


def cells_of_grid(blocks: Sequence[dict[str, list[Any]]]) -> list[Cell]:
    """The cells of a grid's blocks, each once, in the order in which they are written."""
    cells: dict[Cell, None] = {}
    for block in blocks:
        lists = (block["models"], block["tasks"], block["methods"], block["seeds"])
        cells |= dict.fromkeys(Cell(*names) for names in product(*lists))
    return list(cells)


def states_of_cells(
    cells: Iterable[Cell],
    folder: Path,
    journal: Journal | None,
    *,
    head_lives: bool,
    results: str = "results",
) -> dict[Cell, CellStatus]:
    """The state of each cell.

    Args:
        cells: of the grid.
        folder: the working directory.
        journal: of the last start; None: there was none.
        head_lives: whether that start goes on. What it has submitted and not seen end is in the
            queue then, and else left over.
        results: the folder of the grid's results, below the working directory.
    """
    jobs = _jobs_of_cells(journal)
    submitted, failed = jobs["submitted"], jobs["failed"]
    # What these cells had before the start is not what they are trained to.
    stale = set(journal.start.wanted) - jobs["finished"] if journal is not None else set()
    awaited = stale - failed
    refused: dict[tuple[str, str, str], str] = {}
    found = {}
    for cell in cells:
        finished = folder / results / "runs" / cell.path / TRAINING
        if cell.path not in stale and finished.exists():
            found[cell] = CellStatus(State.DONE)
            continue
        if cell.group not in refused:
            refused[cell.group] = _refusal(folder / results, cell)
        status = _status_of_attempts(folder, results, cell)
        if status.state is State.RUNNING and cell.path not in failed:
            found[cell] = status
        elif head_lives and cell.path in submitted:
            found[cell] = CellStatus(State.QUEUED)
        elif head_lives and cell.path in awaited:
            found[cell] = CellStatus(State.MISSING)  # its turn comes: what failed before is past
        elif refused[cell.group]:
            found[cell] = CellStatus(State.FAILED, reason=refused[cell.group])
        elif status.state is not State.FAILED and cell.path in failed:
            found[cell] = CellStatus(State.FAILED)
        else:
            found[cell] = status
    return found


def _jobs_of_cells(journal: Journal | None) -> dict[str, set[str]]:
    """The folders of the runs whose jobs are submitted, finished and failed, by that word."""
    folders: dict[str, set[str]] = {"submitted": set(), "failed": set(), "finished": set()}
    if journal is None:
        return folders
    for job in journal.jobs.values():
        if job.rule in RULES:
            folders[job.state].add(RUN_PATH.format(**job.wildcards))
        elif job.rule == PACK_RULE and job.state == "submitted":
            pack = "{model}/{task}/{pack}".format(**job.wildcards)
            folders["submitted"].update(journal.start.packs.get(pack, ()))
    return folders


def _refusal(results: Path, cell: Cell) -> str:
    """Why a trial has refused the cell's method on its model and task; empty: it has not."""
    try:
        return refusal_of_cell(results / "trials", cell) or ""
    except (OSError, ValueError, KeyError):  # it is being removed, or is of another version
        return ""


def _status_of_attempts(folder: Path, results: str, cell: Cell) -> CellStatus:
    """What the last attempt at a cell tells of it; attempts at earlier settings count, too."""
    path = folder / results / ".attempts" / f"{cell.path}.jsonl"
    try:
        lines = list(read_json_lines(path))
        began_at = path.stat().st_mtime
    except OSError:
        return CellStatus(State.MISSING)
    last: dict[str, Any] | None = None
    end: dict[str, Any] = {}
    for line in lines:
        if "began" in line:
            last, end = line["began"], {}
        elif last is not None and line["attempt"] == last.get("id"):
            end = line
    if last is None:
        return CellStatus(State.MISSING)
    if not end:
        runs = _still_runs(folder, results, cell, last)
        state = State.RUNNING if runs else State.MISSING
        return CellStatus(state, seconds=time.time() - began_at if runs else 0.0)
    if end["ended"] in FAILURES:
        reason = ": ".join(text for text in (end["ended"], end.get("message", "")) if text)
        return CellStatus(State.FAILED, reason=reason)
    return CellStatus(State.MISSING)


def _still_runs(folder: Path, results: str, cell: Cell, attempt: dict[str, Any]) -> bool:
    """Whether an attempt that has told no end goes on: it holds the run's lock, or writes its log.

    The log counts on other machines alone, whose locks may not be seen from here.
    """
    lock = folder / "results/.checkpoints" / f"{attempt['target']}.lock"
    if _is_held(lock):
        return True
    if attempt["node"] == socket.gethostname():
        return False
    log = folder / results / "logs/train" / f"{cell.path}.log"
    try:
        return time.time() - log.stat().st_mtime < LOG_IS_RECENT
    except OSError:
        return False


def _is_held(lock: Path) -> bool:
    """Whether a process holds a run's lock (`tunegrid.training.run_lock`), tried for an instant."""
    try:
        handle = os.open(lock, os.O_RDONLY)
    except OSError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:  # a disk without locks
        return False
    finally:
        os.close(handle)
    return False
