"""Each method over all tasks: the mean of its differences, and how often it wins or loses."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from tunegrid.config.schema import CompareSettings
from tunegrid.metrics import METRICS
from tunegrid.statistics.verdicts import ALPHA, Estimate, Verdict, judge_family

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
    "verdict",
    "tasks",
    "speaks_of",
    "difference",
    "standard_error",
    "df",
    "low",
    "high",
    "p",
    "family",
    "p_holm",
    "level",
    "verdict_low",
    "verdict_high",
    "wins",
    "ties",
    "untold",
    "losses",
]


def compare_over_tasks(comparisons: pd.DataFrame, settings: CompareSettings) -> pd.DataFrame:
    """One line for each pair and metric over the tasks on which several seeds compare it.

    Args:
        comparisons: as compare_methods returns it.
        settings: the margin of verdicts.

    Returns:
        The columns `OVERALL`: `KEY`; the verdict on the mean difference; how many tasks it is a
        mean of and what its interval speaks of (`mean_over_tasks`); the difference, its standard
        error and degrees of freedom; its 95 % interval; p, the size of the family of methods that
        are judged together, and as in the comparisons p_holm, level and the verdict's interval;
        wins, ties, untold and losses: the tasks by their own verdicts (a tie is the same or
        identical). A pair that is compared on one task alone, or on none, has no row.
    """
    usable = comparisons[comparisons["verdict"].isin([str(verdict) for verdict in COUNTED])]
    rows = []
    for key, tasks in usable.groupby(KEY, sort=False):
        if len(tasks) < 2:
            continue
        estimate, speaks_of = mean_over_tasks(
            [
                Estimate(row.difference, standard_error=row.standard_error, df=row.df)
                for row in tasks.itertuples()
            ]
        )
        row = dict(zip(KEY, key, strict=True))
        low, high = estimate.interval(ALPHA, METRICS[row["metric"]])
        row |= {
            "tasks": len(tasks),
            "speaks_of": speaks_of,
            "difference": estimate.difference,
            "standard_error": estimate.standard_error,
            "df": estimate.df,
            "low": low,
            "high": high,
            "p": estimate.p_value(),
        }
        row |= dict.fromkeys(COUNTED.values(), 0)
        for verdict in tasks["verdict"]:
            row[COUNTED[Verdict(verdict)]] += 1
        rows.append(row)
    table = pd.DataFrame(rows, columns=OVERALL)
    return _with_verdicts(table, settings)


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


def _with_verdicts(table: pd.DataFrame, settings: CompareSettings) -> pd.DataFrame:
    """The rows with their verdicts; those of one question, model (or method) and metric together."""
    texts = {*KEY, "verdict", "speaks_of"}
    numbers = [name for name in OVERALL if name not in texts]
    table = table.astype(dict.fromkeys(numbers, float))
    among_models = table["model"] != table["reference_model"]
    asked = table["model"].where(~among_models, table["method"])
    for _, rows in table.groupby([table["question"], asked, table["metric"]], sort=False):
        metric = METRICS[rows["metric"].iloc[0]]
        estimates = [
            Estimate(row.difference, standard_error=row.standard_error, df=row.df)
            for row in rows.itertuples()
        ]
        judgements = judge_family(estimates, metric, settings.margin_of(metric))
        for at, judgement in zip(rows.index, judgements, strict=True):
            table.loc[at, "verdict"] = str(judgement.verdict)
            table.loc[at, "family"] = judgement.family
            table.loc[at, "p_holm"] = judgement.p_holm
            table.loc[at, "level"] = judgement.level
            table.loc[at, "verdict_low"] = judgement.low
            table.loc[at, "verdict_high"] = judgement.high
    whole = ["tasks", "family", "wins", "ties", "untold", "losses"]
    return table.astype(dict.fromkeys(whole, "Int64"))
