"""The journal of a start: which jobs Snakemake has handed out, finished and seen fail.

The head process writes a line for each into a file of its own start, so that another program can
tell where the grid stands, whatever runs the jobs. What is told comes from the attributes of
Snakemake's log records (snakemake_interface_logger_plugins.common.LogEvent): JOB_INFO when a job is
started or submitted, JOB_FINISHED, and JOB_ERROR at each failure, after which it may be tried
again.
"""

import json
import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from snakemake_interface_logger_plugins.common import LogEvent

from tunegrid.cluster.living_heads import HeadProcess, this_head_process
from tunegrid.files import read_json_lines

#: The folder of the journals, below the working directory.
JOURNALS = Path("results/.status")
#: So many journals of earlier starts are kept.
KEPT = 5


@dataclass(frozen=True)
class Start:
    """A start of the workflow.

    Attributes:
        head: its process.
        command: the arguments of `snakemake`.
        grid: the blocks of its grid, with the keys models, tasks, methods and seeds.
        wanted: the folders of the runs that it trains, below `results/runs`; what lies there from
            before has other settings, or is incomplete.
        began: when, in seconds since 1970.
        partial: whether it trains nothing.
        results: the folder of its results, below the working directory.
        packs: where several runs share a job, the folders of a pack's runs by
            `<model>/<task>/<pack>`.
        candidates: the folders of the runs by which tuning chooses, below `results/tuning/runs`.
    """

    head: HeadProcess
    command: list[str]
    grid: list[dict[str, list[Any]]]
    wanted: list[str]
    began: float
    partial: bool
    results: str = "results"
    packs: dict[str, list[str]] = field(default_factory=dict)
    candidates: list[str] = field(default_factory=list)


@dataclass
class JournalJob:
    """A job as the journal tells it.

    Attributes:
        rule: the name of its rule.
        wildcards: what it makes.
        logs: its logs, and the cluster's of it.
        state: submitted (to a cluster, or started here), finished or failed.
    """

    rule: str
    wildcards: dict[str, str]
    logs: list[str]
    state: str = "submitted"


@dataclass
class Journal:
    """What a journal tells: its start, and its jobs by Snakemake's numbers, in their order."""

    start: Start
    jobs: dict[int, JournalJob] = field(default_factory=dict)


class JournalWriter(logging.Handler):
    """Writes the journal of this start, from Snakemake's log records.

    Args:
        path: the file; its folder is made.
        start: this one.
    """

    def __init__(self, path: Path, start: Start) -> None:
        super().__init__()
        self._path = path.absolute()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            for old in sorted(path.parent.glob("*.jsonl"), key=_changed)[:-KEPT]:
                old.unlink(missing_ok=True)
        except OSError as error:
            logging.getLogger(__name__).warning("the status is not recorded: %s", error)
        self._write({"start": asdict(start)})

    def emit(self, record: logging.LogRecord) -> None:
        """Add a line where the record tells of a job."""
        event, fields = getattr(record, "event", None), record.__dict__
        if event == LogEvent.JOB_INFO:
            self._write(
                {
                    "job": fields["jobid"],
                    "rule": fields["rule_name"],
                    "wildcards": {
                        name: str(value) for name, value in dict(fields["wildcards"]).items()
                    },
                    "logs": [str(log) for log in fields["log"]],
                }
            )
        elif event == LogEvent.JOB_FINISHED:
            self._write({"finished": fields["job_id"]})
        elif event == LogEvent.JOB_ERROR:
            self._write({"failed": fields["jobid"], "logs": [str(log) for log in fields["log"]]})

    def _write(self, line: dict[str, Any]) -> None:
        try:
            with self._path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(line) + "\n")
        except OSError:
            return  # the disk is full or away for a while: the grid goes on without its journal


def this_start(
    command: Sequence[str],
    grid: Sequence[dict[str, Any]],
    wanted: Sequence[str],
    *,
    partial: bool,
    results: str = "results",
    packs: Mapping[str, list[str]] | None = None,
    candidates: Sequence[str] = (),
) -> Start:
    """The start of the workflow that this process is; the arguments are as of `Start`."""
    return Start(
        head=this_head_process(),
        command=list(command),
        grid=list(grid),
        wanted=list(wanted),
        began=time.time(),
        partial=partial,
        results=results,
        packs=dict(packs or {}),
        candidates=list(candidates),
    )


def newest_journal(folder: Path) -> Journal | None:
    """The journal of the last start in a working directory; None where there was none."""
    files = sorted((folder / JOURNALS).glob("*.jsonl"), key=_changed, reverse=True)
    for path in files:
        journal = read_journal(path)
        if journal is not None:
            return journal
    return None


def read_journal(path: Path) -> Journal | None:
    """What a journal tells; None if another version has written it, or it is cut at its begin."""
    journal: Journal | None = None
    for line in read_json_lines(path):
        try:
            if "start" in line:
                start = line["start"] | {"head": HeadProcess(**line["start"]["head"])}
                journal = Journal(start=Start(**start))
        except (TypeError, KeyError):
            continue  # of another version
        if journal is not None:
            _add(journal.jobs, line)
    return journal


def _add(jobs: dict[int, JournalJob], line: dict[str, Any]) -> None:
    if "job" in line:
        jobs[line["job"]] = JournalJob(line["rule"], line["wildcards"], line["logs"])
    elif "finished" in line and line["finished"] in jobs:
        jobs[line["finished"]].state = "finished"
    elif "failed" in line and line["failed"] in jobs:
        job = jobs[line["failed"]]
        job.state, job.logs = "failed", line["logs"]


def _changed(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0
