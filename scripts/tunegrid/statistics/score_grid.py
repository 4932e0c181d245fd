"""The scores of a whole grid's runs, as two tables."""

from pathlib import Path
from typing import Any

import pandas as pd
from joblib import Parallel, delayed, parallel_config

from tunegrid.errors import UserError
from tunegrid.files import read_json
from tunegrid.metrics import METRICS, TaskMetrics
from tunegrid.results import RUN, TRAINING
from tunegrid.statistics.measured_tasks import MeasuredTask, metrics_of_grid
from tunegrid.statistics.score import MAJORITY, RunScore, score_run
from tunegrid.statistics.test_splits import TestScore

#: Runs that one process scores before it takes the next ones.
RUNS_AT_ONCE = 50

SCORES = [*RUN, "hash", "target", "split", "examples"]
EVALUATIONS = [*RUN, "epoch", "step", "split"]


def score_grid(
    cells: pd.DataFrame, root: Path, *, processes: int = 1
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Score every finished run of a grid.

    Args:
        cells: the grid, as expand_grid writes it (columns `RUN`, hash, path, test_score,
            and those of `tunegrid.statistics.measured_tasks`).
        root: the folder `results/runs`.
        processes: so many share the work; the result is the same.

    Returns:
        scores: a row a run that is finished and was made by its cell's settings: `RunScore.test`,
            the scores of each part of an aggregated task as columns `parts.<part>.<name>`, those of
            each of several test splits as `test_splits.<test split>.<name>`.
        evaluations: a row an epoch of these runs that was evaluated: `RUN` and `RunScore.epochs`.

    Raises:
        UserError: predictions break a law that holds between metrics; a line for each run.
    """
    finished = [
        (root / cell["path"], MeasuredTask.of_row(cell).metrics, cell["test_score"])
        for cell in cells.to_dict("records")
        if _is_finished(root / cell["path"], cell["hash"])
    ]
    chunks = [
        finished[start : start + RUNS_AT_ONCE] for start in range(0, len(finished), RUNS_AT_ONCE)
    ]
    with parallel_config("loky", n_jobs=processes, inner_max_num_threads=1):
        scored = Parallel()(delayed(_score_chunk)(chunk) for chunk in chunks)
    if problems := [problem for _, part in scored for problem in part]:
        raise UserError(*problems)
    runs = [score for scores, _ in scored for score in scores]
    scores = pd.DataFrame([_row(run) for run in runs])
    epochs = [{key: run.test[key] for key in RUN} | epoch for run in runs for epoch in run.epochs]
    evaluations = pd.DataFrame(epochs)
    names = metrics_of_grid(cells)
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


def _score_chunk(
    runs: list[tuple[Path, TaskMetrics, TestScore]],
) -> tuple[list[RunScore], list[str]]:
    """The scores of some runs, and what is wrong with those that cannot be scored.

    Args:
        runs: the folder of each, by what its task is measured, and what the scores are of.
    """
    scores, problems = [], []
    for folder, task_metrics, test_score in runs:
        try:
            scores.append(score_run(folder, task_metrics, test_score=test_score))
        except UserError as error:
            problems += error.problems
    return scores, problems


def _row(run: RunScore) -> dict[str, Any]:
    nested = ("parts", "test_splits")
    row = {key: value for key, value in run.test.items() if key not in nested}
    for key in nested:
        for part, scores in run.test[key].items():
            row |= {f"{key}.{part}.{name}": value for name, value in scores.items()}
    return row
