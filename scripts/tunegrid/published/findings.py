"""What the published report concludes, held against the grid's own numbers.

A conclusion is called true, or false, only where its differences are larger than the 95 % intervals
over seeds and test examples leave open. These are taken as if the means were independent; methods
on the same examples vary less apart than that, so what is told is told with caution.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
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
    accuracy = summary[summary["metric"] == "accuracy"]
    known = accuracy[accuracy["mean"].notna()]
    scores = {
        (row.model, row.method, row.task): Estimate(row.mean, _error(row))
        for row in known.itertuples(index=False, name="Row")
    }
    both = ("full", *SIZES)
    full = _by_task(scores, "full")
    rows = [
        (finding, verdict, because + _caveats(accuracy, methods))
        for finding, methods, (verdict, because) in (
            ("acl_sup is the hardest task (full fine-tuning)", ["full"],
             _extreme(full, "acl_sup", -1)),
            ("agnews_sup is the easiest task (full fine-tuning)", ["full"],
             _extreme(full, "agnews_sup", 1)),
            ("roberta-base and scibert beat bert-base-uncased (full fine-tuning)", ["full"],
             _best(full)),
            ("full fine-tuning is mostly better than an adapter", both, _mostly_better(scores)),
            ("a larger adapter helps the hardest task most (size 64 against 8)", SIZES,
             _larger(scores)),
            ("accuracy equals micro-F1", [], _equal(summary)),
        )
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=["finding", "verdict", "because"])


def _error(row: tuple) -> float:
    """The standard error of a mean over seeds and examples; unknown with one seed."""
    return (row.crossed_high - row.crossed_low) / (2 * QUANTILE) if row.n > 1 else float("nan")


def _caveats(accuracy: pd.DataFrame, methods: Sequence[str]) -> str:
    """Which cell groups of these methods have degenerate runs, one run, or some without result."""
    mine = accuracy[accuracy["method"].isin(methods)]
    told = []
    for row in mine.itertuples():
        name = f"{row.model} {row.method} on {row.task}"
        if row.n_degenerate:
            told.append(f"{name}: {row.n_degenerate} of {row.n_runs} runs degenerate")
        if row.n < row.n_runs or row.n == 1:
            told.append(f"{name}: {row.n} of {row.n_runs} runs")
    return f"; {'; '.join(told)}" if told else ""


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
    # Of the models that all tasks have: else models would be compared, not tasks.
    shared = set.intersection(*map(set, full.values())) if full else set()
    if task not in full or len(full) == 1:
        return UNKNOWN, f"the grid has not {task} and another task by full fine-tuning"
    if not shared:
        return UNKNOWN, "no model has a result on all tasks by full fine-tuning"
    means = {
        name: _over_models(score for model, score in models.items() if model in shared)
        for name, models in full.items()
    }
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
    tasks = [task for task in large if task in small]
    # Again the same models on all tasks.
    shared = set.intersection(*({*large[task]} & {*small[task]} for task in tasks)) if tasks else ()
    if len(tasks) < 2 or not shared:
        return UNKNOWN, "the grid has not both sizes of one model on two tasks"
    gains = {
        task: _over_models(large[task][model] - small[task][model] for model in shared)
        for task in tasks
    }
    levels = {task: _over_models(large[task][model] for model in shared).value for task in tasks}
    hardest = min(levels, key=levels.get)
    differences = [gains[hardest] - gain for task, gain in gains.items() if task != hardest]
    return _all_positive(differences), f"hardest: {hardest}; gains: {_told(gains, '+.4f')}"


def _told(estimates: Mapping[str, Estimate], form: str = ".4f") -> str:
    ordered = sorted(estimates.items(), key=lambda item: item[1].value)
    return ", ".join(
        f"{name} {found.value:{form}}"
        + ("" if math.isnan(found.error) else f" ± {QUANTILE * found.error:.4f}")
        for name, found in ordered
    )


def _equal(summary: pd.DataFrame) -> Verdict:
    wide = summary.pivot_table(index=["model", "method", "task"], columns="metric", values="mean")
    apart = (wide["accuracy"] - wide["micro_f1"]).abs().max()
    because = "with one label an example each error is one false positive and one false negative"
    return HOLDS if apart < 1e-9 else FAILS, f"{because}; largest difference {apart:.0e}"
