"""Reading the predictions that a run wrote (`tunegrid.training.run_files`)."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from pyarrow import compute, parquet

from tunegrid.metrics import (
    Floats,
    MultiLabelPredictions,
    Predictions,
    RegressionPredictions,
    SingleLabelPredictions,
    TargetKind,
)
from tunegrid.statistics.test_splits import TestScore, scored_rows

#: The column of doubles, one for each label of the task in the order of the label ids, that says
#: how sure a model is; a regression has none.
CONFIDENCES: dict[TargetKind, str | None] = {
    "single_label": "log_probabilities",
    "multi_label": "log_odds",
    "regression": None,
}


def read_predictions(
    path: Path,
    labels: Sequence[str],
    target: TargetKind = "single_label",
    positive: str | None = None,
) -> Predictions:
    """The predictions in a Parquet file.

    Args:
        path: as training wrote it.
        labels: the task's label names in the order of their ids; of a regression none.
        target: what the task asks for.
        positive: the name of the label that the task calls positive.
    """
    return parse_predictions(read_table(path), labels, target, positive)


def read_evaluations(
    path: Path,
    labels: Sequence[str],
    target: TargetKind = "single_label",
    positive: str | None = None,
    test_score: TestScore = "pooled",
) -> Iterator[tuple[int, int, Predictions]]:
    """Of each evaluation in a Parquet file its epoch and step (from 1), and its predictions.

    Args:
        path, labels, target, positive: as of `read_predictions`.
        test_score: what scores of several test splits are of.
    """
    table = read_table(path)
    epochs, steps = table["epoch"].to_numpy(), table["step"].to_numpy()
    for step in np.unique(steps):
        start, end = np.searchsorted(steps, [step, step + 1])
        rows = scored_rows(table.slice(start, end - start), test_score)
        yield int(epochs[start]), int(step), parse_predictions(rows, labels, target, positive)


def read_table(path: Path) -> pa.Table:
    """The columns of a Parquet file that training wrote."""
    return parquet.read_table(path, use_threads=False)


def parse_predictions(
    table: pa.Table,
    labels: Sequence[str],
    target: TargetKind = "single_label",
    positive: str | None = None,
) -> Predictions:
    """The predictions in a table of the columns label, predicted and that of `CONFIDENCES`.

    How sure the model is, is not a number where the table lacks the last.
    """
    if target == "regression":
        return RegressionPredictions(
            labels=table["label"].to_numpy(), predicted=table["predicted"].to_numpy()
        )
    names = pa.array(list(labels))
    positive_id = None if positive is None else list(labels).index(positive)
    if target == "multi_label":
        return MultiLabelPredictions(
            labels=label_sets(table["label"], names),
            predicted=label_sets(table["predicted"], names),
            log_odds=_confidences(table, target, len(labels)),
            positive=positive_id,
        )
    return SingleLabelPredictions(
        labels=_label_ids(table["label"], names),
        predicted=_label_ids(table["predicted"], names),
        log_probabilities=_confidences(table, target, len(labels)),
        positive=positive_id,
    )


def _confidences(table: pa.Table, target: TargetKind, kinds: int) -> Floats:
    column = CONFIDENCES[target]
    if column not in table.column_names:
        return np.full((table.num_rows, kinds), np.nan)
    values = table[column].combine_chunks().flatten().to_numpy()
    return np.asarray(values.reshape(table.num_rows, kinds))


def _label_ids(column: pa.ChunkedArray, names: pa.Array) -> npt.NDArray[np.int64]:
    texts = column.cast(pa.string()).combine_chunks()
    ids: npt.NDArray[np.int64] = compute.index_in(texts, names).to_numpy().astype(np.int64)
    return ids


def label_sets(column: pa.ChunkedArray, names: pa.Array) -> npt.NDArray[np.bool_]:
    """Which of the named labels each cell's list holds, (n, k)."""
    lists: Any = column.combine_chunks()
    sets = np.zeros((len(lists), len(names)), dtype=bool)
    rows = np.repeat(np.arange(len(lists)), compute.list_value_length(lists).to_numpy())
    sets[rows, compute.index_in(lists.flatten(), names).to_numpy()] = True
    return sets
