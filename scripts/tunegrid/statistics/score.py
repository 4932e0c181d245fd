"""From a run's predictions to its metrics: seconds of work that train nothing again."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from pyarrow import compute, parquet

from tunegrid import metrics
from tunegrid.errors import UserError
from tunegrid.files import read_json
from tunegrid.metrics import METRICS, LabelCounts, Predictions
from tunegrid.results import EVALUATIONS, PREDICTIONS, RUN, TRAINING

#: What stands before the name of a metric of the majority class's predictions.
MAJORITY = "majority_"


@dataclass(frozen=True)
class RunScore:
    """What the predictions of one run score.

    Attributes:
        test: model, task, method, seed, hash, split, examples; every metric of the registry by its
            name, and behind `MAJORITY` what predicting the most frequent training label scores;
            parts (of an aggregated task, the scores of each); degenerate and degenerate_reason.
        epochs: of each evaluation, epoch (from 1), step, split and every metric.
    """

    test: dict[str, Any]
    epochs: list[dict[str, Any]]

    def to_json(self) -> dict[str, Any]:
        """The scores as JSON values, as metrics.json holds them."""
        return self.test | {"epochs": self.epochs}


def score_run(folder: Path) -> RunScore:
    """Score the run in a folder.

    Args:
        folder: holds the files that training writes (`tunegrid.training.run_files`).

    Raises:
        UserError: the predictions break a law that holds between metrics; no run wrote them.
    """
    training = read_json(folder / TRAINING)
    labels = training["labels"]
    test = read_predictions(folder / PREDICTIONS, labels)
    if broken := broken_law(test):
        raise UserError(f"{folder / PREDICTIONS}: {broken}; it was not written by a run")
    reason = degenerate_reason(test, diverged=training["diverged"])
    majority = majority_counts(training["train_labels"], test.label_counts().support)
    scores = {
        **{key: training[key] for key in RUN},
        "hash": training["hash"],
        "split": "test",
        "examples": len(test),
        **{name: metric.compute(test) for name, metric in METRICS.items()},
        **{
            f"{MAJORITY}{name}": float(metric.function(majority))
            for name, metric in METRICS.items()
            if metric.needs == "label_counts"
        },
        "parts": part_scores(test, training["parts"]),
        "degenerate": reason is not None,
        "degenerate_reason": reason,
    }
    return RunScore(test=scores, epochs=list(_epoch_scores(folder, training)))


def _epoch_scores(folder: Path, training: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """The scores of every evaluation; one of a run that diverged is of its last step."""
    for epoch, step, predictions in read_evaluations(folder / EVALUATIONS, training["labels"]):
        yield {
            "epoch": epoch,
            "step": step,
            "split": training["watched"],
            **{name: metric.compute(predictions) for name, metric in METRICS.items()},
        }


def read_predictions(path: Path, labels: Sequence[str]) -> Predictions:
    """The predictions in a Parquet file.

    Args:
        path: columns label, predicted (names) and log_probabilities.
        labels: the task's label names in the order of their ids.
    """
    return _predictions(_read_table(path), labels)


def read_evaluations(path: Path, labels: Sequence[str]) -> Iterator[tuple[int, int, Predictions]]:
    """Of each evaluation in a Parquet file its epoch and step (from 1), and its predictions."""
    table = _read_table(path)
    epochs, steps = table["epoch"].to_numpy(), table["step"].to_numpy()
    for step in np.unique(steps):
        start, end = np.searchsorted(steps, [step, step + 1])
        predictions = _predictions(table.slice(start, end - start), labels)
        yield int(epochs[start]), int(step), predictions


def _read_table(path: Path) -> pa.Table:
    return parquet.read_table(path, use_threads=False)


def _predictions(table: pa.Table, labels: Sequence[str]) -> Predictions:
    values = table["log_probabilities"].combine_chunks().flatten().to_numpy()
    names = pa.array(list(labels))
    return Predictions(
        labels=_label_ids(table["label"], names),
        predicted=_label_ids(table["predicted"], names),
        log_probabilities=values.reshape(table.num_rows, len(labels)),
    )


def _label_ids(column: pa.ChunkedArray, names: pa.Array) -> npt.NDArray[np.int64]:
    texts = column.cast(pa.string()).combine_chunks()
    ids: npt.NDArray[np.int64] = compute.index_in(texts, names).to_numpy().astype(np.int64)
    return ids


def majority_counts(
    train_labels: Mapping[str, int], support: npt.NDArray[np.floating[Any]]
) -> LabelCounts:
    """The label counts of predicting the most frequent label of train for every example.

    Args:
        train_labels: examples of each label in train, in the order of the label ids; of a few-shot
            task, in the train split that its examples are drawn from.
        support: how often each label is true in the split that is scored, (k,).
    """
    majority = int(np.argmax(list(train_labels.values())))
    predicted = np.zeros_like(support)
    predicted[majority] = support.sum()
    hits = np.zeros_like(support)
    hits[majority] = support[majority]
    return LabelCounts(hits=hits, predicted=predicted, support=support)


def part_scores(
    predictions: Predictions, parts: Mapping[str, Sequence[int]]
) -> dict[str, dict[str, float]]:
    """The metrics of each task that an aggregated one was made of, on its own test examples.

    A prediction of another part's label is an error; the counts are those of the part's own labels.

    Args:
        predictions: for the test split of the aggregated task.
        parts: the label ids of each part; empty for a task that is not aggregated.

    Returns:
        Of each part: examples, every metric of the registry, and outside, the share of its examples
        that are given another part's label.
    """
    scores = {}
    for part, own in parts.items():
        belongs = np.isin(predictions.labels, own)
        mine = Predictions(
            labels=predictions.labels[belongs],
            predicted=predictions.predicted[belongs],
            log_probabilities=predictions.log_probabilities[belongs],
        )
        counts = mine.label_counts()
        own_counts = LabelCounts(
            hits=counts.hits[own], predicted=counts.predicted[own], support=counts.support[own]
        )
        scores[part] = {
            "examples": len(mine),
            **{
                name: float(metric.function(own_counts))
                if metric.needs == "label_counts"
                else metric.compute(mine)
                for name, metric in METRICS.items()
            },
            "outside": float((~np.isin(mine.predicted, own)).mean()),
        }
    return scores


def degenerate_reason(predictions: Predictions, *, diverged: bool) -> str | None:
    """Why a finished run has not learnt anything, in words; None if it may have."""
    if diverged or not np.isfinite(predictions.log_probabilities).all():
        return "its loss is not finite"
    if len(np.unique(predictions.predicted)) == 1:
        return "it predicts one class for every example"
    return None


def broken_law(predictions: Predictions) -> str | None:
    """Which of the laws of single-label classification the predictions break; None: they hold.

    The probabilities of an example sum to 1. Accuracy equals micro-F1, since each wrong prediction
    is one false positive and one false negative. Every error has a probability of the true label of
    at most 1/2, so the mean cross-entropy is at least the error rate times ln 2.
    """
    totals = np.exp(predictions.log_probabilities).sum(axis=1)
    if not np.allclose(totals[np.isfinite(totals)], 1, atol=1e-6):
        return "the probabilities of an example do not sum to 1"
    counts = predictions.label_counts()
    accuracy, micro_f1 = float(metrics.accuracy(counts)), float(metrics.micro_f1(counts))
    loss = float(metrics.loss(predictions.log_probabilities, predictions.labels).mean())
    if not math.isclose(accuracy, micro_f1, abs_tol=1e-12):
        return f"accuracy {accuracy} differs from micro-F1 {micro_f1}, which single labels cannot"
    if math.isfinite(loss) and loss < (1 - accuracy) * math.log(2) - 1e-9:
        return f"loss {loss} is below the error rate times ln 2 at accuracy {accuracy}"
    return None
