"""Methods compared: paired by seed and by test example, with what the difference may be.

Two methods of a model and task are measured on the same test examples, from the same seeds. Their
difference varies with both: so both are resampled (crossed bootstrap; Owen & Eckles 2012,
https://doi.org/10.1214/12-AOAS547), the same examples for all seeds and for both methods.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.power import TTestPower

from tunegrid.errors import UserError

#: Metrics that are compared.
COMPARED = ("accuracy", "macro_f1")
PAIR = ["model", "task", "method", "reference"]
COLUMNS = [*PAIR, "metric", "seeds", "examples", "mean", "reference_mean", "difference", "low"]
COLUMNS += ["high", "p", "p_holm", "effect_size", "seeds_needed"]
DETAILS = [*PAIR, "seed", "only_method_right", "only_reference_right", "p"]
#: Resamples of a bootstrap, its seed, and how many are computed at once.
RESAMPLES, SEED, CHUNK = 10_000, 0, 500
LEVEL = 0.95
#: Power at which the number of seeds is told that would find the observed difference.
POWER = 0.8
#: More seeds than this are told as none.
MOST_SEEDS = 10_000

#: (model, task, method, seed) → predictions.parquet of that run
Load = Callable[[str, str, str, int], pd.DataFrame]


@dataclass(frozen=True)
class Outcomes:
    """What a method predicted on a test split, seed by seed.

    Attributes:
        labels: label ids, (n,).
        predicted: label ids, (seeds, n).
        kinds: how many labels there are.
    """

    labels: np.ndarray
    predicted: np.ndarray
    kinds: int

    def scores(self, weights: np.ndarray, metric: str) -> np.ndarray:
        """A metric of every seed under every weighting of the examples.

        Args:
            weights: how often each example counts, (b, n).
            metric: one of `COMPARED`.

        Returns:
            (b, seeds). Macro-F1 as in `tunegrid.training.metrics`: the mean over the labels that
            occur among labels or predictions of the weighted examples.
        """
        if metric == "accuracy":
            right = (self.predicted == self.labels).T.astype(weights.dtype)
            return (weights @ right).astype(np.float64) / weights.sum(axis=1, keepdims=True)
        one_hot = np.eye(self.kinds, dtype=weights.dtype)
        true = (weights @ one_hot[self.labels]).astype(np.float64)  # (b, k)
        scores = []
        for predicted in self.predicted:
            right = (predicted == self.labels)[:, None]
            told = one_hot[predicted]
            hits, given = ((weights @ part).astype(np.float64) for part in (told * right, told))
            occurring = (true + given) > 0
            f1 = np.divide(2 * hits, true + given, out=np.zeros_like(hits), where=occurring)
            scores.append(f1.sum(axis=1) / occurring.sum(axis=1))
        return np.stack(scores, axis=1)


def compare_methods(
    runs: pd.DataFrame, load: Load, resamples: int = RESAMPLES
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Every method against that which trains most parameters, for each model and task.

    Args:
        runs: as collect_runs returns it.
        load: of the predictions of a run.
        resamples: of each bootstrap.

    Returns:
        Comparisons: a row a model, task, method and metric: reference (the method compared with),
        seeds (that both have), examples, mean and reference_mean over these seeds, difference
        (method − reference), low and high (its 95 % interval), p (two-sided, of the same
        bootstrap), p_holm (Holm 1979, over all rows of the metric), effect_size (mean over
        standard deviation of the seeds' differences, Cohen's d_z) and seeds_needed (paired t
        test, two-sided 5 %, power 80 %); missing where one seed, or equal differences, tell none.
        Details: a row a seed of these: examples that only one of both has right, and McNemar's
        exact p.

    Raises:
        UserError: two runs were not measured on the same examples.
    """
    rows, details = [], []
    for (model, task), group in runs.groupby(["model", "task"], sort=False):
        shares = group.groupby("method", sort=False)["trainable_parameters"].first()
        reference = shares.idxmax()
        for method in shares.index.drop(reference):
            seeds = _shared_seeds(group, method, reference)
            if not seeds:
                continue
            here = {"model": model, "task": task, "method": method, "reference": reference}
            mine, other = _outcomes(load, model, task, (method, reference), seeds)
            rows += [here | _compare(mine, other, metric, resamples) for metric in COMPARED]
            details += [
                here | {"seed": seed} | detail
                for seed, detail in zip(seeds, _mcnemar(mine, other), strict=True)
            ]
    return _with_holm(pd.DataFrame(rows, columns=COLUMNS)), pd.DataFrame(details, columns=DETAILS)


def _shared_seeds(group: pd.DataFrame, method: str, reference: str) -> list[int]:
    found = (set(group.loc[group["method"] == name, "seed"]) for name in (method, reference))
    return sorted(set.intersection(*found))


def _outcomes(
    load: Load, model: str, task: str, methods: Sequence[str], seeds: Sequence[int]
) -> list[Outcomes]:
    """The outcomes of each method, on examples and labels that all of them share."""
    frames = [load(model, task, method, seed) for method in methods for seed in seeds]
    first = frames[0]
    for frame in frames[1:]:
        if not first[["id", "label"]].equals(frame[["id", "label"]]):
            raise UserError(
                f"{model} on {task}: {' and '.join(methods)} were not measured on the same test"
                " examples; run them again with the same data settings"
            )
    names = pd.unique(pd.concat([first["label"], *(frame["predicted"] for frame in frames)]))
    ids = pd.Index(names)
    labels = ids.get_indexer(first["label"])
    predicted = np.array([ids.get_indexer(frame["predicted"]) for frame in frames])
    return [Outcomes(labels, part, len(ids)) for part in np.split(predicted, len(methods))]


def _compare(mine: Outcomes, other: Outcomes, metric: str, resamples: int) -> dict[str, Any]:
    whole = np.ones((1, len(mine.labels)))
    one, two = (outcomes.scores(whole, metric)[0] for outcomes in (mine, other))
    differences = one - two
    drawn = crossed_bootstrap(mine, other, metric, resamples)
    low, high = np.quantile(drawn, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    tail = 1 + min((drawn <= 0).sum(), (drawn >= 0).sum())
    spread = differences.std(ddof=1) if len(differences) > 1 else 0.0
    effect = differences.mean() / spread if spread > 1e-12 else None
    return {
        "metric": metric,
        "seeds": len(differences),
        "examples": len(mine.labels),
        "mean": one.mean(),
        "reference_mean": two.mean(),
        "difference": differences.mean(),
        "low": low,
        "high": high,
        "p": min(1.0, 2 * tail / (resamples + 1)),
        "effect_size": effect,
        "seeds_needed": seeds_needed(effect),
    }


def crossed_bootstrap(
    mine: Outcomes, other: Outcomes, metric: str, resamples: int = RESAMPLES
) -> np.ndarray:
    """Differences of the mean over seeds, seeds and examples both drawn with replacement.

    Drawn seeds vary too little when they are few: their part is stretched so that seeds alone would
    give the t interval (as Hesterberg 2015 expands percentile intervals,
    https://doi.org/10.1080/00031305.2015.1089789). With one seed only the examples are drawn.

    Returns:
        (resamples,), the same for the same outcomes.
    """
    seeds, examples = mine.predicted.shape
    stretch = 1.0
    if seeds > 1:
        quantile = (1 + LEVEL) / 2
        stretch = stats.t.ppf(quantile, seeds - 1) / stats.norm.ppf(quantile)
        stretch *= np.sqrt(seeds / (seeds - 1))
    found = []
    for start in range(0, resamples, CHUNK):
        size = min(CHUNK, resamples - start)
        weights = _counts(examples, start, size).astype(np.float32)  # whole numbers: exact
        shares = _drawn(np.random.default_rng([SEED, start, seeds]), seeds, size) / seeds
        differences = mine.scores(weights, metric) - other.scores(weights, metric)
        even = differences.mean(axis=1)
        found.append(even + stretch * ((shares * differences).sum(axis=1) - even))
    return np.concatenate(found)


@lru_cache(maxsize=RESAMPLES // CHUNK)
def _counts(examples: int, start: int, size: int) -> np.ndarray:
    """How often each example is drawn in these resamples, (size, examples), for every method."""
    return _drawn(np.random.default_rng([SEED, start]), examples, size)


def _drawn(generator: np.random.Generator, things: int, size: int) -> np.ndarray:
    """How often each of `things` is drawn when as many are, with replacement: (size, things)."""
    chosen = generator.integers(things, size=(size, things))
    chosen += things * np.arange(size)[:, None]
    counts = np.bincount(chosen.ravel(), minlength=size * things)
    return counts.reshape(size, things).astype(np.uint8)


def seeds_needed(effect_size: float | None) -> int | None:
    """Seeds that a paired t test would need to find an effect of this size; None if none do."""
    if not effect_size:
        return None
    power = TTestPower()
    for seeds in _growing():
        if power.power(abs(effect_size), seeds, 1 - LEVEL) >= POWER:
            return seeds
    return None


def _growing() -> Iterator[int]:
    """2, 3, 4 … and from 50 on in steps of a fiftieth, which is as exact as an estimate is."""
    seeds = 2
    while seeds <= MOST_SEEDS:
        yield seeds
        seeds += max(1, seeds // 50)


def _mcnemar(mine: Outcomes, other: Outcomes) -> Iterator[dict[str, Any]]:
    """Of each seed, the examples that only one has right, and McNemar's exact test of them."""
    rights = (outcomes.predicted == outcomes.labels for outcomes in (mine, other))
    for one, two in zip(*rights, strict=True):
        only, not_ = int((one & ~two).sum()), int((two & ~one).sum())
        table = [[int((one & two).sum()), only], [not_, int((~one & ~two).sum())]]
        yield {
            "only_method_right": only,
            "only_reference_right": not_,
            "p": float(mcnemar(table, exact=True).pvalue),
        }


def _with_holm(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows with p values corrected for how many comparisons of the metric there are."""
    for _, family in rows.groupby("metric"):
        rows.loc[family.index, "p_holm"] = multipletests(family["p"], method="holm")[1]
    return rows
