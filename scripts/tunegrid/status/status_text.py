"""The status of a grid as text: a table, the time left, the failures and the command to go on."""

import shlex
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tunegrid.planning.command_line import with_config
from tunegrid.status.candidate_runs import CandidateRuns
from tunegrid.status.cell_states import RULES, Cell, CellStatus, State
from tunegrid.status.finished_facts import FinishedFacts
from tunegrid.status.job_journal import Journal, JournalJob
from tunegrid.status.telling_lines import telling_lines
from tunegrid.status.time_left import duration, seconds_left

#: The columns of the table behind the names: the states, and of the done ones the degenerate.
COLUMNS = ("done", "running", "queued", "failed", "missing", "degenerate")
#: At most so many rows and failures are shown, unless all are asked for.
ROWS_SHOWN, FAILURES_SHOWN = 40, 10


@dataclass(frozen=True)
class GridStatus:
    """All that is told of a grid.

    Attributes:
        states: the state of each cell.
        facts: of the finished cells that were looked at.
        journal: of the last start; None: there was none.
        head_lives: whether that start goes on; None: this cannot be told from here yet.
        results: the folder of the grid's results, below the working directory.
        candidates: the runs by which tuning chooses; None where nothing is tuned.
    """

    states: Mapping[Cell, CellStatus]
    facts: Mapping[Cell, FinishedFacts]
    journal: Journal | None
    head_lives: bool | None
    results: str = "results"
    candidates: CandidateRuns | None = None


def status_text(status: GridStatus, *, all_rows: bool, folder: Path) -> str:
    """The status as text.

    Args:
        status: of the grid.
        all_rows: whether all rows of the table and all failures are shown.
        folder: the working directory.
    """
    parts = [
        _heading(status),
        _table(status, all_rows=all_rows),
        _remarks(status),
        _failures(status, all_rows=all_rows, folder=folder),
        _commands(status),
    ]
    return "\n\n".join(text for text in ("\n".join(part) for part in parts) if text) + "\n"


def _heading(status: GridStatus) -> Iterator[str]:
    counts = Counter(one.state for one in status.states.values())
    total = len(status.states)
    yield f"{counts[State.DONE]:,} of {total:,} runs done ({counts[State.DONE] / total:.0%})"
    if status.candidates is not None:
        yield str(status.candidates)
    if status.journal is None:
        yield "never started in this folder"
        return
    start = status.journal.start
    since = duration(time.time() - start.began)
    if status.head_lives is None:
        yield f"started {since} ago by {start.head}; whether it goes on is seen there alone"
    elif status.head_lives:
        yield f"running for {since}: {start.head}"
    else:
        yield f"not running: the last start, {since} ago, has ended"
    if start.partial:
        yield "with partial=true, which trains nothing"
    others = Counter(
        job.rule
        for job in status.journal.jobs.values()
        if job.state == "submitted" and job.rule not in RULES and status.head_lives
    )
    if others:
        yield "other jobs: " + ", ".join(f"{count} {rule}" for rule, count in others.items())


def _table(status: GridStatus, *, all_rows: bool) -> list[str]:
    counts: dict[tuple[str, str, str], Counter[str]] = {}
    for cell, one in status.states.items():
        row = counts.setdefault(cell.group, Counter())
        row[one.state] += 1
        fact = status.facts.get(cell)
        row["degenerate"] += bool(fact and fact.degenerate)
    shown = list(counts.items())
    hidden = 0
    if len(shown) > ROWS_SHOWN and not all_rows:
        shown.sort(key=lambda item: _interest(item[1]), reverse=True)
        hidden = len(shown) - ROWS_SHOWN
        chosen = {group for group, _ in shown[:ROWS_SHOWN]}
        shown = [item for item in counts.items() if item[0] in chosen]
    rows = [["model", "task", "method", *COLUMNS]]
    rows += [[*group, *(_count(row[column]) for column in COLUMNS)] for group, row in shown]
    total: Counter[str] = Counter()
    for row in counts.values():
        total.update(row)
    if hidden:
        rows.append([f"{hidden:,} more rows", "", "", *[""] * len(COLUMNS)])
    rows.append(["all", "", "", *(_count(total[column]) for column in COLUMNS)])
    return _aligned(rows, names=3)


def _interest(row: Counter[str]) -> tuple[int, int, int]:
    """What makes a row one of those that are shown where there are too many."""
    return row[State.FAILED] + row["degenerate"], row[State.RUNNING], row[State.QUEUED]


def _count(number: int) -> str:
    return f"{number:,}" if number else "."


def _aligned(rows: Sequence[Sequence[str]], names: int) -> list[str]:
    """The rows as lines: the first columns to the left, the others to the right."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = []
    for row in rows:
        texts = [
            text.ljust(width) if column < names else text.rjust(width)
            for column, (text, width) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append("  ".join(texts).rstrip())
    return lines


def _remarks(status: GridStatus) -> Iterator[str]:
    counts = Counter(one.state for one in status.states.values())
    left = counts[State.RUNNING] + counts[State.QUEUED] + counts[State.MISSING]
    if left:
        seconds = seconds_left(status.states, status.facts)
        at_once = counts[State.RUNNING]
        how = f"{at_once} at a time, as now" if at_once else "one after the other"
        yield (
            "time left: cannot be told before a run is done"
            if seconds is None
            else f"time left: about {duration(seconds)} for {left:,} runs, {how}"
        )
    if unread := counts[State.DONE] - len(status.facts):
        yield f"{unread:,} finished runs are not looked at yet: the next status looks at more"


def _failures(status: GridStatus, *, all_rows: bool, folder: Path) -> Iterator[str]:
    failures = list(_failed_cells(status, folder)) + list(_other_failed_jobs(status, folder))
    alike: dict[tuple[str, ...], list[tuple[str, str]]] = {}
    for name, log, lines in failures:
        alike.setdefault(tuple(lines), []).append((name, log))
    kinds = list(alike.items())
    for why, same in kinds if all_rows else kinds[:FAILURES_SHOWN]:
        more = f" and {len(same) - 1} more, in the same way" if len(same) > 1 else ""
        yield f"failed: {same[0][0]}{more}"
        for name, _ in same[1:] if all_rows else ():
            yield f"        {name}"
        yield f"  {same[0][1]}"
        yield from (f"    {line}" for line in why)
    if len(kinds) > FAILURES_SHOWN and not all_rows:
        yield f"and {len(kinds) - FAILURES_SHOWN} other kinds of failure (--all shows them)"


def _failed_cells(status: GridStatus, folder: Path) -> Iterator[tuple[str, str, list[str]]]:
    """Of each failed cell its name, its log, and the lines that tell why."""
    for cell, one in status.states.items():
        if one.state is State.FAILED:
            log = f"{status.results}/logs/train/{cell.path}.log"
            if one.reason:
                yield cell.path, log, [one.reason]
            else:
                yield cell.path, log, telling_lines(folder / log) or ["it has left no log"]


def _other_failed_jobs(status: GridStatus, folder: Path) -> Iterator[tuple[str, str, list[str]]]:
    """The same of the last start's failed jobs that are no run of the grid."""
    jobs: Iterable[JournalJob] = status.journal.jobs.values() if status.journal else ()
    for job in jobs:
        if job.state == "failed" and job.rule not in RULES:
            told = ((log, telling_lines(folder / log)) for log in job.logs)
            log, lines = next((one for one in told if one[1]), ("", ["it has left no log"]))
            yield " ".join([job.rule, *job.wildcards.values()]), log, lines


def _commands(status: GridStatus) -> Iterator[str]:
    if status.journal is None or status.head_lives is not False:
        return
    states = {one.state for one in status.states.values()}
    command = status.journal.start.command
    if states - {State.DONE}:
        yield f"to go on: {shlex.join(['snakemake', *command])}"
    if State.FAILED in states and not status.journal.start.partial:
        partial = shlex.join(["snakemake", *with_config(command, "partial=true")])
        yield f"the results of the others: {partial}"
