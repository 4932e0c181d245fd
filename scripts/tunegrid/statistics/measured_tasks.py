"""By what each task of a grid is measured, as the tables of its cells and of its runs say it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from tunegrid.metrics import METRICS, Metric, TargetKind, TaskMetrics

#: The columns of these tables that say it: metrics are names with spaces between them, and positive
#: is empty where the task names no label.
COLUMNS = ["target", "metrics", "main_metric", "positive"]


@dataclass(frozen=True)
class MeasuredTask:
    """A task of the grid, and by what it is measured.

    Attributes:
        target: what it asks for.
        metrics: by what it is measured.
    """

    target: TargetKind
    metrics: TaskMetrics

    @property
    def main(self) -> Metric:
        """The metric that stands for quality where one number must."""
        return METRICS[self.metrics.main]

    @property
    def compared(self) -> list[Metric]:
        """The metrics by which methods are compared."""
        return self.metrics.compared(self.target)

    @classmethod
    def of_row(cls, row: Mapping[Any, Any]) -> MeasuredTask:
        """What a row of such a table says of its task: the keys `COLUMNS`."""
        return cls(
            target=row["target"],
            metrics=TaskMetrics(
                names=tuple(row["metrics"].split()),
                main=row["main_metric"],
                positive=row["positive"] or None,
            ),
        )


def measured_tasks(table: pd.DataFrame) -> dict[str, MeasuredTask]:
    """By the name of each task, in the table's order, what it is measured by.

    Args:
        table: cells or runs: columns task and `COLUMNS`.
    """
    first = table.drop_duplicates("task")[["task", *COLUMNS]]
    return {row["task"]: MeasuredTask.of_row(row) for row in first.to_dict("records")}


def metrics_of_tasks(table: pd.DataFrame) -> pd.DataFrame:
    """The metrics of each task, a row each: task, metric, and whether it is the main one (main).

    Args:
        table: as of `measured_tasks`.
    """
    rows = [
        {"task": task, "metric": name, "main": name == measured.metrics.main}
        for task, measured in measured_tasks(table).items()
        for name in measured.metrics.names
    ]
    return pd.DataFrame(rows, columns=["task", "metric", "main"])


def metrics_of_grid(table: pd.DataFrame) -> list[str]:
    """The metrics that some task of the grid has, in the registry's order."""
    used = {name for measured in measured_tasks(table).values() for name in measured.metrics.names}
    return [name for name in METRICS if name in used]
