"""Successive halving: candidates that are behind after some epochs are not trained to the end.

Source: Jamieson & Talwalkar 2016, Non-stochastic best arm identification and hyperparameter
optimization, https://arxiv.org/abs/1502.07943, with the epochs as the resource. Each candidate
keeps the learning rate's schedule over all its epochs, so that a survivor is bitwise the run that
was never looked at before its end.
"""

import logging
import math
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean
from typing import Any

from tunegrid.files import canonical_json, digest, read_json, write_json
from tunegrid.metrics import Metric, TaskMetrics
from tunegrid.statistics.score import score_run
from tunegrid.training.run_request import RunRequest
from tunegrid.tuning.rungs import budget, plan_rungs

#: How a set of runs ended, by path: `ended`, `log` (`tunegrid.training.packing.make_all`).
Ended = dict[str, dict[str, Any]]


@dataclass(frozen=True)
class Tried:
    """A run of a candidate.

    Attributes:
        candidate: its number.
        request: what to make, to the end.
    """

    candidate: int
    request: RunRequest


def halve(
    runs: Mapping[str, Tried],
    *,
    rate: int,
    metric: Metric,
    state: Path,
    make_all: Callable[[dict[str, RunRequest]], Ended],
) -> Ended:
    """Train candidates round by round; each round keeps the best of them.

    What a round has decided is kept in a file, so that a job that goes on decides the same.

    Args:
        runs: by their paths, every run of every candidate of a model, task and method.
        rate: one of so many candidates survives a round.
        metric: by whose mean over a candidate's runs it is ranked. A run that failed, or whose
            score is not finite, is worse than any other.
        state: the file of what the rounds have decided.
        make_all: makes runs, and tells how they ended.

    Returns:
        As `make_all`, with `ends_after`: the epochs after which a run was stopped, or None.

    Raises:
        Stopped: as `make_all`.
    """
    epochs = {tried.candidate: tried.request.settings.train.epochs for tried in runs.values()}
    rungs = plan_rungs(len(epochs), list(epochs.values()), rate)
    logging.info(
        "%d rounds: at most %d epochs from each seed, in place of %d",
        len(rungs),
        budget(rungs, list(epochs.values())),
        sum(epochs.values()),
    )
    settings = [tried.request.settings.hash for tried in runs.values()]
    identity = digest(canonical_json([settings, rate, metric.name]))
    decided = _decided(state, identity)
    alive = set(epochs)
    ended: Ended = {}
    for number, rung in enumerate(rungs):
        # Of a round that was decided before, those that go on are made in the next one.
        going_on = set(decided[number]["kept"]) if number < len(decided) else set()
        requests = {
            path: replace(tried.request, ends_after=rung.epochs(epochs[tried.candidate]))
            for path, tried in runs.items()
            if tried.candidate in alive - going_on
        }
        for path, result in make_all(requests).items():
            ended[path] = result | {"ends_after": requests[path].ends_after}
        if number == len(rungs) - 1:
            break
        if number == len(decided):
            scores = {
                candidate: _score(candidate, runs, ended, metric) for candidate in sorted(alive)
            }
            kept = _best(scores, rungs[number + 1].candidates, metric)
            decided.append({"scores": scores, "kept": kept})
            write_json(state, {"identity": identity, "rounds": decided})
        alive = set(decided[number]["kept"])
        logging.info("round %d of %d: candidates %s go on", number + 1, len(rungs), sorted(alive))
    for path, tried in runs.items():
        if ended[path]["ends_after"] is not None and tried.request.checkpoint_folder:
            shutil.rmtree(tried.request.checkpoint_folder, ignore_errors=True)
    return ended


def _score(candidate: int, runs: Mapping[str, Tried], ended: Ended, metric: Metric) -> float | None:
    """The mean over a candidate's runs as they stand; None if one has none that is finite."""
    values = []
    for path, tried in runs.items():
        if tried.candidate == candidate:
            if ended[path]["ended"] != "finished":
                return None
            asked = TaskMetrics((metric.name,), main=metric.name)
            values.append(float(score_run(tried.request.output, asked).test[metric.name]))
    return fmean(values) if all(map(math.isfinite, values)) else None


def _best(scores: Mapping[int, float | None], count: int, metric: Metric) -> list[int]:
    """The best candidates, of equal ones the first of the sequence."""
    sign = -1 if metric.higher_is_better else 1

    def rank(candidate: int) -> tuple[float, int]:
        score = scores[candidate]
        return (math.inf if score is None else sign * score, candidate)

    return sorted(sorted(scores, key=rank)[:count])


def _decided(state: Path, identity: str) -> list[dict[str, Any]]:
    """What earlier attempts have decided, round by round.

    Args:
        state: the file of it.
        identity: of these runs, and of how they are halved; nothing counts of others.
    """
    if not state.is_file():
        return []
    found = read_json(state)
    rounds: list[dict[str, Any]] = found["rounds"] if found["identity"] == identity else []
    return rounds
