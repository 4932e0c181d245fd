"""Which candidates can be told from the chosen one on dev, by its examples and by the seeds."""

import math
import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tunegrid.errors import UserError
from tunegrid.metrics import Metric, Predictions
from tunegrid.statistics.resampling import weighted_metric

Floats = npt.NDArray[np.float64]

#: How often the examples of dev are drawn again, and the seed of these draws.
RESAMPLES, RESAMPLING_SEED = 1_000, 20_200_527
#: So many standard errors apart, two candidates are told from each other.
TOLD = 1.96
#: So many numbers of a resampling are in memory at once.
MOST_NUMBERS = 4_000_000


@dataclass(frozen=True)
class DevRun:
    """A run of a candidate, as it is told from others.

    Attributes:
        task: the task's name.
        score: the metric on dev.
        degenerate: whether it diverged or predicts one class for every example.
        predictions: on dev.
    """

    task: str
    score: float
    degenerate: bool
    predictions: Predictions


@dataclass(frozen=True)
class Told:
    """How far a candidate is told from the chosen one.

    Attributes:
        told: whether their means differ by more than `TOLD` standard errors. The chosen one is not
            told from itself; a candidate without a finite mean is told from one that has it.
        standard_error: of the difference of their means; None where it is not finite, and 0 of the
            chosen one.
    """

    told: bool
    standard_error: float | None


def tell_apart(candidates: Sequence[Sequence[DevRun]], chosen: int, metric: Metric) -> list[Told]:
    """How far each candidate is told from the chosen one.

    The variance of a difference of two means has two parts, which are added:

    - over the examples of dev: by the paired bootstrap (Efron & Tibshirani 1993, An Introduction to
      the Bootstrap, chapter 8; Koehn 2004, https://aclanthology.org/W04-3250): the examples are
      drawn `RESAMPLES` times with replacement, the same for all candidates, and the metric of each
      run is computed of those drawn;
    - between seeds: the variance of a run's score between seeds, pooled over the candidates without
      a degenerate run (over all where there is none), as often as the difference holds it: twice,
      each divided by the number of seeds. Candidates are taken to differ independently at a seed.
      With one seed it is unknown, and left out.

    A part of the variance between seeds is in the first, too: the error is rather too large. That
    the best of many looks better than it is, it does not say.

    Args:
        candidates: the runs of each; a mean is that over the runs of each task, then over tasks.
        chosen: the position of the chosen one.
        metric: by which they are chosen.

    Raises:
        UserError: the runs of a task are not of the same examples.
    """
    means = [_mean_over_tasks(_scores_by_task(runs)) for runs in candidates]
    resampled = _resampled_means(candidates, metric)
    between_seeds = _variance_between_seeds(candidates)
    found = []
    for position, mean in enumerate(means):
        if position == chosen:
            found.append(Told(told=False, standard_error=0.0))
            continue
        over_examples = float(np.var(resampled[position] - resampled[chosen], ddof=1))
        error = math.sqrt(over_examples + between_seeds)
        difference = mean - means[chosen]
        if math.isfinite(difference) and math.isfinite(error):
            found.append(Told(told=abs(difference) > TOLD * error, standard_error=error))
        else:
            found.append(Told(told=math.isfinite(means[chosen]), standard_error=None))
    return found


def is_dev_too_small(told: Sequence[bool]) -> bool:
    """Whether the chosen one is not told from half or more of the other candidates.

    Args:
        told: of each other candidate that was trained to its end, whether it is told.
    """
    return 2 * list(told).count(False) >= len(told) > 0


def _scores_by_task(runs: Sequence[DevRun]) -> dict[str, list[float]]:
    scores: dict[str, list[float]] = {}
    for run in runs:
        scores.setdefault(run.task, []).append(run.score)
    return scores


def _mean_over_tasks(scores: Mapping[str, Sequence[float]]) -> float:
    return statistics.fmean(statistics.fmean(of_task) for of_task in scores.values())


def _variance_between_seeds(candidates: Sequence[Sequence[DevRun]]) -> float:
    """The variance of a difference of two candidates' means over seeds; 0 if no seeds tell it."""
    sound = [runs for runs in candidates if not any(run.degenerate for run in runs)]
    tasks = dict.fromkeys(run.task for runs in candidates for run in runs)
    total = 0.0
    for task in tasks:
        groups = [_scores_by_task(runs)[task] for runs in sound or candidates]
        groups = [group for group in groups if len(group) > 1 and all(map(math.isfinite, group))]
        if not groups:
            continue
        squares = sum((len(group) - 1) * statistics.variance(group) for group in groups)
        pooled = squares / sum(len(group) - 1 for group in groups)
        total += 2 * pooled / statistics.fmean(len(group) for group in groups)
    return total / len(tasks) ** 2


def _resampled_means(candidates: Sequence[Sequence[DevRun]], metric: Metric) -> list[Floats]:
    """The mean of each candidate with the examples that are drawn, (resamples,) each."""
    tasks = dict.fromkeys(run.task for runs in candidates for run in runs)
    totals = [np.zeros(RESAMPLES) for _ in candidates]
    for task in tasks:
        of_task = [[run.predictions for run in runs if run.task == task] for runs in candidates]
        _check_same_examples(task, [one for runs in of_task for one in runs])
        start = 0
        for weights in _draw_weights(len(of_task[0][0])):
            part = slice(start, start + len(weights))
            for total, runs in zip(totals, of_task, strict=True):
                values = [weighted_metric(run, weights, metric) for run in runs]
                total[part] += np.mean(values, axis=0) / len(tasks)
            start += len(weights)
    return totals


def _check_same_examples(task: str, runs: Sequence[Predictions]) -> None:
    if any(not np.array_equal(run.labels, runs[0].labels) for run in runs):
        raise UserError(
            f"{task}: the candidates' runs are not of the same dev examples; train them again"
        )


def _draw_weights(examples: int) -> Iterator[Floats]:
    """How often each example is drawn, (resamples, examples), in parts that memory has room for."""
    draw = np.random.default_rng(RESAMPLING_SEED)
    shares = np.full(examples, 1 / examples)
    rows = max(1, MOST_NUMBERS // examples)
    sizes = [min(rows, RESAMPLES - start) for start in range(0, RESAMPLES, rows)]
    for size in sizes:
        yield draw.multinomial(examples, shares, size=size).astype(float)
