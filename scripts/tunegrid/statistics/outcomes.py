"""What runs predicted on test examples that they share, read and scored by the registry's metrics.

`Outcomes` holds the predictions of many runs of one task side by side, and says of every compared
metric (`tunegrid.metrics`) what each test example contributes to it. `load_outcomes` reads them.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from pyarrow.parquet import ParquetFile

from tunegrid.errors import UserError
from tunegrid.metrics import (
    METRICS,
    Floats,
    Integers,
    LabelCounts,
    Metric,
    Predictions,
    compared_metrics,
    count_labels,
)
from tunegrid.results import RUN, RUN_PATH

#: Digits behind the point of the examples' values.
ROUNDED_TO = 12

#: The columns of predictions.parquet that every reader needs: text each.
COLUMNS = ["id", "label", "predicted"]
#: The column that metrics of log-probabilities need: for each example a list of doubles, one for
#: each label of the task, in the order of the label ids.
LOG_PROBABILITIES = "log_probabilities"

#: (model, task, method, seed) → the columns of that run's predictions.parquet.
Load = Callable[[str, str, str, int], pa.Table]


@dataclass(frozen=True)
class Outcomes:
    """What runs predicted on a test split that they share.

    Attributes:
        labels: the true label of each example as a number from 0, (n,).
        predicted: the label that each run predicted of each example, (runs, n).
        kinds: how many labels there are.
        per_example: of each compared metric of log-probabilities, its value for each example of
            each run, (runs, n).
    """

    labels: Integers
    predicted: Integers
    kinds: int
    per_example: Mapping[str, Floats] = field(default_factory=dict)

    def values(self, metric: Metric) -> Floats:
        """A value for each example of each run, whose mean over examples is the run's metric.

        Of a metric of log-probabilities these are its values. A metric of label counts is not a
        mean of examples, so each example gets what the jackknife says of its influence: with m, the
        metric of all n examples, and m(−e), that without example e,

            m + (n − 1) · (mean of m(−e) − m(−e))

        (Tukey's pseudo-values, moved so that their mean is m; Efron & Tibshirani 1993, An
        Introduction to the Bootstrap, chapter 11). Of the accuracy they are 1 where the example is
        right and 0 where it is wrong. Examples with the same true and predicted label have the same
        value.

        The jackknife fails where one example decides the metric, as the only test example of a
        label decides macro-F1.

        Returns:
            The values in double precision, (runs, n).

        Raises:
            KeyError: the metric needs log-probabilities, and `per_example` lacks it.
        """
        if metric.needs == "log_probabilities":
            return self.per_example[metric.name]
        rows = [self._pseudo_values(metric, predicted) for predicted in self.predicted]
        return np.array(rows)

    def _pseudo_values(self, metric: Metric, predicted: Integers) -> Floats:
        """The values of one run, (n,), of a metric of label counts."""
        examples = len(self.labels)
        pairs = self.labels.astype(np.int64) * self.kinds + predicted
        distinct, place, counts = np.unique(pairs, return_inverse=True, return_counts=True)
        true_label, given_label = np.divmod(distinct, self.kinds)
        whole = count_labels(self.labels, predicted, self.kinds)
        score = float(metric.function(whole))
        if examples == 1:
            return np.array([score])
        at = np.arange(len(distinct))
        hits, given, support = (
            np.tile(count, (len(distinct), 1))
            for count in (whole.hits, whole.predicted, whole.support)
        )
        hits[at, true_label] -= true_label == given_label
        given[at, given_label] -= 1
        support[at, true_label] -= 1
        without = metric.function(LabelCounts(hits=hits, predicted=given, support=support))
        mean_without = (counts * without).sum() / examples
        values = score + (examples - 1) * (mean_without - without)
        # Differences of values that should be equal must be 0 and no rounding error.
        return np.round(values, ROUNDED_TO)[place]

    def of_runs(self, runs: Sequence[int]) -> "Outcomes":
        """The outcomes of some of the runs, named by their positions."""
        chosen = list(runs)
        return Outcomes(
            labels=self.labels,
            predicted=self.predicted[chosen],
            kinds=self.kinds,
            per_example={name: values[chosen] for name, values in self.per_example.items()},
        )


def compared_columns() -> list[str]:
    """The columns of predictions.parquet that the compared metrics are computed from."""
    needed = {METRICS[name].needs for name in compared_metrics()}
    return [*COLUMNS, LOG_PROBABILITIES] if "log_probabilities" in needed else COLUMNS


def predictions_below(root: Path, columns: Sequence[str] = COLUMNS) -> Load:
    """The loader of the predictions of runs.

    Args:
        root: the folder `results/runs`.
        columns: of predictions.parquet, those that are read.
    """

    def load(model: str, task: str, method: str, seed: int) -> pa.Table:
        folder = RUN_PATH.format(model=model, task=task, method=method, seed=seed)
        # There is one small file for each run: starting threads and making data frames would take
        # most of the time.
        with ParquetFile(
            root / folder / "predictions.parquet", read_dictionary=["predicted"]
        ) as file:
            return file.read(columns=list(columns), use_threads=False)

    return load


def load_outcomes(
    load: Load, runs: pd.DataFrame, label_names: Sequence[str] = ()
) -> tuple[pd.Series, pd.Index, Outcomes]:
    """What runs of one task predicted, on examples and labels that all share.

    Args:
        load: reads the predictions of a run.
        runs: rows of collect_runs, at least one, all of one task and finished.
        label_names: the names of the task's labels in the order of their ids; needed only where
            `load` reads log-probabilities.

    Returns:
        The ids of the examples, (n,); the names of the labels that are true of an example or
        predicted by a run, in alphabetical order; and the outcomes: a run for each row of `runs`,
        labels as positions among those names.

    Raises:
        ValueError: `load` reads log-probabilities, and `label_names` are missing.
        UserError: two runs were not measured on the same examples.
    """
    codes: dict[str, int] = {}
    predicted: list[Integers] = []
    per_example: dict[str, list[Floats]] = {}
    keys = [(row.model, row.task, row.method, row.seed) for row in runs[RUN].itertuples()]
    first = load(*keys[0])
    examples = first.select(["id", "label"])
    labels = _encode(first["label"], codes)
    for at, key in enumerate(keys):
        table = first if at == 0 else load(*key)
        if not examples.equals(table.select(["id", "label"])):
            raise UserError(
                f"task {key[1]}: {_name(keys[0])} and {_name(key)} were not measured on the same"
                " test examples; run them again with the same data settings"
            )
        predicted.append(_encode(table["predicted"], codes))
        if LOG_PROBABILITIES in table.column_names:
            for name, values in _values_per_example(table, label_names).items():
                per_example.setdefault(name, []).append(values)
    names = pd.Index(codes, dtype=object)
    order = names.argsort()
    place = np.empty_like(order)
    place[order] = np.arange(len(order))
    outcomes = Outcomes(
        labels=place[labels],
        predicted=place[np.array(predicted)],
        kinds=len(names),
        per_example={name: np.array(values) for name, values in per_example.items()},
    )
    return examples["id"].to_pandas(), names[order], outcomes


def _encode(column: pa.ChunkedArray, codes: dict[str, int]) -> Integers:
    """A number for each text, the same in all columns; texts that are new are given new numbers."""
    array = column.combine_chunks().dictionary_encode()
    places = [codes.setdefault(name, len(codes)) for name in array.dictionary.to_pylist()]
    return np.array(places, dtype=np.int16)[array.indices.to_numpy()]


def _values_per_example(table: pa.Table, label_names: Sequence[str]) -> dict[str, Floats]:
    """The compared metrics of log-probabilities of each example of one run, (n,) each."""
    if not label_names:
        raise ValueError("the names of the labels are needed to know whose probabilities these are")
    ids = {name: position for position, name in enumerate(label_names)}
    log_probabilities = table[LOG_PROBABILITIES].combine_chunks()
    predictions = Predictions(
        labels=np.array([ids[name] for name in table["label"].to_pylist()]),
        predicted=np.array([ids[name] for name in table["predicted"].to_pylist()]),
        log_probabilities=log_probabilities.flatten().to_numpy().reshape(-1, len(ids)),
    )
    metrics = [METRICS[name] for name in compared_metrics()]
    return {
        metric.name: metric.per_example(predictions)
        for metric in metrics
        if metric.needs == "log_probabilities"
    }


def _name(key: tuple[Any, ...]) -> str:
    model, _, method, seed = key
    return f"{model} {method} seed {seed}"
