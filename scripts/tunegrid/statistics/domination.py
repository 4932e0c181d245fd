"""Which models and methods another one beats at lower cost, as far as the runs can tell."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd
from scipy import special

from tunegrid.statistics.verdicts import ALPHA, Verdict

#: A model and method.
Side = tuple[str, str]
#: The verdicts that say of a method that it is not behind, and of its reference that it is not.
NOT_BEHIND = {Verdict.BETTER, Verdict.SAME, Verdict.IDENTICAL}
NOT_AHEAD = {Verdict.WORSE, Verdict.SAME, Verdict.IDENTICAL}


def find_dominated(
    costs: pd.DataFrame, cost: str, comparisons: pd.DataFrame, metric: str
) -> dict[Side, Side]:
    """The models and methods that another one dominates, by the cost that is asked for.

    Another one dominates where it costs less and its comparison says that it is better, the same
    (within the margin) or identical. Costs that are measured differ by chance; they are less where
    that is shown (`cheaper_by_more_than_noise`). What is not compared, or cannot be told, is not
    dominated.

    Args:
        costs: the rows of one task of `tunegrid.statistics.costs.cost`.
        cost: the column that is asked for. Where there is a column of this name with `_sd`, it was
            measured; else it is exact.
        comparisons: as compare_methods returns them.
        metric: by which one quality is compared.

    Returns:
        Each that is dominated, with the one that dominates it; of several, the cheapest one.
    """
    rows = {(row.model, row.method): row for row in costs.itertuples()}
    cheaper = cheaper_by_more_than_noise(costs, cost)
    found: dict[Side, Side] = {}
    of_task = comparisons[
        comparisons["task"].isin(costs["task"]) & (comparisons["metric"] == metric)
    ]
    for better, other in _not_behind(of_task):
        if (better, other) not in cheaper:
            continue
        best = found.get(other)
        if best is None or getattr(rows[better], cost) < getattr(rows[best], cost):
            found[other] = better
    return found


def _not_behind(comparisons: pd.DataFrame) -> Iterator[tuple[Side, Side]]:
    """Every two of which the first is shown to be better than the second, or the same."""
    for row in comparisons.itertuples():
        side, reference = (row.model, row.method), (row.reference_model, row.reference)
        if row.verdict in NOT_BEHIND:
            yield side, reference
        if row.verdict in NOT_AHEAD:
            yield reference, side


def cheaper_by_more_than_noise(costs: pd.DataFrame, cost: str) -> set[tuple[Side, Side]]:
    """Every two of which the first costs less than the second, by more than chance.

    Of an exact cost any difference counts. Measured ones vary from run to run in proportion to
    their size, alike for all on the same kind of device. So their relative variance is pooled over
    the rows that have more than one run, and a row costs less than another on the same devices
    where Student's two-sided test at `ALPHA` says so of the logarithms of their means, whose
    standard error is the pooled relative deviation times √(1/n + 1/m). With one run each, nothing
    can be said.

    Args:
        costs: the rows of one task of `tunegrid.statistics.costs.cost`, with n, devices and `cost`.
        cost: the column; with `_sd` it is the one of its standard deviation.
    """
    known = costs[costs[cost].notna()]
    measured = f"{cost}_sd" in costs
    noise, df = _relative_noise(known, cost) if measured else (0.0, 0)
    factor = special.stdtrit(df, 1 - ALPHA / 2) if df else np.inf
    found = set()
    records: list[Mapping[str, Any]] = known.to_dict("records")
    for one in records:
        for other in records:
            if one[cost] >= other[cost]:
                continue
            if measured:
                error = noise * np.sqrt(1 / one["n"] + 1 / other["n"])
                told = np.log(other[cost] / one[cost]) > factor * error if df else False
                if not told or one["devices"] != other["devices"]:
                    continue
            found.add(((one["model"], one["method"]), (other["model"], other["method"])))
    return found


def _relative_noise(costs: pd.DataFrame, cost: str) -> tuple[float, int]:
    """The pooled relative standard deviation of a run's cost, and its degrees of freedom."""
    several = costs[(costs["n"] > 1) & costs[f"{cost}_sd"].notna()]
    df = int((several["n"] - 1).sum())
    if not df:
        return 0.0, 0
    relative = (several[f"{cost}_sd"] / several[cost]) ** 2
    return float(np.sqrt((relative * (several["n"] - 1)).sum() / df)), df
