"""From a result back to the runs behind it: what made each, and what has changed since."""

import csv
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from tunegrid.errors import UserError
from tunegrid.files import read_json
from tunegrid.metrics import METRICS
from tunegrid.provenance import LIBRARIES, installed_version
from tunegrid.results import CHOICE_PATH, FOLDERS, PROVENANCE, RUN, RUN_PATH, TUNING_PATH
from tunegrid.settings import CellSettings
from tunegrid.staleness import training_code
from tunegrid.statistics.measured_tasks import MeasuredTask
from tunegrid.statistics.score import score_run
from tunegrid.statistics.unfinished import state_of_unfinished

#: Results of one task, by their paths below `results`.
OF_TASK = re.compile(
    r"figures/(curves|confusion)_(?P<task>.+)\.(png|svg|pdf)|cards/(?P<card>.+)\.(md|html|json)"
)
#: Of the runs of one model.
OF_MODEL = re.compile(r"figures/memory_(?P<model>.+)\.(png|svg|pdf)")


def _named_by(path: str) -> str:
    """A pattern of a run's path, with a group for each of the names in it."""
    return re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", path)


OF_RUN = re.compile(rf"(runs|logs/train|benchmarks/train)/{_named_by(RUN_PATH)}(/|\.|$)")
#: Of a run that tries a candidate.
OF_CANDIDATE = re.compile(
    rf"(tuning/runs|logs/tune|benchmarks/tune)/{_named_by(TUNING_PATH)}(/|\.|$)"
)
#: Of all that was tried for a model, task and method.
OF_CHOICE = re.compile(
    r"(tuning/(choices|scores)|logs/choose_settings)/(?P<model>[^/]+)/(?P<task>[^/]+)"
    r"/(?P<method>[^/]+)\.(json|log)"
)
#: Of all candidates.
OF_TUNING = re.compile(r"tuning($|/.*|\.(parquet|csv))|(figures|tables)/tuning.*")

#: The runs of candidates, below `results`.
TUNING_CELLS = "tuning/cells.csv"

Cell = dict[str, str]


def runs_behind(path: Path, wanted: Mapping[str, str]) -> tuple[Path, list[Cell]]:
    """The cells of the grid that a result was made of, or of its tuning the runs of candidates.

    Args:
        path: a file or folder below a folder `results`.
        wanted: values of `RUN` that the cells must have.

    Returns:
        The folder `results`, or that of a named configuration below it, and rows of its cells.csv
        or tuning/cells.csv.

    Raises:
        UserError: the path is below no such folder, is not there, or no run of the grid is behind
            it.
    """
    results = _results(path)
    inside = path.resolve().relative_to(results.resolve()).as_posix()
    wanted = dict(wanted)
    cells = results / "cells.csv"
    if found := OF_RUN.match(inside):
        wanted |= {key: found[key] for key in RUN}
    elif found := OF_TASK.fullmatch(inside):
        wanted |= {"task": found["task"] or found["card"]}
    elif found := OF_MODEL.fullmatch(inside):
        wanted |= {"model": found["model"]}
    elif found := OF_CANDIDATE.match(inside) or OF_CHOICE.fullmatch(inside):
        wanted |= found.groupdict()
        cells = results / TUNING_CELLS
    elif OF_TUNING.fullmatch(inside):
        cells = results / TUNING_CELLS
    chosen = [
        cell
        for cell in _read_cells(cells)
        if all(cell[key] == value for key, value in wanted.items())
    ]
    if not chosen:
        told = ", ".join(f"{key} {value}" for key, value in wanted.items())
        raise UserError(f"{path}: the grid of {cells} has no run with {told}")
    return results, chosen


def _read_cells(path: Path) -> list[Cell]:
    try:
        with path.open(newline="", encoding="utf-8") as file:
            return list(csv.DictReader(file))
    except OSError:
        raise UserError(f"{path}: is missing; run the workflow first") from None


def _results(path: Path) -> Path:
    for folder in (path, *path.parents):
        if folder.name == "results" or _is_of_named(folder):
            if not path.exists():
                raise UserError(f"{path}: is not there; run the workflow to make it")
            return folder
    raise UserError(f"{path}: is no result; name a file below results/")


def _is_of_named(folder: Path) -> bool:
    """Whether a folder holds the results of a configuration that has a name."""
    if folder.parent.name != "results" or folder.name in FOLDERS:
        return False
    return (folder / "cells.csv").is_file()


def trail(results: Path, cell: Cell) -> Iterator[str]:
    """A run in lines: what it measured, its settings, what made it, where its log is, what changed.

    Args:
        results: the folder `results`.
        cell: as `runs_behind` returns it.
    """
    tries = "candidate" in cell
    folder = results / ("tuning/runs" if tries else "runs") / cell["path"]
    log = results / ("logs/tune" if tries else "logs/train") / f"{cell['path']}.log"
    yield cell["path"]
    try:
        made = read_json(folder / PROVENANCE)
        is_of_first = cell["test_score"] == "first"
        score = score_run(
            folder,
            MeasuredTask.of_row(cell).metrics,
            test_score="first" if is_of_first else "pooled",
        ).test
    except OSError as error:
        attempts = results / (".attempts/tuning" if tries else ".attempts")
        state, problem = state_of_unfinished(attempts / f"{cell['path']}.jsonl", cell["hash"])
        yield f"  {state:10} {error.filename} is not there; the run {problem}"
        yield f"  log        {log}"
        return
    scores = ", ".join(f"{key} {score[key]}" for key in METRICS if key in score)
    # To a run that tries a candidate, dev stands in the place of test.
    split = "dev" if tries else score["split"]
    yield f"  scored     {scores} on {score['examples']} examples of {split}"
    for name, of_split in score["test_splits"].items():
        scores = ", ".join(f"{key} {value}" for key, value in of_split.items() if key in METRICS)
        yield f"  of it      {scores} on {of_split['examples']} examples of {name}"
    if score["degenerate"]:
        yield f"  degenerate {score['degenerate_reason']}"
    train = ", ".join(f"{key} {value}" for key, value in made["settings"]["train"].items())
    yield f"  settings   {made['hash']}: {train}"
    choice = results / CHOICE_PATH.format(**cell)
    if not tries and choice.is_file():
        yield f"  chosen     {choice} (what was tried: the same path below {results}/tuning/scores)"
    dirty = ", with local changes" if made["git"]["dirty"] else ""
    yield f"  code       {made['code']} of commit {made['git']['commit'] or 'unknown'}{dirty}"
    job = f", Slurm job {made['slurm_job']}" if made["slurm_job"] else ""
    yield (
        f"  made       {made['started']} on {made['host']}{job}, {made['device']},"
        f" {made['seconds']:.0f} s"
    )
    yield f"  log        {log}"
    changes = list(changes_since(results, cell, made)) or ["nothing"]
    yield from (f"  changed    {change}" for change in changes)


def changes_since(results: Path, cell: Cell, made: dict[str, Any]) -> Iterator[str]:
    """What a run made now would have that this one had not: settings, code, libraries, files.

    Args:
        results: the folder `results`, or that of a named configuration below it; the fetched models
            and tasks are beside `results`.
        cell: the grid's.
        made: the run's provenance.json.
    """
    if made["hash"] != cell["hash"]:
        yield f"settings: the grid has {cell['hash']}, this run {made['hash']}"
    if (code := training_code(CellSettings.from_json(made["settings"]))) != made["code"]:
        yield f"code of training: now {code}"
    for name in LIBRARIES:
        before, installed = made["versions"].get(name), installed_version(name)
        if before != installed:
            yield f"{name}: was {before}, now {installed}"
    folder = results.resolve().parent
    resources = (folder.parent if folder.name == "results" else folder) / "resources"
    model = resources / "models" / cell["model"] / "model.json"
    if model.is_file() and read_json(model)["files"] != made["model_files"]:
        yield f"model files: {model} has other checksums"
    for task, files in made["task_files"].items():
        card = resources / "tasks" / task / "task.json"
        if not card.is_file():
            continue
        now = {split: list(found.values()) for split, found in read_json(card)["files"].items()}
        if now != files:
            yield f"data files: {card} has other checksums"
