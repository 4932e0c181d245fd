"""What runs predicted on test examples that they share, read and scored by the registry's metrics.

`Outcomes` holds the predictions of many runs of one task side by side, so that every compared
metric (`tunegrid.metrics`) of every run is computed under thousands of weightings of the test
examples by a few matrix products. `load_outcomes` reads them.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
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
)
from tunegrid.results import RUN, RUN_PATH

#: The most counts of a kind that are held at once: weightings × runs × labels, or examples × runs.
COUNTS_AT_ONCE = 2_000_000
#: So many stay in a processor's caches while metrics are computed from them.
CACHED_COUNTS = 262_144

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

    def scores(self, weights: Floats | Integers) -> dict[str, Floats]:
        """Every compared metric of every run under every weighting of the examples.

        A metric of label counts is computed from the counts that the weighted examples have; all
        such metrics share them. A metric of log-probabilities is the weighted mean of its values
        for the examples.

        Args:
            weights: how often each example counts, whole numbers, (b, n).

        Returns:
            The scores by the metric's name, in double precision, (b, runs) each.

        Raises:
            KeyError: a metric of log-probabilities is compared, and `per_example` lacks it.
        """
        if (np.diff(self.labels) < 0).any():
            order = np.argsort(self.labels, kind="stable")
            return self.by_label().scores(weights[:, order])
        metrics = [METRICS[name] for name in compared_metrics()]
        of_counts = [metric for metric in metrics if metric.needs == "label_counts"]
        found = self._scores_of_counts(weights, of_counts) if of_counts else {}
        for metric in metrics:
            if metric.needs == "log_probabilities":
                total = weights.sum(axis=1, keepdims=True, dtype=np.float64)
                values = self.per_example[metric.name]
                found[metric.name] = weights.astype(np.float64) @ values.T / total
        return found

    def _scores_of_counts(
        self, weights: Floats | Integers, metrics: Sequence[Metric]
    ) -> dict[str, Floats]:
        """The metrics of label counts, computed block by block: (b, runs) each."""
        examples, runs = len(self.labels), len(self.predicted)
        bounds = np.searchsorted(self.labels, np.arange(self.kinds + 1))
        # Counts are whole numbers, which single precision holds exactly up to 2**24.
        single = weights.astype(np.float32)
        found: dict[str, Floats] = {
            metric.name: np.empty((len(weights), runs)) for metric in metrics
        }
        # A block compares all examples with each label anew, so it has a quarter as many weightings
        # as examples at least.
        least = max(1, examples // 4)
        at_once = max(1, COUNTS_AT_ONCE // max(examples, least * self.kinds))
        for first in range(0, runs, at_once):
            chosen = slice(first, first + at_once)
            predicted = self.predicted[chosen]
            size = max(least, CACHED_COUNTS // (len(predicted) * self.kinds))
            for start in range(0, len(weights), size):
                block = slice(start, start + size)
                counts = _count_labels(single[block], predicted, bounds)
                for metric in metrics:
                    found[metric.name][block, chosen] = metric.function(counts)
        return found

    def by_label(self) -> "Outcomes":
        """The same outcomes, the examples in the order of their labels."""
        order = np.argsort(self.labels, kind="stable")
        return Outcomes(
            labels=self.labels[order],
            predicted=self.predicted[:, order],
            kinds=self.kinds,
            per_example={name: values[:, order] for name, values in self.per_example.items()},
        )

    def of_runs(self, runs: Sequence[int]) -> "Outcomes":
        """The outcomes of some of the runs, named by their positions."""
        chosen = list(runs)
        return Outcomes(
            labels=self.labels,
            predicted=self.predicted[chosen],
            kinds=self.kinds,
            per_example={name: values[chosen] for name, values in self.per_example.items()},
        )


def _count_labels(weights: Floats, predicted: Integers, bounds: Integers) -> LabelCounts:
    """The counts of every label, (b, runs, k), of predictions (runs, n) under weights (b, n).

    The examples are in the order of their labels: label k's are those from bounds[k] on, before
    bounds[k + 1]. It can be hit only there, so that the hits of all labels together cost one
    product of all weights. The last label is predicted wherever no other one is.
    """
    kinds = len(bounds) - 1
    # One plane for each label, so that a sum over labels adds whole planes.
    shape = kinds, len(weights), len(predicted)
    hits, given = np.empty(shape), np.empty(shape)
    support = np.empty((kinds, len(weights), 1))
    is_label = np.empty(predicted.T.shape, dtype=np.float32)
    not_yet_given = np.broadcast_to(weights.sum(axis=1, keepdims=True), shape[1:])
    for label, (start, end) in enumerate(pairwise(bounds)):
        np.equal(predicted.T, label, out=is_label)
        weights_of_label = weights[:, start:end]
        hits[label] = weights_of_label @ is_label[start:end]
        support[label] = weights_of_label.sum(axis=1, keepdims=True)
        if label == kinds - 1:
            given[label] = not_yet_given
        else:
            given[label] = weights @ is_label
            not_yet_given = not_yet_given - given[label]
    return LabelCounts(
        hits=np.moveaxis(hits, 0, -1),
        predicted=np.moveaxis(given, 0, -1),
        support=np.moveaxis(np.broadcast_to(support, shape), 0, -1),
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
