"""Methods compared: paired by seed and by test example, with what the difference may be."""

import bisect
from collections.abc import Iterator
from itertools import chain
from typing import Any

import numpy as np
import pandas as pd
from joblib import Parallel, delayed, parallel_config
from scipy import special
from scipy.optimize import brentq
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.multitest import multipletests

from tunegrid.results import FINISHED, GROUP, RUN
from tunegrid.statistics.bootstrap import (
    COMPARED,
    LEVEL,
    RESAMPLES,
    crossed_bootstrap,
    interval,
    resampled_scores,
    t_quantile,
)
from tunegrid.statistics.dominance import almost_stochastic_order, false_positive_rate
from tunegrid.statistics.outcomes import Load, load_outcomes

PAIR = ["model", "task", "method", "reference"]
COLUMNS = [*PAIR, "metric", "seeds", "seeds_planned", "examples"]
COLUMNS += ["degenerate", "reference_degenerate", "mean", "reference_mean"]
COLUMNS += ["difference", "low", "high", "p", "p_holm", "effect_size", "seeds_needed"]
COLUMNS += ["detectable", "aso", "aso_false_positives"]
DETAILS = [*PAIR, "seed", "only_method_right", "only_reference_right", "p"]
INTERVALS = [*GROUP, "metric", "crossed_low", "crossed_high"]
#: Power at which it is told what would be found, and how many seeds would find it.
POWER = 0.8
#: Smaller p values are told as this one (natural logarithm).
LEAST_LOG_P = -36.0
#: More seeds than this are told as none.
MOST_SEEDS = 10_000

Row = dict[str, Any]


def compare_methods(
    runs: pd.DataFrame, load: Load, resamples: int = RESAMPLES, processes: int = 1
) -> dict[str, pd.DataFrame]:
    """Every method against that which trains most parameters, for each model and task.

    Args:
        runs: as collect_runs returns it.
        load: of the predictions of a run.
        resamples: of each bootstrap.
        processes: so many share the work; the result is the same.

    Returns:
        comparisons: a row a model, task, method and metric: reference (the method compared with, of
            those that have a finished run), seeds (that both have finished) and seeds_planned (that
            the grid has of the method), examples, degenerate and reference_degenerate (runs of
            these seeds that are), mean and reference_mean over these seeds, difference
            (method − reference), low and high (its 95 % interval: crossed bootstrap), p (two-sided:
            `_p_value`), p_holm (Holm 1979, over all rows of the metric), effect_size (mean over
            standard deviation of the seeds' differences, Cohen's d_z), seeds_needed (paired t test,
            two-sided 5 %, power 80 %), detectable (the difference that would be found so often with
            these seeds and examples), aso (`almost_stochastic_order` of the higher mean over the
            lower, of seeds alone) and aso_false_positives (`false_positive_rate` at so many seeds);
            missing where one seed, or equal differences, tell none. A method without a seed to
            compare has a row of 0 seeds; where no method has a finished run, no reference either.
        mcnemar: a row a seed of these: examples that only one of both has right, and McNemar's
            exact p.
        intervals: a row a model, task, method and metric with a finished run: crossed_low and
            crossed_high, the 95 % interval of its mean by the same resamples of seeds and examples.

    Raises:
        UserError: two runs were not measured on the same examples.
    """
    runs = runs[[*RUN, "state", "degenerate", "trainable_parameters"]]
    with parallel_config("loky", n_jobs=processes, inner_max_num_threads=1):
        parts = Parallel()(
            delayed(_compare_group)(group, load, resamples)
            for _, group in runs.groupby(["model", "task"], sort=False)
        )
    comparisons, details, intervals = (list(chain(*rows)) for rows in zip(*parts, strict=True))
    return {
        "comparisons": _with_holm(_typed(pd.DataFrame(comparisons, columns=COLUMNS))),
        "mcnemar": pd.DataFrame(details, columns=DETAILS),
        "intervals": pd.DataFrame(intervals, columns=INTERVALS),
    }


def _compare_group(
    group: pd.DataFrame, load: Load, resamples: int
) -> tuple[list[Row], list[Row], list[Row]]:
    """The rows of all three tables of one model and task."""
    finished = group[group["state"] == FINISHED].reset_index(drop=True)
    if finished.empty:
        return list(_nothing_finished(group)), [], []
    comparisons, details = [], []
    _, _, outcomes = load_outcomes(load, finished)
    drawn = resampled_scores(outcomes, resamples)
    scores = outcomes.scores(np.ones((1, len(outcomes.labels))))
    rights = outcomes.predicted == outcomes.labels
    for here, (seeds, mine, other) in _pairs(group, finished):
        for metric in COMPARED:
            row = here | {"metric": metric, "seeds": len(seeds)}
            if seeds:
                pair = scores[metric][0, mine], scores[metric][0, other]
                differences = drawn[metric][:, mine] - drawn[metric][:, other]
                row |= {"examples": len(outcomes.labels)} | _compare(*pair, differences)
                row["degenerate"] = finished["degenerate"][mine].sum()
                row["reference_degenerate"] = finished["degenerate"][other].sum()
            comparisons.append(row)
        for seed, one, two in zip(seeds, rights[mine], rights[other], strict=True):
            details.append(here | {"seed": seed} | _mcnemar(one, two))
    return comparisons, details, list(_intervals(finished, drawn))


def _nothing_finished(group: pd.DataFrame) -> Iterator[Row]:
    """Rows that say so of each method of a model and task, where there are several."""
    planned = group.groupby(GROUP, sort=False).size()
    if len(planned) == 1:
        return
    for key, count in planned.items():
        here = dict(zip(GROUP, key, strict=True)) | {"seeds": 0, "seeds_planned": int(count)}
        yield from (here | {"metric": metric} for metric in COMPARED)


def _intervals(finished: pd.DataFrame, drawn: dict[str, np.ndarray]) -> Iterator[Row]:
    """The interval of each method's mean; `drawn` as `resampled_scores` returns it."""
    for key, own in finished.groupby(GROUP, sort=False):
        here = dict(zip(GROUP, key, strict=True))
        for metric in COMPARED:
            low, high = interval(crossed_bootstrap(drawn[metric][:, own.index]))
            yield here | {"metric": metric, "crossed_low": low, "crossed_high": high}


#: Seeds that two methods have, and where the one's runs and the other's stand among the finished.
Paired = tuple[list[int], list[int], list[int]]


def _pairs(group: pd.DataFrame, finished: pd.DataFrame) -> Iterator[tuple[Row, Paired]]:
    """Each method of a model and task with the reference: what names the row, and their runs."""
    shares = finished.groupby("method", sort=False)["trainable_parameters"].first()
    reference = shares.astype(float).idxmax()
    places = {name: dict(zip(own, own.index, strict=True))
              for name, own in finished.groupby("method")["seed"]}  # fmt: skip
    for key, planned in group.groupby(GROUP, sort=False).size().items():
        here = dict(zip(GROUP, key, strict=True))
        if here["method"] == reference:
            continue
        mine, other = places.get(here["method"], {}), places[reference]
        seeds = sorted(mine.keys() & other.keys())
        paired = seeds, [mine[seed] for seed in seeds], [other[seed] for seed in seeds]
        yield here | {"reference": reference, "seeds_planned": int(planned)}, paired


def _compare(one: np.ndarray, two: np.ndarray, resampled: np.ndarray) -> Row:
    """Two methods' scores of each seed, and their differences on resampled examples (b, seeds)."""
    differences = one - two
    drawn = crossed_bootstrap(resampled)
    low, high = interval(drawn)
    error, mean = drawn.std(), differences.mean()
    several = len(differences) > 1
    spread = differences.std(ddof=1) if several else 0.0
    effect = mean / spread if spread > 1e-12 else None
    better, worse = (one, two) if mean >= 0 else (two, one)
    return {
        "mean": one.mean(),
        "reference_mean": two.mean(),
        "difference": mean,
        "low": low,
        "high": high,
        "p": _p_value(differences, resampled),
        "effect_size": effect,
        "seeds_needed": seeds_needed(effect),
        "detectable": (special.ndtri((1 + LEVEL) / 2) + special.ndtri(POWER)) * error,
        "aso": float(almost_stochastic_order(better, worse)) if several else None,
        "aso_false_positives": false_positive_rate(len(differences)) if several else None,
    }


def _p_value(differences: np.ndarray, resampled: np.ndarray) -> float:
    """Two-sided p of the mean of the seeds' differences, which varies with seeds and examples.

    The level α at which the mean's interval just reaches 0, where the squares of its halves add up:
    of the examples a normal one, of the k seeds Student's t:
    mean² = (z(α/2)·error)² + (t(α/2, k−1)·sd/√k)². It is the t test where examples add nothing, and
    holds its level far below 5 %, too, where resamples of few seeds can tell nothing and Holm's
    correction looks.

    Args:
        differences: of the seeds, (k,).
        resampled: the same on resampled examples, (b, k).
    """
    mean, seeds = abs(differences.mean()), len(differences)
    error = resampled.mean(axis=1).std()
    spread = differences.std(ddof=1) / seeds**0.5 if seeds > 1 else 0.0

    def beyond(log_level: float) -> float:
        tail = np.exp(log_level) / 2
        part = -spread * special.stdtrit(seeds - 1, tail) if spread else 0.0
        return float(np.hypot(error * special.ndtri(tail), part) - mean)

    if mean < 1e-12 or max(error, spread) < 1e-12:
        return 1.0 if mean < 1e-12 else 0.0
    if beyond(LEAST_LOG_P) < 0:
        return float(np.exp(LEAST_LOG_P))
    return float(np.exp(brentq(beyond, LEAST_LOG_P, 0.0)))


def seeds_needed(effect_size: float | None) -> int | None:
    """Seeds that a paired t test would need to find an effect of this size; None if none do."""
    if not effect_size:
        return None

    def found(number: int) -> bool:
        # The effect's own side alone: the other one's share is nothing.
        centre = abs(effect_size) * number**0.5
        return 1 - special.nctdtr(number - 1, centre, t_quantile(number)) >= POWER

    most = 2
    while not found(most):
        if most == MOST_SEEDS:
            return None
        most = min(2 * most, MOST_SEEDS)
    seeds = range(2, most)
    return 2 + bisect.bisect_left(seeds, True, key=found)


def _mcnemar(one: np.ndarray, two: np.ndarray) -> Row:
    """Of one seed, the examples that only one has right, and McNemar's exact test of them."""
    only, not_ = int((one & ~two).sum()), int((two & ~one).sum())
    table = [[int((one & two).sum()), only], [not_, int((~one & ~two).sum())]]
    return {
        "only_method_right": only,
        "only_reference_right": not_,
        "p": float(mcnemar(table, exact=True).pvalue),
    }


def _typed(rows: pd.DataFrame) -> pd.DataFrame:
    """Measures as floats, counts as whole numbers, whatever is missing."""
    numbers = [name for name in COLUMNS if name not in (*PAIR, "metric")]
    counts = ["seeds", "seeds_planned", "examples", "degenerate", "reference_degenerate"]
    whole = dict.fromkeys([*counts, "seeds_needed"], "Int64")
    return rows.astype(dict.fromkeys(numbers, float)).astype(whole)


def _with_holm(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows with p values corrected for how many comparisons of the metric there are."""
    for _, family in rows.dropna(subset="p").groupby("metric"):
        rows.loc[family.index, "p_holm"] = multipletests(family["p"], method="holm")[1]
    return rows
