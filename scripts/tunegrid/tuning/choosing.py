"""Which candidate is chosen: the best mean score on dev."""

import math
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypedDict

from tunegrid.files import read_json
from tunegrid.metrics import METRICS, Metric, only
from tunegrid.results import PREDICTIONS, PROVENANCE, TRAINING
from tunegrid.statistics.auto_precision import AutoPrecisionRun, refuse_several_precisions
from tunegrid.statistics.prediction_files import read_predictions
from tunegrid.statistics.score import score_run
from tunegrid.tuning.telling import DevRun, tell_apart


class TriedRun(TypedDict):
    """A run of a candidate.

    Attributes:
        task: the task's name.
        seed: the run's seed.
        score: the metric on dev; None if it is not finite.
        degenerate: whether it diverged or predicts one class for every example.
        examples: of dev.
        epochs: that it was trained for.
        train_seconds: how long it trained.
        train_joules: the energy that it took; None where nothing measured it.
    """

    task: str
    seed: int
    score: float | None
    degenerate: bool
    examples: int
    epochs: int
    train_seconds: float
    train_joules: float | None


class TriedCandidate(TypedDict):
    """A candidate with what it scored.

    Attributes:
        settings: the settings that it tries.
        runs: its runs.
        mean: of the scores over its runs (of several tasks, over the tasks' means); None if a score
            is not finite.
        sd: the standard deviation of the scores over the seeds (n - 1; of several tasks, the root
            of the mean variance); None with one seed.
        told: whether dev tells it from the chosen one (`tunegrid.tuning.telling`).
        standard_error: of the difference of both means; None where it is not finite.
        stopped: whether successive halving has stopped it; its scores are those of that moment.
    """

    settings: dict[str, Any]
    runs: list[TriedRun]
    mean: float | None
    sd: float | None
    told: bool
    standard_error: float | None
    stopped: bool


class Tuning(TypedDict):
    """What tuning found for a model, task and method, as its file of scores holds it.

    Attributes:
        metric: the metric on dev.
        chosen: the position of the chosen candidate.
        edges: the settings whose chosen value is the least or the greatest that was tried.
        candidates: all that were tried, in the order of the sequence.
    """

    metric: str
    chosen: int
    edges: list[str]
    candidates: list[TriedCandidate]


def choose(candidates: Iterable[Mapping[str, Any]], runs: Path, metric: str) -> Tuning:
    """Score every candidate on dev, and choose the best.

    Of equal means the first of the sequence is taken; a candidate with a score that is not finite
    is worse than any other. One that successive halving has stopped is not taken.

    Args:
        candidates: of each, settings and runs (task, seed and path below `runs`).
        runs: the folder of the candidates' runs. What they call test is dev
            (`tunegrid.tuning.tuning_data`).
        metric: the name of the metric on dev.

    Raises:
        UserError: as `tunegrid.statistics.score.score_run`; or `precision: auto` has become several
            among the runs.
    """
    entry = METRICS[metric]
    candidates = list(candidates)
    refuse_several_precisions(
        found
        for candidate in candidates
        for run in candidate["runs"]
        if (found := _auto_precision(runs / run["path"]))
    )
    made = [
        [_read_run(run, runs / run["path"], entry) for run in candidate["runs"]]
        for candidate in candidates
    ]
    tried = [
        _tried(candidate["settings"], of_candidate)
        for candidate, of_candidate in zip(candidates, made, strict=True)
    ]
    means = [None if candidate["stopped"] else candidate["mean"] for candidate in tried]
    chosen = best_of(means, entry)
    on_dev = [[run.on_dev for run in of_candidate] for of_candidate in made]
    for candidate, told in zip(tried, tell_apart(on_dev, chosen, entry), strict=True):
        candidate["told"], candidate["standard_error"] = told.told, told.standard_error
    return {
        "metric": metric,
        "chosen": chosen,
        "edges": edges([candidate["settings"] for candidate in tried], chosen),
        "candidates": tried,
    }


@dataclass(frozen=True)
class _MadeRun:
    """A run of a candidate as its folder holds it.

    Attributes:
        tried: what is told of it.
        on_dev: its predictions on dev, for which its folder's test split stands.
        stopped: whether successive halving has stopped it.
    """

    tried: TriedRun
    on_dev: DevRun
    stopped: bool


def _auto_precision(folder: Path) -> AutoPrecisionRun | None:
    """What `precision: auto` has become in a run; None for a run that names its precision."""
    made = read_json(folder / PROVENANCE)
    if made["settings"]["train"]["precision"] != "auto":
        return None
    return AutoPrecisionRun(folder=folder, precision=made["precision"], device=made["device"])


def _read_run(run: Mapping[str, Any], folder: Path, metric: Metric) -> _MadeRun:
    score = score_run(folder, only(metric)).test
    training = read_json(folder / TRAINING)
    value = score[metric.name]
    is_finite = math.isfinite(value)
    tried: TriedRun = {
        "task": run["task"],
        "seed": run["seed"],
        "score": value if is_finite else None,
        "degenerate": score["degenerate"],
        "examples": score["examples"],
        "epochs": math.ceil(training["steps"] / training["steps_per_epoch"]),
        "train_seconds": training["train_seconds"],
        "train_joules": training["train_joules"],
    }
    on_dev = DevRun(
        task=run["task"],
        score=value if is_finite else math.nan,
        degenerate=score["degenerate"],
        predictions=read_predictions(
            folder / PREDICTIONS, training["labels"], training["target"], training["positive"]
        ),
    )
    return _MadeRun(tried, on_dev, stopped=training["ends_after"] is not None)


def _tried(settings: Mapping[str, Any], made: Sequence[_MadeRun]) -> TriedCandidate:
    """A candidate before it is held against the chosen one."""
    runs = [run.tried for run in made]
    mean, sd = mean_and_sd(runs)
    return {
        "settings": dict(settings),
        "runs": runs,
        "mean": mean,
        "sd": sd,
        "told": False,
        "standard_error": None,
        "stopped": any(run.stopped for run in made),
    }


def mean_and_sd(runs: Sequence[TriedRun]) -> tuple[float | None, float | None]:
    """The mean of a candidate's scores, and their standard deviation over seeds.

    Each task counts the same, whatever the number of its runs.
    """
    scores: dict[str, list[float]] = {}
    for run in runs:
        if run["score"] is None:
            return None, None
        scores.setdefault(run["task"], []).append(run["score"])
    mean = statistics.fmean(statistics.fmean(of_task) for of_task in scores.values())
    if min(len(of_task) for of_task in scores.values()) == 1:
        return mean, None
    variance = statistics.fmean(statistics.variance(of_task) for of_task in scores.values())
    return mean, math.sqrt(variance)


def best_of(means: Sequence[float | None], metric: Metric) -> int:
    """The position of the best mean; of equal ones the first, and 0 where none is finite."""
    sign = 1 if metric.higher_is_better else -1
    values = [-math.inf if mean is None else sign * mean for mean in means]
    return values.index(max(values))


def edges(settings: Sequence[Mapping[str, Any]], chosen: int) -> list[str]:
    """The settings whose chosen value is the least or the greatest that was tried.

    What lies beyond may be better. Two values are no range: each is an edge, which says nothing.
    """
    found = []
    for key, value in settings[chosen].items():
        tried = {one[key] for one in settings}
        if isinstance(value, str) or len(tried) < 3:
            continue
        if value in (min(tried), max(tried)):
            found.append(key)
    return found
