"""Numbers of papers beside those of the grid, and whether they agree.

A paper that was measured on a task of the grid was measured on the same test examples. What these
have easy or hard is then the same for both, and what may set both apart by chance are the seeds: so
a published number is held against intervals over seeds alone. Intervals over seeds and examples
would be wider, and would call more numbers equal than are.
"""

import math
from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

import pandas as pd

from tunegrid.metrics import METRICS, Metric
from tunegrid.published.number_file import (
    COLUMNS,
    MEAN_OF,
    OPTIONAL,
    SD,
    STANDARD_ERROR,
    TRAINABLE_PERCENT,
    PublishedNumber,
    half_digit,
)
from tunegrid.statistics.run_counts import COUNTS
from tunegrid.statistics.verdicts import ALPHA, critical_value, t_quantile

EXPECTED = ["expected_low", "expected_high"]
#: An interval of a metric with bounds is narrow, and so contradicts a number that is off by a few
#: points, if it reaches at most so many points (hundredths) to either side.
NARROW_POINTS = 3.0
#: That of a metric without bounds, as the loss: so much of our mean to either side.
NARROW_SHARE = 0.1
#: Runs whose standard deviation is below this have one value, but for rounding in its mean.
CONSTANT = 1e-12

WITHIN = "within"
WITHIN_CHANCE = "within chance"
TOO_WIDE = "too wide to tell"
OUTSIDE = "outside"
EQUAL, DIFFERS = "equal", "differs"
ONE_RUN = "one run"
NO_RUN = "no finished run"
NOT_IN_GRID = "not in the grid"


def number_table(numbers: Iterable[PublishedNumber]) -> pd.DataFrame:
    """The numbers of papers as a table: `COLUMNS` and `OPTIONAL`.

    All is text, but for `MEAN_OF`, `SD` and `STANDARD_ERROR`: numbers, or missing.
    """
    table = pd.DataFrame([asdict(number) for number in numbers], columns=[*COLUMNS, *OPTIONAL])
    return table.astype({MEAN_OF: "Int64", SD: float, STANDARD_ERROR: float})


def compare_published(published: pd.DataFrame, summary: pd.DataFrame) -> pd.DataFrame:
    """Every published number beside the grid's.

    Args:
        published: as `number_table` returns it.
        summary: as summarise returns it.

    Returns:
        Its rows with printed (text) and published (a number), published_sd and
        published_standard_error (its `SD` and `STANDARD_ERROR`), ours (the mean), n and `COUNTS`,
        low and high (95 % t interval over seeds), expected_low and expected_high
        (`expected_interval`, or `welch_interval` where the paper tells its own spread), difference
        (ours − published) and verdict:

        - where there are several runs: "within" our interval; "within chance": within what is
          expected; "too wide to tell": in an interval that is not narrow (`widest_reach`), so that
          it would contradict hardly any number; "outside" of all;
        - "equal" or "differs", as printed, of what does not vary: the share of parameters, and
          where our runs all score the same;
        - "one run", "no finished run" or "not in the grid" where it cannot be told.
    """
    rows = [row._asdict() | _beside(row, summary) for row in published.itertuples(index=False)]
    columns = [*published, "published", "ours", "n", *COUNTS, "low", "high", *EXPECTED]
    columns += ["difference", "verdict"]
    table = pd.DataFrame(rows, columns=columns).rename(
        columns={
            "value": "printed",
            SD: "published_sd",
            STANDARD_ERROR: "published_standard_error",
        }
    )
    return table.astype(dict.fromkeys(["n", *COUNTS, MEAN_OF], "Int64"))


def _beside(row: Any, summary: pd.DataFrame) -> dict[str, Any]:
    """What stands beside one published number."""
    group = summary[(summary["model"] == row.model) & (summary["method"] == row.method)]
    if row.metric == TRAINABLE_PERCENT:
        return _share_beside(row, group)
    group = group[(group["task"] == row.task) & (group["metric"] == row.metric)]
    return _mean_beside(row, group)


def _share_beside(row: Any, group: pd.DataFrame) -> dict[str, Any]:
    """What stands beside a published share of trainable parameters: the grid's nearest."""
    value = float(row.value)
    if group.empty:
        return {"published": value, "verdict": NOT_IN_GRID}
    shares = group[TRAINABLE_PERCENT].dropna().drop_duplicates()
    if shares.empty:
        return {"published": value, "verdict": NO_RUN}
    distances = shares.sub(value).abs()
    nearest = shares.loc[distances.idxmin()]
    return {
        "published": value,
        "ours": nearest,
        "difference": nearest - value,
        "verdict": EQUAL if (distances <= half_digit(row.value)).any() else DIFFERS,
    }


def _mean_beside(row: Any, group: pd.DataFrame) -> dict[str, Any]:
    """What stands beside a published mean of a metric: the grid's, of the same cell group."""
    value = float(row.value)
    if group.empty:
        return {"published": value, "verdict": NOT_IN_GRID}
    ours = group.iloc[0]
    found = {
        "published": value,
        "ours": ours["mean"],
        "n": ours["n"],
        "low": ours["low"],
        "high": ours["high"],
        "difference": ours["mean"] - value,
    } | ours[COUNTS].to_dict()
    if ours["n"] < 2:
        return found | {"verdict": ONE_RUN if ours["n"] else NO_RUN}
    found |= dict(zip(EXPECTED, _expected_ends(row, ours), strict=True))
    return found | {"verdict": _judge_mean(row, found, is_constant=ours["sd"] < CONSTANT)}


def _expected_ends(row: Any, ours: Any) -> tuple[float, float]:
    """Where a published mean is expected; not numbers where the paper tells nothing of its runs.

    Args:
        row: of `number_table`.
        ours: the group's row of the summary, of two runs or more.
    """
    if pd.isna(row.mean_of):
        return math.nan, math.nan
    error = row.standard_error
    if pd.isna(error):
        error = row.sd / math.sqrt(row.mean_of)
    if pd.isna(error):
        return expected_interval(
            n=ours["n"], mean=ours["mean"], sd=ours["sd"], further_runs=row.mean_of
        )
    return welch_interval(
        n=ours["n"], mean=ours["mean"], sd=ours["sd"], other_error=error, other_n=row.mean_of
    )


def _judge_mean(row: Any, found: dict[str, Any], *, is_constant: bool) -> str:
    """The verdict on a published mean of a metric.

    Args:
        row: of `number_table`.
        found: our mean and the ends of both intervals; those expected may be no numbers.
        is_constant: whether all our runs have one value, so that nothing is known of their spread.
    """
    value, rounding = found["published"], half_digit(row.value)
    widest = widest_reach(METRICS[row.metric], found["ours"])
    is_inside_a_wide_one = False
    for verdict, low, high in (
        (EQUAL if is_constant else WITHIN, "low", "high"),
        (WITHIN_CHANCE, "expected_low", "expected_high"),
    ):
        if found[low] - rounding <= value <= found[high] + rounding:
            # What was rounded may lie so much farther from our mean.
            reach = (found[high] - found[low]) / 2 + rounding
            if reach <= widest:
                return verdict
            is_inside_a_wide_one = True
    if is_inside_a_wide_one:
        return TOO_WIDE
    return DIFFERS if is_constant else OUTSIDE


def widest_reach(metric: Metric, mean: float) -> float:
    """How far an interval may reach to either side, and still contradict a number.

    Args:
        metric: of the number.
        mean: ours.

    Returns:
        `NARROW_POINTS` of a metric with bounds, else `NARROW_SHARE` of the mean; in its unit.
    """
    if metric.bounded:
        return NARROW_POINTS / 100
    return NARROW_SHARE * abs(mean)


def expected_interval(n: Any, mean: Any, sd: Any, further_runs: int) -> tuple[Any, Any]:
    """Where the mean of further runs falls in 95 of 100 cases, after n runs like them.

    The prediction interval mean ± t(n−1)·sd·√(1/n + 1/m) (Hahn & Meeker 1991, Statistical
    Intervals, chapter 4).

    Args:
        n: how many runs there were.
        mean, sd: of these runs; numbers, or arrays of several such samples.
        further_runs: m, of how many further runs the mean is taken.

    Returns:
        The lower and the upper end, of the shape of `mean`.
    """
    reach = t_quantile(n) * sd * math.sqrt(1 / n + 1 / further_runs)
    return mean - reach, mean + reach


def welch_interval(
    n: int, mean: float, sd: float, *, other_error: float, other_n: int
) -> tuple[float, float]:
    """Where another mean lies that Welch's t test does not tell from ours at 5 %.

    mean ± t(df)·√(sd²/n + e²), with Welch's degrees of freedom of runs whose spread need not be the
    same: df = (sd²/n + e²)² / ((sd²/n)²/(n−1) + e⁴/(m−1)) (Welch 1947,
    https://doi.org/10.1093/biomet/34.1-2.28).

    Args:
        n: how many runs we have, at least 2.
        mean, sd: of these runs.
        other_error: e, the standard error of the other mean: its standard deviation over its runs,
            divided by √m.
        other_n: m, of how many runs it is the mean, at least 2.

    Returns:
        The lower and the upper end; both are the mean where neither varies.
    """
    own, other = sd**2 / n, other_error**2
    variance = own + other
    if variance == 0:
        return mean, mean
    df = variance**2 / (own**2 / (n - 1) + other**2 / (other_n - 1))
    reach = critical_value(df, ALPHA) * math.sqrt(variance)
    return mean - reach, mean + reach
