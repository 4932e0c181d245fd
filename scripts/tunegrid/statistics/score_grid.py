"""The scores of a whole grid's runs, as two tables."""

from pathlib import Path
from typing import Any

import pandas as pd
from joblib import Parallel, delayed, parallel_config

from tunegrid.errors import UserError
from tunegrid.files import read_json
from tunegrid.metrics import METRICS, default_metrics
from tunegrid.results import RUN, TRAINING
from tunegrid.statistics.score import MAJORITY, RunScore, score_run

#: Runs that one process scores before it takes the next ones.
RUNS_AT_ONCE = 50

SCORES = [*RUN, "hash", "target", "split", "examples"]
EVALUATIONS = [*RUN, "epoch", "step", "split"]


def score_grid(
    cells: pd.DataFrame, root: Path, *, processes: int = 1
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Score every finished run of a grid.

    Args:
        cells: the grid, as expand_grid writes it (columns `RUN`, hash, path).
        root: the folder `results/runs`.
        processes: so many share the work; the result is the same.

    Returns:
        scores: a row a run that is finished and was made by its cell's settings: `RunScore.test`,
            the scores of each part of an aggregated task as columns `parts.<part>.<name>`.
        evaluations: a row an epoch of these runs that was evaluated: `RUN` and `RunScore.epochs`.

    Raises:
        UserError: predictions break a law that holds between metrics; a line for each run.
    """
    folders = [
        root / cell.path for cell in cells.itertuples() if _is_finished(root / cell.path, cell.hash)
    ]
    chunks = [
        folders[start : start + RUNS_AT_ONCE] for start in range(0, len(folders), RUNS_AT_ONCE)
    ]
    with parallel_config("loky", n_jobs=processes, inner_max_num_threads=1):
        scored = Parallel()(delayed(_score_chunk)(chunk) for chunk in chunks)
    if problems := [problem for _, part in scored for problem in part]:
        raise UserError(*problems)
    runs = [score for scores, _ in scored for score in scores]
    scores = pd.DataFrame([_row(run) for run in runs])
    epochs = [{key: run.test[key] for key in RUN} | epoch for run in runs for epoch in run.epochs]
    evaluations = pd.DataFrame(epochs)
    names = default_metrics("single_label").names
    if scores.empty:
        majority = [f"{MAJORITY}{name}" for name in names if METRICS[name].of_decisions]
        columns = [*SCORES, *names, *majority, "degenerate", "degenerate_reason"]
        scores = pd.DataFrame(columns=columns)
    if evaluations.empty:
        evaluations = pd.DataFrame(columns=[*EVALUATIONS, *names])
    return scores, evaluations


def _is_finished(folder: Path, settings_hash: str) -> bool:
    """Whether a run's last file is there, and was written for these settings."""
    path = folder / TRAINING
    return path.is_file() and read_json(path)["hash"] == settings_hash


def _score_chunk(folders: list[Path]) -> tuple[list[RunScore], list[str]]:
    """The scores of some runs, and what is wrong with those that cannot be scored."""
    scores, problems = [], []
    for folder in folders:
        try:
            scores.append(score_run(folder))
        except UserError as error:
            problems += error.problems
    return scores, problems


def _row(run: RunScore) -> dict[str, Any]:
    row = {key: value for key, value in run.test.items() if key != "parts"}
    for part, scores in run.test["parts"].items():
        row |= {f"parts.{part}.{name}": value for name, value in scores.items()}
    return row
