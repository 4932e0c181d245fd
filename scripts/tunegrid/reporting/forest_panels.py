"""What the picture of differences shows: its rows, by what is asked of together and their axis."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from tunegrid.metrics import MAIN_METRICS, Metric, find_metric
from tunegrid.reporting.answer_table import Answer
from tunegrid.reporting.baseline_names import is_of_numbers


@dataclass(frozen=True)
class ForestRow:
    """A line of the picture.

    Attributes:
        label: stands at its left.
        values: the row of the comparisons, or of those over all tasks; None: a heading alone.
        is_overall: whether it is a mean over tasks.
    """

    label: str
    values: Any | None
    is_overall: bool = False


@dataclass(frozen=True)
class ForestPanel:
    """The rows that are asked of together and share an axis.

    Attributes:
        axis: which axis it has, as the panels that share it name it.
        metric: what the axis shows differences of; `MAIN_METRICS` where it is that of several
            metrics, in points.
        title: the model where methods are compared, or the method where models are.
        others: what the rows are compared with, each once.
        rows: from the top.
    """

    axis: str
    metric: Metric
    title: str
    others: list[str]
    rows: list[ForestRow]


def forest_panels(answers: Sequence[Answer]) -> list[ForestPanel]:
    """What is drawn, a panel for what is asked of together, by metrics that share an axis.

    Metrics in points of which more is better share one, any other has its own, and an error of
    numbers one for each task; the panels of an axis stand together. Where tasks have different main
    metrics, each row names its own.

    Args:
        answers: as `tunegrid.reporting.answer_table.choose_answers` returns them.
    """
    names = dict.fromkeys(row.metric for answer in answers for row in answer.tasks)
    names_of_axis: dict[str, set[str]] = {}
    for row in (row for answer in answers for row in answer.tasks):
        names_of_axis.setdefault(_name_axis(row), set()).add(row.metric)
    panels = []
    for axis, of_axis in names_of_axis.items():
        on_axis = [part for answer in answers if (part := _part_on_axis(answer, axis)).tasks]
        for asked in dict.fromkeys(answer.asked for answer in on_axis):
            own = [answer for answer in on_axis if answer.asked == asked]
            rows = [row for answer in own for row in _list_rows(answer, named=len(names) > 1)]
            panels.append(
                ForestPanel(
                    axis=axis,
                    metric=MAIN_METRICS if len(of_axis) > 1 else find_metric(min(of_axis)),
                    title=asked,
                    others=list(dict.fromkeys(answer.other for answer in own if answer.other)),
                    rows=rows,
                )
            )
    return panels


def _name_axis(row: Any) -> str:
    """Which axis a difference of a task is drawn on."""
    return _name_shared_axis(find_metric(row.metric)) or f"{row.metric}, {row.task}"


def _name_shared_axis(metric: Metric) -> str | None:
    """Which axis the differences of several tasks by a metric are drawn on.

    None if each task has its own: errors of numbers are in the unit of the task's own numbers, so
    that their mean over tasks would say nothing, either.
    """
    if is_of_numbers(metric) and not metric.bounded:
        return None
    in_points = metric.bounded and metric.higher_is_better
    return MAIN_METRICS.name if in_points else metric.name


def _part_on_axis(answer: Answer, axis: str) -> Answer:
    """What of an answer is drawn on an axis."""
    tasks = [row for row in answer.tasks if _name_axis(row) == axis]
    overall = answer.overall
    if overall is not None and _name_shared_axis(find_metric(overall.metric)) != axis:
        overall = None
    return replace(answer, tasks=tasks, overall=overall)


def _list_rows(answer: Answer, *, named: bool) -> list[ForestRow]:
    """The rows of one subject: the mean over its tasks, then the tasks; one task is one row.

    Args:
        answer: of the subject.
        named: whether each task's row names its metric.
    """
    labels = [
        f"{row.task} ({find_metric(row.metric).noun})" if named else row.task
        for row in answer.tasks
    ]
    if len(answer.tasks) == 1:
        return [ForestRow(f"{answer.subject}, {labels[0]}", answer.tasks[0])]
    rows = [ForestRow(label, row) for label, row in zip(labels, answer.tasks, strict=True)]
    if answer.overall is None:
        return [ForestRow(answer.subject, values=None), *rows]
    head = f"{answer.subject}, mean of {answer.overall.tasks} tasks"
    return [ForestRow(head, answer.overall, is_overall=True), *rows]


def shorten_panels(panels: Sequence[ForestPanel], most_rows: int) -> list[ForestPanel]:
    """The panels with at most so many rows in all.

    Too many tasks are left out in favour of the means over them; of too many means, the first of
    each panel are kept.

    Args:
        panels: as `forest_panels` returns them.
        most_rows: at least one for each panel.
    """
    if sum(len(panel.rows) for panel in panels) <= most_rows:
        return list(panels)
    share = max(1, most_rows // len(panels))
    shorter = []
    for panel in panels:
        means = [row for row in panel.rows if row.is_overall] or panel.rows
        shorter.append(replace(panel, rows=means[:share]))
    return shorter
