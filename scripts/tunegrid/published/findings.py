"""What papers conclude, held against the grid's own numbers.

A conclusion is called true, or false, only where its differences are larger than the 95 % intervals
over seeds and test examples leave open. These are taken as if the means were independent; methods
on the same examples vary less apart than that, so what is told is told with caution.

Intervals of differences and means are recovered from those of their parts, as Zou & Donner 2008
(https://doi.org/10.1002/sim.3095) do it: the distance between a difference and an end of its
interval is the root of the sum of the squared distances of its parts. So each part keeps the factor
of Student's t that its number of seeds needs, and few seeds tell no more than they know.

Each kind of finding (`tunegrid.published.finding_kinds`) is one function here, registered under the
kind's name by the decorator `judges`.
"""

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from tunegrid.metrics import METRICS
from tunegrid.published.finding_kinds import (
    BetterModels,
    ComparedClaim,
    EqualMetrics,
    ExtremeTask,
    Finding,
    GainsMostOnHardestTask,
    MostlyBetterMethod,
)

HOLDS, FAILS, UNKNOWN = "holds", "does not hold", "cannot tell"
COLUMNS = ["source", "finding", "verdict", "because"]

#: Whether a finding holds, and the numbers that say so, in words.
Verdict = tuple[str, str]
#: Holds a claim of one kind against the grid's summary.
Judge = Callable[[Any, pd.DataFrame], Verdict]

#: The function of every kind of finding, by the kind's name.
JUDGES: dict[str, Judge] = {}


def judges(kind: str) -> Callable[[Judge], Judge]:
    """Register the function below it for findings of this kind.

    Raises:
        ValueError: the kind has a function already.
    """

    def register(function: Judge) -> Judge:
        if kind in JUDGES:
            raise ValueError(f"findings of kind {kind!r} have a function already")
        JUDGES[kind] = function
        return function

    return register


@dataclass(frozen=True)
class Estimate:
    """A number and the ends of its 95 % interval, which are not numbers if it has none."""

    value: float
    low: float
    high: float

    def __sub__(self, other: "Estimate") -> "Estimate":
        difference = self.value - other.value
        below = math.hypot(self.value - self.low, other.high - other.value)
        above = math.hypot(self.high - self.value, other.value - other.low)
        return Estimate(difference, low=difference - below, high=difference + above)

    @property
    def sign(self) -> int:
        """1 or −1 where the interval leaves out 0; else 0, also where there is no interval."""
        if self.low > 0:
            return 1
        return -1 if self.high < 0 else 0


#: (model, method, task) → the mean of the cell groups that have one.
Scores = Mapping[tuple[str, str, str], Estimate]


def check_findings(findings: Iterable[tuple[str, Finding]], summary: pd.DataFrame) -> pd.DataFrame:
    """The conclusions of papers, each of which holds, does not hold, or cannot be told.

    Args:
        findings: each with what its paper is called.
        summary: as summarise returns it.

    Returns:
        source, finding, verdict, because (the numbers, in words).
    """
    rows = []
    for source, finding in findings:
        verdict, because = JUDGES[finding.kind](finding.claim, summary)
        if isinstance(finding.claim, ComparedClaim):
            because += _caveats(summary, finding.claim)
        rows.append((source, finding.finding, verdict, because))
    return pd.DataFrame(rows, columns=COLUMNS)


def _caveats(summary: pd.DataFrame, claim: ComparedClaim) -> str:
    """Which cell groups of a claim have degenerate runs, one run, or some without a result."""
    groups = summary[(summary["metric"] == claim.metric) & summary["method"].isin(claim.methods)]
    told = []
    for row in groups.itertuples():
        name = f"{row.model} {row.method} on {row.task}"
        if row.n_degenerate:
            told.append(f"{name}: {row.n_degenerate} of {row.n_runs} runs degenerate")
        if row.n < row.n_runs or row.n == 1:
            told.append(f"{name}: {row.n} of {row.n_runs} runs")
    return f"; {'; '.join(told)}" if told else ""


def _scores(summary: pd.DataFrame, metric: str) -> Scores:
    """The means of a metric, with their intervals over seeds and test examples."""
    rows = summary[(summary["metric"] == metric) & summary["mean"].notna()]
    return {
        (row.model, row.method, row.task): _to_estimate(row)
        for row in rows.itertuples(index=False, name="Row")
    }


def _to_estimate(row: Any) -> Estimate:
    """The mean of a cell group; without an interval if it is of one seed alone."""
    if row.n <= 1:
        return Estimate(row.mean, low=math.nan, high=math.nan)
    return Estimate(row.mean, low=row.crossed_low, high=row.crossed_high)


def _by_task(scores: Scores, method: str) -> dict[str, dict[str, Estimate]]:
    """Task → model → mean of one method."""
    found: dict[str, dict[str, Estimate]] = {}
    for (model, its_method, task), score in scores.items():
        if its_method == method:
            found.setdefault(task, {})[model] = score
    return found


def _over_models(scores: Iterable[Estimate]) -> Estimate:
    """The mean of scores on the same test examples: its interval as if they varied as one."""
    scores = list(scores)
    count = len(scores)
    return Estimate(
        value=sum(score.value for score in scores) / count,
        low=sum(score.low for score in scores) / count,
        high=sum(score.high for score in scores) / count,
    )


def _over_tasks(scores: Iterable[Estimate]) -> Estimate:
    """The mean of scores on different test examples, which vary independently."""
    scores = list(scores)
    count = len(scores)
    mean = sum(score.value for score in scores) / count
    below = math.hypot(*(score.value - score.low for score in scores)) / count
    above = math.hypot(*(score.high - score.value for score in scores)) / count
    return Estimate(mean, low=mean - below, high=mean + above)


def _advantage(claim: ComparedClaim, one: Estimate, other: Estimate) -> Estimate:
    """How much better one mean of the claim's metric is than another."""
    return one - other if METRICS[claim.metric].higher_is_better else other - one


def _all_positive(differences: Iterable[Estimate]) -> str:
    """Whether all differences are above 0, as far as each can be told."""
    signs = [difference.sign for difference in differences]
    if -1 in signs:
        return FAILS
    return UNKNOWN if 0 in signs else HOLDS


@judges("hardest_task")
def judge_hardest_task(claim: ExtremeTask, summary: pd.DataFrame) -> Verdict:
    """Whether every other task has a better mean, over the models that all tasks have."""
    means, problem = _task_means(claim, summary)
    if problem:
        return UNKNOWN, problem
    differences = [
        _advantage(claim, mean, means[claim.task])
        for task, mean in means.items()
        if task != claim.task
    ]
    return _all_positive(differences), _told(means)


@judges("easiest_task")
def judge_easiest_task(claim: ExtremeTask, summary: pd.DataFrame) -> Verdict:
    """Whether every other task has a worse mean, over the models that all tasks have."""
    means, problem = _task_means(claim, summary)
    if problem:
        return UNKNOWN, problem
    differences = [
        _advantage(claim, means[claim.task], mean)
        for task, mean in means.items()
        if task != claim.task
    ]
    return _all_positive(differences), _told(means)


def _task_means(claim: ExtremeTask, summary: pd.DataFrame) -> tuple[dict[str, Estimate], str]:
    """The mean of each task over the models that all tasks have, or why there is none, in words."""
    by_task = _by_task(_scores(summary, claim.metric), claim.method)
    if claim.task not in by_task or len(by_task) == 1:
        return {}, f"the grid has no results of {claim.task} and of another task by {claim.method}"
    # Only models that all tasks have: otherwise models would be compared, not tasks.
    shared = set.intersection(*map(set, by_task.values()))
    if not shared:
        return {}, f"no model has a result on all tasks by {claim.method}"
    means = {
        task: _over_models(score for model, score in models.items() if model in shared)
        for task, models in by_task.items()
    }
    return means, ""


@judges("better_models")
def judge_better_models(claim: BetterModels, summary: pd.DataFrame) -> Verdict:
    """Whether each of the models has a better mean than the other, over the tasks that all have."""
    by_task = _by_task(_scores(summary, claim.metric), claim.method)
    models = [*claim.models, claim.than]
    tasks = [scores for scores in by_task.values() if set(models) <= set(scores)]
    if not tasks:
        return (
            UNKNOWN,
            f"the grid has no task with results of {', '.join(models)} by {claim.method}",
        )
    means = {model: _over_tasks(scores[model] for scores in tasks) for model in models}
    differences = [_advantage(claim, means[model], means[claim.than]) for model in claim.models]
    return _all_positive(differences), f"mean over tasks: {_told(means)}"


@judges("mostly_better_method")
def judge_mostly_better_method(claim: MostlyBetterMethod, summary: pd.DataFrame) -> Verdict:
    """Whether the method is better in more than half of its comparisons on one model and task."""
    scores = _scores(summary, claim.metric)
    signs = [
        _advantage(claim, scores[model, claim.method, task], score).sign
        for (model, method, task), score in scores.items()
        if method in claim.than and (model, claim.method, task) in scores
    ]
    if not signs:
        others = " or ".join(claim.than)
        return UNKNOWN, f"the grid has no task with results of {claim.method} and {others}"
    better, worse = signs.count(1), signs.count(-1)
    half = len(signs) / 2
    verdict = UNKNOWN
    if better > half:
        verdict = HOLDS
    elif worse > half:
        verdict = FAILS
    return verdict, (
        f"of {len(signs)} comparisons better in {better}, worse in {worse}, cannot be told in"
        f" {signs.count(0)}"
    )


@judges("gains_most_on_hardest_task")
def judge_gains_most_on_hardest_task(
    claim: GainsMostOnHardestTask, summary: pd.DataFrame
) -> Verdict:
    """Whether the method gains more over the other on its hardest task than on any other task."""
    scores = _scores(summary, claim.metric)
    ours, others = _by_task(scores, claim.method), _by_task(scores, claim.over)
    tasks = [task for task in ours if task in others]
    # Only models that all tasks have by both methods, as above.
    shared = [
        model
        for model in dict.fromkeys(model for task in tasks for model in ours[task])
        if all(model in ours[task] and model in others[task] for task in tasks)
    ]
    if len(tasks) < 2 or not shared:
        both = f"{claim.method} and {claim.over}"
        return UNKNOWN, f"the grid has no model with results of {both} on two tasks"
    gains = {
        task: _over_models(
            _advantage(claim, ours[task][model], others[task][model]) for model in shared
        )
        for task in tasks
    }
    levels = {task: _over_models(ours[task][model] for model in shared).value for task in tasks}
    if METRICS[claim.metric].higher_is_better:
        hardest = min(levels, key=levels.__getitem__)
    else:
        hardest = max(levels, key=levels.__getitem__)
    differences = [gains[hardest] - gain for task, gain in gains.items() if task != hardest]
    return _all_positive(differences), f"hardest: {hardest}; gains: {_told(gains, '+.4f')}"


@judges("equal_metrics")
def judge_equal_metrics(claim: EqualMetrics, summary: pd.DataFrame) -> Verdict:
    """Whether the means of both metrics are the same, but for rounding, in every cell group."""
    wide = summary.pivot_table(index=["model", "method", "task"], columns="metric", values="mean")
    one, other = claim.metrics
    if not {one, other} <= set(wide):
        return UNKNOWN, f"the grid has no results of {one} and {other}"
    apart = (wide[one] - wide[other]).abs().max()
    return HOLDS if apart < 1e-9 else FAILS, f"{claim.why}; largest difference {apart:.0e}"


def _told(estimates: Mapping[str, Estimate], form: str = ".4f") -> str:
    """Estimates in words, from the smallest on, each ± half of its interval if that is known."""
    told = []
    for name, estimate in sorted(estimates.items(), key=lambda item: item[1].value):
        half = (estimate.high - estimate.low) / 2
        spread = "" if math.isnan(half) else f" ± {half:.4f}"
        told.append(f"{name} {estimate.value:{form}}{spread}")
    return ", ".join(told)
