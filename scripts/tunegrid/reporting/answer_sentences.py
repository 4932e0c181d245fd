"""One comparison in one sentence, by its verdict, for people who have not read how it is computed.

The verb says the direction, and so does the sign of the number behind it: a difference is the
method − what it is compared with, and so are both ends of the interval in brackets, which is the
one that the verdict is read from.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from tunegrid.metrics import MAIN_METRICS, METRICS, Metric, find_metric
from tunegrid.reporting.difference_format import DifferenceFormat
from tunegrid.statistics.overall import TASKS_LIKE_THESE, have_a_mean
from tunegrid.statistics.pairs import Question
from tunegrid.statistics.verdicts import Verdict

#: So many are named of what a caveat finds; of more, the number.
MOST_NAMED = 4

#: The verdicts that are told by an interval.
BY_INTERVAL = (Verdict.BETTER, Verdict.WORSE, Verdict.SAME, Verdict.UNTOLD)


@dataclass(frozen=True)
class Sides:
    """Who is compared with whom, as a sentence calls them.

    Attributes:
        asked: what both have in common: the model where methods are compared, or the method.
        subject: the method or model that the sentence is about.
        other: the one that it is compared with; empty if there is none.
    """

    asked: str
    subject: str
    other: str


def name_sides(row: Any) -> Sides:
    """The sides of a row of the comparisons, or of those over all tasks."""
    if row.question == Question.AMONG_MODELS:
        return Sides(asked=row.method, subject=row.model, other=row.reference_model)
    other = "" if pd.isna(row.reference) else row.reference
    return Sides(asked=row.model, subject=row.method, other=other)


def describe_comparison(row: Any) -> str:
    """The sentence of one task.

    Args:
        row: of the comparisons, as compare_methods returns them.
    """
    if row.verdict == Verdict.NOT_COMPARED:
        return _describe_absence(row)
    if row.verdict == Verdict.IDENTICAL:
        return _describe_identity(row)
    if row.verdict == Verdict.ONE_SEED:
        return describe_single_runs([row])
    sentence = describe_difference(row, margin=row.margin)
    if row.verdict == Verdict.UNTOLD and row.difference != 0:
        sentence += f"; {_describe_needs(row)}"
    return sentence


def describe_overall(row: Any, margin: float) -> str:
    """The sentence of the mean over all tasks.

    Args:
        row: of the comparisons over all tasks, as `compare_over_tasks` returns them.
        margin: below which a difference counts as none, in the metric's unit.
    """
    where = f"on average over these {row.tasks} tasks"
    if row.speaks_of == TASKS_LIKE_THESE:
        where += " and others like them"
    return f"{describe_difference(row, margin=margin)} {where}; {_count_verdicts(row)}"


def describe_difference(row: Any, margin: float) -> str:
    """Better, worse, the same or not to be told, with the difference and its interval.

    Args:
        row: has a metric, a verdict of `BY_INTERVAL`, a difference and the interval of the verdict.
        margin: below which a difference counts as none, in the metric's unit.
    """
    metric = find_metric(row.metric)
    style = DifferenceFormat.of(metric)
    sides = name_sides(row)
    subject, other = sides.subject, sides.other
    numbers = f"{style.size(row.difference)} ({style.interval(row.verdict_low, row.verdict_high)})"
    if row.verdict == Verdict.SAME:
        return (
            f"{subject} is the same as {other} within {style.margin(margin)} of {metric.noun}:"
            f" {numbers}"
        )
    if row.verdict == Verdict.UNTOLD:
        return f"{subject} cannot be told from {other} in {metric.noun}: {numbers}"
    return f"{subject} {_choose_verb(metric, row.verdict)} {metric.noun} against {other}: {numbers}"


def _choose_verb(metric: Metric, verdict: str) -> str:
    """What a method does with the metric: of a loss, more is worse."""
    if metric.higher_is_better:
        return "gains" if verdict == Verdict.BETTER else "loses"
    return "lowers" if verdict == Verdict.BETTER else "raises"


def _describe_needs(row: Any) -> str:
    """What would tell a difference that cannot be told: more seeds, more test examples."""
    seeds = None if pd.isna(row.seeds_needed) else f"{row.seeds_needed:,.0f} seeds"
    examples = None if pd.isna(row.examples_needed) else f"{row.examples_needed:,.0f} test examples"
    if seeds and examples:
        return f"to tell such a difference, {seeds} or {examples} are needed"
    if seeds:
        return f"{seeds} would tell such a difference, more test examples alone would not"
    if examples:
        return f"{examples} would tell such a difference, more seeds alone would not"
    return "neither more seeds nor more test examples alone would tell such a difference"


def _describe_identity(row: Any) -> str:
    sides = name_sides(row)
    return (
        f"{sides.subject} predicts exactly what {sides.other} does, on all {row.examples:,.0f} test"
        " examples"
    )


def describe_single_runs(rows: Sequence[Any]) -> str:
    """The sentence of comparisons of one seed, which says nothing of the methods.

    Args:
        rows: of the comparisons, of one subject with one other, a row for each task, by metrics
            of one unit.
    """
    sides = name_sides(rows[0])
    names = {row.metric for row in rows}
    style = DifferenceFormat.of(find_metric(names.pop()) if len(names) == 1 else MAIN_METRICS)
    differences = [row.difference for row in rows]
    size = style.size(max(differences))
    where = ""
    if len(rows) > 1:
        size = f"{style.number(min(differences))} to {size}"
        where = f" on each of {len(rows)} tasks"
    return (
        f"one run of {sides.subject} and one of {sides.other}{where} differ by {size} of"
        f" {style.noun}; one seed says nothing about others"
    )


def _describe_absence(row: Any) -> str:
    sides = name_sides(row)
    if not sides.other:
        return f"{sides.subject} is not compared: no run of {sides.asked} on {row.task} is finished"
    return (
        f"{sides.subject} is not compared with {sides.other} on {row.task}: one of them has no"
        " finished run"
    )


def _count_verdicts(row: Any) -> str:
    """How the single tasks go: `better on 1 of them, worse on 2`."""
    counts = {
        "better": row.wins,
        "worse": row.losses,
        "the same": row.ties,
        "cannot be told": row.untold,
    }
    parts = [f"{verdict} on {count}" for verdict, count in counts.items() if count]
    return ", ".join([f"{parts[0]} of them", *parts[1:]])


def describe_unlike_metrics(comparisons: pd.DataFrame) -> str:
    """That the tasks' main metrics are not averaged, and why; empty where they are.

    Args:
        comparisons: as compare_methods returns them.
    """
    of_tasks = comparisons[comparisons["main"].astype(bool)].drop_duplicates("task")
    metrics = [METRICS[name] for name in of_tasks["metric"]]
    if len(metrics) < 2 or have_a_mean(metrics):
        return ""
    nouns = ", ".join(dict.fromkeys(metric.noun for metric in metrics))
    return (
        f"The tasks' main metrics ({nouns}) are not averaged, since not all are shares or"
        " coefficients of which more is better: each task stands by itself."
    )


def name_first(names: list[str]) -> str:
    """The first of the names, and how many more there are."""
    if len(names) <= MOST_NAMED:
        return "; ".join(names)
    return f"{'; '.join(names[:MOST_NAMED])}; and {len(names) - MOST_NAMED} more"
