"""What the published report concludes, held against the grid's own numbers.

A conclusion is called true, or false, only where its differences are larger than the 95 % intervals
over seeds and test examples leave open. These are taken as if the means were independent; methods
on the same examples vary less apart than that, so what is told is told with caution.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import pandas as pd
from scipy import stats

from tunegrid.statistics.bootstrap import LEVEL

HOLDS, FAILS, UNKNOWN = "holds", "does not hold", "cannot tell"
QUANTILE = float(stats.norm.ppf((1 + LEVEL) / 2))
MODELS = ("roberta-base", "scibert_scivocab_uncased", "bert-base-uncased")
SIZES = ("adapter-64", "adapter-8")
Verdict = tuple[str, str]


@dataclass(frozen=True)
class Estimate:
    """A number and its standard error."""

    value: float
    error: float

    def __sub__(self, other: "Estimate") -> "Estimate":
        return Estimate(self.value - other.value, math.hypot(self.error, other.error))

    @property
    def sign(self) -> int:
        """1 or −1 where the interval leaves out 0; else 0, as of an unknown error."""
        if not abs(self.value) > QUANTILE * self.error:
            return 0
        return 1 if self.value > 0 else -1


#: (model, method, task) → accuracy of the cell groups that have one.
Scores = Mapping[tuple[str, str, str], Estimate]


def check_findings(summary: pd.DataFrame) -> pd.DataFrame:
    """The report's conclusions, each of which holds, does not hold, or cannot be told.

    Args:
        summary: as summarise returns it.

    Returns:
        finding, verdict, because (the numbers, in words).
    """
    known = summary[(summary["metric"] == "accuracy") & summary["mean"].notna()]
    scores = {
        (row.model, row.method, row.task): Estimate(
            row.mean, (row.crossed_high - row.crossed_low) / (2 * QUANTILE)
        )
        for row in known.itertuples(index=False, name="Row")
    }
    full = _by_task(scores, "full")
    rows = [
        ("acl_sup is the hardest task (full fine-tuning)", *_extreme(full, "acl_sup", -1)),
        ("agnews_sup is the easiest task (full fine-tuning)", *_extreme(full, "agnews_sup", 1)),
        ("roberta-base and scibert beat bert-base-uncased (full fine-tuning)", *_best(full)),
        ("full fine-tuning is mostly better than an adapter", *_mostly_better(scores)),
        ("a larger adapter helps the hardest task most (size 64 against 8)", *_larger(scores)),
        ("accuracy equals micro-F1", *_equal(summary)),
    ]
    return pd.DataFrame(rows, columns=["finding", "verdict", "because"])


def _by_task(scores: Scores, method: str) -> dict[str, dict[str, Estimate]]:
    """Task → model → score of a method."""
    found: dict[str, dict[str, Estimate]] = {}
    for (model, own, task), score in scores.items():
        if own == method:
            found.setdefault(task, {})[model] = score
    return found


def _over_models(scores: Iterable[Estimate]) -> Estimate:
    """The mean of scores on the same test examples: its error as if they varied as one."""
    scores = list(scores)
    count = len(scores)
    return Estimate(sum(s.value for s in scores) / count, sum(s.error for s in scores) / count)


def _over_tasks(scores: Iterable[Estimate]) -> Estimate:
    """The mean of scores on different test examples."""
    scores = list(scores)
    count = len(scores)
    return Estimate(
        sum(s.value for s in scores) / count, math.hypot(*(s.error for s in scores)) / count
    )


def _all_positive(differences: Iterable[Estimate]) -> str:
    """Whether all are above 0, as far as each can be told."""
    signs = [difference.sign for difference in differences]
    return FAILS if -1 in signs else UNKNOWN if 0 in signs else HOLDS


def _extreme(full: dict[str, dict[str, Estimate]], task: str, side: int) -> Verdict:
    """Whether `task` has the highest mean accuracy of all (side 1), or the lowest (−1)."""
    means = {name: _over_models(models.values()) for name, models in full.items()}
    if task not in means or len(means) == 1:
        return UNKNOWN, f"the grid has not {task} and another task by full fine-tuning"
    differences = [
        means[task] - other if side > 0 else other - means[task]
        for name, other in means.items()
        if name != task
    ]
    return _all_positive(differences), _told(means)


def _best(full: dict[str, dict[str, Estimate]]) -> Verdict:
    tasks = [models for models in full.values() if set(MODELS) <= set(models)]
    if not tasks:
        return UNKNOWN, "the grid has not all three models by full fine-tuning on one task"
    means = {model: _over_tasks(models[model] for models in tasks) for model in MODELS}
    *better, bert = means.values()
    return _all_positive(mean - bert for mean in better), f"mean over tasks: {_told(means)}"


def _mostly_better(scores: Scores) -> Verdict:
    signs = [
        (scores[model, "full", task] - score).sign
        for (model, method, task), score in scores.items()
        if method in SIZES and (model, "full", task) in scores
    ]
    if not signs:
        return UNKNOWN, "the grid has not full fine-tuning and an adapter on one task"
    better, worse = signs.count(1), signs.count(-1)
    half = len(signs) / 2
    verdict = HOLDS if better > half else FAILS if worse > half else UNKNOWN
    return verdict, (
        f"of {len(signs)} comparisons better in {better}, worse in {worse}, cannot be told in"
        f" {signs.count(0)}"
    )


def _larger(scores: Scores) -> Verdict:
    large, small = (_by_task(scores, method) for method in SIZES)
    gains = {
        task: _over_models(models[model] - small[task][model] for model in both)
        for task, models in large.items()
        if (both := [model for model in models if model in small.get(task, {})])
    }
    if len(gains) < 2:
        return UNKNOWN, "the grid has not both sizes on two tasks"
    hardest = min(gains, key=lambda task: _over_models(large[task].values()).value)
    differences = [gains[hardest] - gain for task, gain in gains.items() if task != hardest]
    return _all_positive(differences), f"hardest: {hardest}; gains: {_told(gains, '+.4f')}"


def _told(estimates: Mapping[str, Estimate], form: str = ".4f") -> str:
    ordered = sorted(estimates.items(), key=lambda item: item[1].value)
    return ", ".join(
        f"{name} {found.value:{form}} ± {QUANTILE * found.error:.4f}" for name, found in ordered
    )


def _equal(summary: pd.DataFrame) -> Verdict:
    wide = summary.pivot_table(index=["model", "method", "task"], columns="metric", values="mean")
    apart = (wide["accuracy"] - wide["micro_f1"]).abs().max()
    because = "with one label an example each error is one false positive and one false negative"
    return HOLDS if apart < 1e-9 else FAILS, f"{because}; largest difference {apart:.0e}"
