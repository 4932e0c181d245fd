"""Each method over all tasks: the mean of its differences, and how often it wins or loses."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from tunegrid.config.compare_settings import CompareSettings
from tunegrid.metrics import MAIN_METRICS, METRICS, Metric, find_metric
from tunegrid.statistics.pairs import name_family
from tunegrid.statistics.verdicts import (
    DIFFERENCE_COLUMNS,
    Estimate,
    Verdict,
    judge_family,
)

#: What names a row.
KEY = ["question", "model", "method", "reference_model", "reference", "metric"]
#: With so many tasks, they are taken for a sample of tasks like them.
ENOUGH_TASKS = 5
#: What the interval speaks of: of these tasks alone, or of tasks like these.
THESE_TASKS, TASKS_LIKE_THESE = "these tasks", "tasks like these"
#: The verdicts of single tasks, counted in columns of these names.
COUNTED = {
    Verdict.BETTER: "wins",
    Verdict.SAME: "ties",
    Verdict.IDENTICAL: "ties",
    Verdict.UNTOLD: "untold",
    Verdict.WORSE: "losses",
}
OVERALL = [
    *KEY,
    "main",
    "verdict",
    "tasks",
    "speaks_of",
    *DIFFERENCE_COLUMNS,
    "wins",
    "ties",
    "untold",
    "losses",
]
#: The columns that are counts.
WHOLE_NUMBERS = ["tasks", "family", "wins", "ties", "untold", "losses"]

Row = dict[str, Any]


def compare_over_tasks(comparisons: pd.DataFrame, settings: CompareSettings) -> pd.DataFrame:
    """One line for each pair and metric over the tasks on which several seeds compare it.

    Args:
        comparisons: as compare_methods returns it.
        settings: the margin of verdicts.

    Returns:
        The columns `OVERALL`: `KEY`; main, whether the metric is the main one of all these tasks.
        Where their main metrics differ, further rows have the mean of these, each task's own, under
        the name of `MAIN_METRICS`, if all are shares or coefficients of which more is better, as
        the GLUE score averages them (Wang et al. 2018, https://aclanthology.org/W18-5446): of
        others no mean would say anything. The verdict on the mean difference; how many tasks it is
        a mean of and what its interval speaks of (`mean_over_tasks`); the difference, its standard
        error and degrees of freedom; its 95 % interval; p, the size of the family of methods that
        are judged together, and as in the comparisons p_holm, level and the verdict's interval;
        wins, ties, untold and losses: the tasks by their own verdicts (a tie is the same or
        identical). A pair that is compared on one task alone, or on none, has no row, nor has an
        error in the unit of each task's own numbers.
    """
    usable = comparisons[comparisons["verdict"].isin([str(verdict) for verdict in COUNTED])]
    usable = pd.concat([usable, _rows_of_main_metrics(usable)])
    names = set(comparisons.loc[comparisons["main"].astype(bool), "metric"])
    main = names.pop() if len(names) == 1 else MAIN_METRICS.name
    rows: list[Row] = []
    families: dict[tuple[str, ...], list[Row]] = defaultdict(list)
    for key, tasks in usable.groupby(KEY, sort=False):
        if len(tasks) < 2 or find_metric(tasks["metric"].iloc[0]).in_own_unit:
            continue
        row = dict(zip(KEY, key, strict=True)) | _describe_mean(tasks)
        row["main"] = row["metric"] == main
        rows.append(row)
        family = name_family(row["question"], model=row["model"], method=row["method"])
        families[*family, row["metric"]].append(row)
    for members in families.values():
        metric = find_metric(members[0]["metric"])
        estimates = [_estimate(row) for row in members]
        judgements = judge_family(estimates, metric, settings.margin_of(metric))
        for row, estimate, judgement in zip(members, estimates, judgements, strict=True):
            row.update(estimate.describe(metric) | judgement.describe())
    return pd.DataFrame(rows, columns=OVERALL).astype(dict.fromkeys(WHOLE_NUMBERS, "Int64"))


def _rows_of_main_metrics(comparisons: pd.DataFrame) -> pd.DataFrame:
    """The comparisons by each task's main metric, under one name for all.

    None where all tasks have the same one, or where they cannot be averaged.
    """
    of_main = comparisons[comparisons["main"].astype(bool)]
    metrics = [METRICS[name] for name in of_main["metric"].unique()]
    if len(metrics) < 2 or not have_a_mean(metrics):
        return of_main.iloc[:0]
    return of_main.assign(metric=MAIN_METRICS.name)


def have_a_mean(metrics: Sequence[Metric]) -> bool:
    """Whether the metrics of several tasks can be averaged.

    Different ones can if all are shares or coefficients of which more is better; the same one can
    unless it is an error in the unit of each task's own numbers.

    Args:
        metrics: one of each task.
    """
    if len({metric.name for metric in metrics}) == 1:
        return not metrics[0].in_own_unit
    return all(metric.bounded and metric.higher_is_better for metric in metrics)


def mean_over_tasks(estimates: Sequence[Estimate]) -> tuple[Estimate, str]:
    """The mean of the differences of tasks, each task counting the same.

    Of fewer than `ENOUGH_TASKS` tasks it is the mean of *these tasks*: its variance is the sum of
    theirs over the square of their number, with Satterthwaite's degrees of freedom. Of more, the
    tasks are taken for a sample, and the mean speaks of *tasks like these*: the variance is that of
    the tasks' differences over their number, with one degree of freedom less than there are tasks,
    unless what is known of the single tasks is less still (as in a random-effects meta-analysis
    with Hartung & Knapp's variance, https://doi.org/10.1002/sim.1482, and equal weights).

    Args:
        estimates: of each task, at least two.

    Returns:
        The mean, and what it speaks of.
    """
    differences = np.array([estimate.difference for estimate in estimates])
    variances = np.array([estimate.standard_error**2 for estimate in estimates])
    dfs = np.array([estimate.df for estimate in estimates])
    count = len(estimates)
    mean = float(differences.mean())
    within = float(variances.sum()) / count**2
    varying = variances > 0
    spread = float((variances[varying] ** 2 / dfs[varying]).sum())
    within_df = float(variances.sum()) ** 2 / spread if spread > 0 else float("nan")
    between = float(differences.var(ddof=1)) / count
    if count >= ENOUGH_TASKS and between >= within:
        return Estimate(mean, standard_error=between**0.5, df=count - 1), TASKS_LIKE_THESE
    speaks_of = TASKS_LIKE_THESE if count >= ENOUGH_TASKS else THESE_TASKS
    return Estimate(mean, standard_error=within**0.5, df=within_df), speaks_of


def _describe_mean(tasks: pd.DataFrame) -> Row:
    """The mean of one pair's differences over tasks, and the tasks by their verdicts."""
    estimate, speaks_of = mean_over_tasks([_estimate(row) for row in tasks.to_dict("records")])
    counts = dict.fromkeys(COUNTED.values(), 0)
    for verdict in tasks["verdict"]:
        counts[COUNTED[Verdict(verdict)]] += 1
    return {
        "tasks": len(tasks),
        "speaks_of": speaks_of,
        "difference": estimate.difference,
        "standard_error": estimate.standard_error,
        "df": estimate.df,
        **counts,
    }


def _estimate(row: Mapping[Any, Any]) -> Estimate:
    """The difference of a row of either table."""
    return Estimate(row["difference"], standard_error=row["standard_error"], df=row["df"])
