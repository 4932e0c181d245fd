"""What runs predicted on test examples that they share, read and scored by the registry's metrics.

`Outcomes` holds the predictions of many runs of one task side by side, and says of every compared
metric (`tunegrid.metrics`) what each test example contributes to it. `load_outcomes` reads them.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
from pyarrow.parquet import ParquetFile

from tunegrid.errors import UserError
from tunegrid.metrics import (
    METRICS,
    Floats,
    Metric,
    TargetKind,
    TaskMetrics,
    default_metrics,
)
from tunegrid.results import RUN, RUN_PATH
from tunegrid.statistics.prediction_files import CONFIDENCES, label_sets, parse_predictions
from tunegrid.statistics.resampling import (
    values_of_examples,
    values_of_label_sets,
    values_of_labels,
)

#: The columns of predictions.parquet that every reader needs.
COLUMNS = ["id", "label", "predicted"]

#: (model, task, method, seed) → the columns of that run's predictions.parquet.
Load = Callable[[str, str, str, int], pa.Table]


@dataclass(frozen=True)
class Outcomes:
    """What runs predicted on a test split that they share.

    Attributes:
        labels: the true label of each example as a number from 0, (n,); of several labels which
            are true, (n, k); of a regression the true numbers, (n,).
        predicted: the same as each run predicted it, (runs, n) or (runs, n, k).
        kinds: how many labels there are; 0 of a regression.
        per_example: of each compared metric that needs more than the counts of labels, its value
            for each example of each run, (runs, n).
        target: what the task asks for.
        positive: the number of the label that the task calls positive; None: it names none.
    """

    labels: npt.NDArray[Any]
    predicted: npt.NDArray[Any]
    kinds: int
    per_example: Mapping[str, Floats] = field(default_factory=dict)
    target: TargetKind = "single_label"
    positive: int | None = None

    @property
    def rights(self) -> npt.NDArray[np.bool_]:
        """Whether each run predicts exactly what is true of each example, (runs, n)."""
        equal: npt.NDArray[np.bool_] = self.predicted == self.labels
        return np.asarray(equal.all(axis=2)) if self.target == "multi_label" else equal

    def values(self, metric: Metric) -> Floats:
        """A value for each example of each run, whose mean over examples is the run's metric.

        They are those of `tunegrid.statistics.resampling.values_of_examples`.

        Returns:
            The values in double precision, (runs, n).

        Raises:
            KeyError: the metric needs more than label counts, and `per_example` lacks it.
        """
        if metric.needs != "label_counts":
            return self.per_example[metric.name]
        if self.target == "multi_label":
            return np.array(
                [
                    values_of_label_sets(metric, self.labels, predicted, self.positive)
                    for predicted in self.predicted
                ]
            )
        return np.array(
            [
                values_of_labels(metric, self.labels, predicted, self.kinds, self.positive)
                for predicted in self.predicted
            ]
        )

    def of_runs(self, runs: Sequence[int]) -> "Outcomes":
        """The outcomes of some of the runs, named by their positions."""
        chosen = list(runs)
        return Outcomes(
            labels=self.labels,
            predicted=self.predicted[chosen],
            kinds=self.kinds,
            per_example={name: values[chosen] for name, values in self.per_example.items()},
            target=self.target,
            positive=self.positive,
        )


def compared_columns(
    target: TargetKind = "single_label", task_metrics: TaskMetrics | None = None
) -> list[str]:
    """The columns of predictions.parquet that a task's compared metrics are computed from.

    Args:
        target: what the task asks for.
        task_metrics: by what it is measured; None: the defaults of its target.
    """
    needed = [entry for entry in compared_of(target, task_metrics) if not entry.of_decisions]
    confidences = CONFIDENCES[target]
    return [*COLUMNS, confidences] if needed and confidences else COLUMNS


def compared_of(target: TargetKind, task_metrics: TaskMetrics | None) -> list[Metric]:
    """The metrics by which methods are compared on a task."""
    names = (task_metrics or default_metrics(target)).names
    return [METRICS[name] for name in names if METRICS[name].compared_for(target)]


def targets_of_tasks(runs: pd.DataFrame) -> dict[str, TargetKind]:
    """What each task asks for, as its finished runs say; one label where none is finished."""
    targets: dict[str, TargetKind] = dict.fromkeys(runs["task"], "single_label")
    if "target" in runs:
        told = runs.dropna(subset="target")
        targets |= dict(zip(told["task"], told["target"], strict=True))
    return targets


def predictions_below(root: Path, columns: Sequence[str] = COLUMNS) -> Load:
    """The loader of the predictions of runs.

    Args:
        root: the folder `results/runs`.
        columns: of predictions.parquet, those that are read, where the file has them.
    """

    def load(model: str, task: str, method: str, seed: int) -> pa.Table:
        folder = RUN_PATH.format(model=model, task=task, method=method, seed=seed)
        # There is one small file for each run: starting threads and making data frames would take
        # most of the time.
        with ParquetFile(root / folder / "predictions.parquet") as file:
            there = [name for name in columns if name in file.schema_arrow.names]
            return file.read(columns=there, use_threads=False)

    return load


def load_outcomes(
    load: Load,
    runs: pd.DataFrame,
    label_names: Sequence[str] = (),
    target: TargetKind = "single_label",
    task_metrics: TaskMetrics | None = None,
) -> tuple[pd.Series, pd.Index, Outcomes]:
    """What runs of one task predicted, on examples and labels that all share.

    Args:
        load: reads the predictions of a run.
        runs: rows of collect_runs, at least one, all of one task and finished.
        label_names: the names of the task's labels in the order of their ids; needed only where
            a compared metric needs more than the counts of labels, and of several labels.
        target: what the task asks for.
        task_metrics: by what it is measured; None: the defaults of its target.

    Returns:
        The ids of the examples, (n,); the names of the labels that the outcomes' numbers stand for:
        of single labels those that are true of an example or predicted by a run, in alphabetical
        order, of several labels `label_names`, of a regression none; and the outcomes: a run for
        each row of `runs`.

    Raises:
        ValueError: `label_names` are missing where they are needed.
        UserError: two runs were not measured on the same examples.
    """
    further = [
        entry for entry in compared_of(target, task_metrics) if entry.needs != "label_counts"
    ]
    if not label_names and (target == "multi_label" or (target == "single_label" and further)):
        raise ValueError("the names of the labels are needed to know whose probabilities these are")
    positive = task_metrics.positive if task_metrics else None
    # The positive label has a number also where no example has it.
    codes = {} if positive is None else {positive: 0}
    predicted = []
    per_example: dict[str, list[Floats]] = {}
    keys = [(row.model, row.task, row.method, row.seed) for row in runs[RUN].itertuples()]
    first = load(*keys[0])
    examples = first.select(["id", "label"])
    labels = _read(first["label"], target, label_names, codes)
    for at, key in enumerate(keys):
        table = first if at == 0 else load(*key)
        if not examples.equals(table.select(["id", "label"])):
            raise UserError(
                f"task {key[1]}: {_name(keys[0])} and {_name(key)} were not measured on the same"
                " test examples; run them again with the same data settings"
            )
        predicted.append(_read(table["predicted"], target, label_names, codes))
        if further:
            predictions = parse_predictions(table, label_names, target, positive)
            for entry in further:
                values = values_of_examples(entry, predictions)
                per_example.setdefault(entry.name, []).append(values)
    names = pd.Index(codes if target == "single_label" else label_names, dtype=object)
    together = np.array(predicted)
    if target == "single_label":
        order = names.argsort()
        place = np.empty_like(order)
        place[order] = np.arange(len(order))
        names, labels, together = names[order], place[labels], place[together]
    outcomes = Outcomes(
        labels=labels,
        predicted=together,
        kinds=len(names),
        per_example={name: np.array(values) for name, values in per_example.items()},
        target=target,
        positive=names.get_loc(positive) if positive in names else None,
    )
    return examples["id"].to_pandas(), names, outcomes


def _read(
    column: pa.ChunkedArray,
    target: TargetKind,
    label_names: Sequence[str],
    codes: dict[str, int],
) -> npt.NDArray[Any]:
    """What `Outcomes` holds of the column of labels or of predictions.

    Args:
        column: texts, lists of texts, or numbers.
        target: what the task asks for.
        label_names: of several labels, their names in the order of their ids.
        codes: of single labels, the number of each text that was met; new ones are added.
    """
    if target == "regression":
        return np.asarray(column.to_numpy())
    if target == "multi_label":
        return label_sets(column, pa.array(list(label_names)))
    array = column.combine_chunks().dictionary_encode()
    places = [codes.setdefault(name, len(codes)) for name in array.dictionary.to_pylist()]
    return np.array(places, dtype=np.int16)[array.indices.to_numpy()]


def _name(key: tuple[Any, ...]) -> str:
    model, _, method, seed = key
    return f"{model} {method} seed {seed}"
