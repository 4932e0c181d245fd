"""What differs between tasks of labels and of numbers: what baselines are, and shared axes."""

from collections.abc import Collection, Iterable, Sequence

import pandas as pd

from tunegrid.metrics import METRICS, Metric

#: The summary's columns of baselines → what each is of tasks whose targets are labels.
OF_LABELS = {
    "majority_baseline": "majority class",
    "tfidf_baseline": "TF-IDF, logistic regression",
}
#: The same of tasks whose targets are numbers.
OF_NUMBERS = {
    "majority_baseline": "mean of train's numbers",
    "tfidf_baseline": "TF-IDF, ridge regression",
}
#: The same of both together.
OF_BOTH = {
    "majority_baseline": "majority class (of numbers train's mean)",
    "tfidf_baseline": "TF-IDF, logistic (of numbers ridge) regression",
}
#: Every name that a baseline can have.
BASELINE_NAMES = [*OF_LABELS.values(), *OF_NUMBERS.values(), *OF_BOTH.values()]


def name_baselines(metrics: Iterable[Metric]) -> dict[str, str]:
    """The summary's columns of baselines → what each is, where scores are by these metrics."""
    kinds = {is_of_numbers(metric) for metric in metrics}
    if len(kinds) > 1:
        return OF_BOTH
    return OF_NUMBERS if True in kinds else OF_LABELS


def tasks_of_numbers(summary: pd.DataFrame) -> set[str]:
    """The tasks whose targets are numbers: each has a metric, its main one, that no other has.

    Args:
        summary: as summarise returns it.
    """
    mains = summary[summary["main"].astype(bool)].drop_duplicates("task")
    return {row.task for row in mains.itertuples() if is_of_numbers(METRICS[row.metric])}


def is_of_numbers(metric: Metric) -> bool:
    """Whether only numbers can be measured by a metric."""
    return metric.targets == ("regression",)


def group_by_axis(
    metric: Metric, tasks: Sequence[str], numbers: Collection[str]
) -> list[list[str]]:
    """The tasks whose values of a metric share an axis; those of the first of them come first.

    An error of numbers is in the unit of the task's own numbers, so that it has an axis of its own.

    Args:
        metric: which one.
        tasks: that are measured by it.
        numbers: the tasks whose targets are numbers.
    """
    groups: dict[str, list[str]] = {}
    for task in tasks:
        has_own_unit = task in numbers and not metric.bounded
        groups.setdefault(task if has_own_unit else "", []).append(task)
    return list(groups.values())
