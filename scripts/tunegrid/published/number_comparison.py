"""Numbers of papers beside those of the grid, and whether they agree."""

import math
from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

import pandas as pd

from tunegrid.published.number_file import (
    COLUMNS,
    MEAN_OF,
    TRAINABLE_PERCENT,
    PublishedNumber,
    half_digit,
)
from tunegrid.statistics.run_counts import COUNTS
from tunegrid.statistics.verdicts import t_quantile

EXPECTED = ["expected_low", "expected_high"]


def number_table(numbers: Iterable[PublishedNumber]) -> pd.DataFrame:
    """The numbers of papers as a table: `COLUMNS`, all text, and `MEAN_OF`, a number or missing."""
    table = pd.DataFrame([asdict(number) for number in numbers], columns=[*COLUMNS, MEAN_OF])
    return table.astype({MEAN_OF: "Int64"})


def compare_published(published: pd.DataFrame, summary: pd.DataFrame) -> pd.DataFrame:
    """Every published number beside the grid's.

    Args:
        published: as `number_table` returns it.
        summary: as summarise returns it.

    Returns:
        Its rows with printed (text) and published (a number), ours (the mean), n and `COUNTS`, low
        and high (95 % t interval over seeds), expected_low and expected_high (`expected_interval`),
        difference (ours − published) and verdict: where there are several runs, "within" our
        interval, "within chance": within what is expected, or "outside"; "equal" or "differs" for
        what does not vary, as printed; "one run", "no finished run" or "not in the grid" where it
        cannot be told.
    """
    rows = [row._asdict() | _beside(row, summary) for row in published.itertuples(index=False)]
    columns = [*published, "published", "ours", "n", *COUNTS, "low", "high", *EXPECTED]
    columns += ["difference", "verdict"]
    table = pd.DataFrame(rows, columns=columns).rename(columns={"value": "printed"})
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
        return {"published": value, "verdict": "not in the grid"}
    shares = group[TRAINABLE_PERCENT].dropna().drop_duplicates()
    if shares.empty:
        return {"published": value, "verdict": "no finished run"}
    distances = shares.sub(value).abs()
    nearest = shares.loc[distances.idxmin()]
    return {
        "published": value,
        "ours": nearest,
        "difference": nearest - value,
        "verdict": "equal" if (distances <= half_digit(row.value)).any() else "differs",
    }


def _mean_beside(row: Any, group: pd.DataFrame) -> dict[str, Any]:
    """What stands beside a published mean of a metric: the grid's, of the same cell group."""
    value = float(row.value)
    if group.empty:
        return {"published": value, "verdict": "not in the grid"}
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
        return found | {"verdict": "one run" if ours["n"] else "no finished run"}
    if pd.notna(row.mean_of):
        ends = expected_interval(
            n=ours["n"], mean=ours["mean"], sd=ours["sd"], further_runs=row.mean_of
        )
        found |= dict(zip(EXPECTED, ends, strict=True))
    return found | {"verdict": _verdict(value, half_digit(row.value), found)}


def _verdict(value: float, rounding: float, found: dict[str, Any]) -> str:
    """Whether a published mean lies in our interval, or at least in what is expected of it.

    Args:
        value: the published mean.
        rounding: how far it may be from the number that was rounded to it.
        found: the ends of both intervals; those of the expected one may be absent.
    """
    if found["low"] - rounding <= value <= found["high"] + rounding:
        return "within"
    low, high = (found.get(end, math.nan) for end in EXPECTED)
    if low - rounding <= value <= high + rounding:
        return "within chance"
    return "outside"


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
