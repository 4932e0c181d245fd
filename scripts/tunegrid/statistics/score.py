"""From a run's predictions to its metrics: seconds of work that train nothing again."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from tunegrid import metrics
from tunegrid.errors import UserError
from tunegrid.files import read_json
from tunegrid.metrics import (
    METRICS,
    LabelCounts,
    MultiLabelPredictions,
    Predictions,
    RegressionPredictions,
    SingleLabelPredictions,
    TaskMetrics,
    default_metrics,
)
from tunegrid.results import EVALUATIONS, PREDICTIONS, RUN, TRAINING
from tunegrid.statistics.prediction_files import (
    parse_predictions,
    read_evaluations,
    read_table,
)
from tunegrid.statistics.test_splits import TestScore, rows_of_test_splits, scored_rows

#: What stands before the name of a metric of the predictions of `constant_baseline`.
MAJORITY = "majority_"
#: Predicted numbers that differ by no more than this, as a part of the range of the true numbers,
#: are one number.
ONE_NUMBER = 1e-6


@dataclass(frozen=True)
class RunScore:
    """What the predictions of one run score.

    Attributes:
        test: model, task, method, seed, hash, target, split, examples; every metric of the task by
            its name, and behind `MAJORITY` what predicting the same for every example scores
            (`constant_baseline`), of the metrics that need no probabilities; parts (of an
            aggregated task, the scores of each); test_splits (of a task with several test splits,
            examples and every metric of each); degenerate and degenerate_reason.
        epochs: of each evaluation, epoch (from 1), step, split and every metric.
    """

    test: dict[str, Any]
    epochs: list[dict[str, Any]]

    def to_json(self) -> dict[str, Any]:
        """The scores as JSON values, as metrics.json holds them."""
        return self.test | {"epochs": self.epochs}


def score_run(
    folder: Path, task_metrics: TaskMetrics | None = None, *, test_score: TestScore = "pooled"
) -> RunScore:
    """Score the run in a folder.

    Args:
        folder: holds the files that training writes (`tunegrid.training.run_files`).
        task_metrics: by what the run's task is measured; None: the defaults of its kind of target.
        test_score: what the scores of a task with several test splits are of.

    Raises:
        UserError: the predictions break a law that holds between metrics; no run wrote them.
    """
    training = read_json(folder / TRAINING)
    asked = task_metrics or default_metrics(training["target"])
    table = read_table(folder / PREDICTIONS)
    parse = partial(
        parse_predictions,
        labels=training["labels"],
        target=training["target"],
        positive=training["positive"],
    )
    test = parse(scored_rows(table, test_score))
    if broken := broken_law(test):
        raise UserError(f"{folder / PREDICTIONS}: {broken}; it was not written by a run")
    reason = degenerate_reason(test, diverged=training["diverged"])
    baseline = constant_baseline(test, training["train_labels"], training["train_mean"])
    scores = {
        **{key: training[key] for key in RUN},
        "hash": training["hash"],
        "target": training["target"],
        "split": "test",
        "examples": len(test),
        **{name: METRICS[name].compute(test) for name in asked.names},
        **{
            f"{MAJORITY}{name}": METRICS[name].compute(baseline)
            for name in asked.names
            if METRICS[name].of_decisions
        },
        "parts": part_scores(test, training["parts"], asked),
        "test_splits": {
            name: scores_of_test_split(parse(rows), asked)
            for name, rows in rows_of_test_splits(table)
        },
        "degenerate": reason is not None,
        "degenerate_reason": reason,
    }
    epochs = list(_epoch_scores(folder, training, asked, test_score))
    return RunScore(test=scores, epochs=epochs)


def _epoch_scores(
    folder: Path, training: Mapping[str, Any], asked: TaskMetrics, test_score: TestScore
) -> Iterator[dict[str, Any]]:
    """The scores of every evaluation; one of a run that diverged is of its last step."""
    evaluations = read_evaluations(
        folder / EVALUATIONS,
        training["labels"],
        training["target"],
        training["positive"],
        test_score,
    )
    for epoch, step, predictions in evaluations:
        yield {
            "epoch": epoch,
            "step": step,
            "split": training["watched"],
            **{name: METRICS[name].compute(predictions) for name in asked.names},
        }


def constant_baseline(
    test: Predictions, train_labels: Mapping[str, int], train_mean: float | None
) -> Predictions:
    """The predictions of a model that has seen train's labels alone, the same for every example.

    Of single labels the most frequent label of train; of several labels the most frequent one,
    alone; of numbers the mean of train's. Only metrics of decisions can be computed of them.

    Args:
        test: the predictions whose examples are predicted.
        train_labels: examples of each label in train, in the order of the label ids; of a few-shot
            task, in the train split that its examples are drawn from.
        train_mean: of a regression, the mean of train's numbers.
    """
    if isinstance(test, RegressionPredictions):
        assert train_mean is not None
        return RegressionPredictions(test.labels, np.full(len(test), train_mean))
    majority = int(np.argmax(list(train_labels.values())))
    if isinstance(test, MultiLabelPredictions):
        predicted = np.zeros_like(test.labels)
        predicted[:, majority] = True
        return MultiLabelPredictions(
            test.labels, predicted, np.full(test.log_odds.shape, np.nan), test.positive
        )
    return SingleLabelPredictions(
        test.labels,
        np.full(len(test), majority),
        np.full(test.log_probabilities.shape, np.nan),
        test.positive,
    )


def scores_of_test_split(predictions: Predictions, task_metrics: TaskMetrics) -> dict[str, float]:
    """The scores of one of several test splits: examples, and every metric of the task."""
    values = {name: METRICS[name].compute(predictions) for name in task_metrics.names}
    return {"examples": len(predictions)} | values


def part_scores(
    predictions: Predictions,
    parts: Mapping[str, Sequence[int]],
    task_metrics: TaskMetrics | None = None,
) -> dict[str, dict[str, float]]:
    """The metrics of each task that an aggregated one was made of, on its own test examples.

    A prediction of another part's label is an error; the counts are those of the part's own labels.

    Args:
        predictions: for the test split of the aggregated task, which has single labels.
        parts: the label ids of each part; empty for a task that is not aggregated.
        task_metrics: by what the task is measured; None: the defaults of single labels.

    Returns:
        Of each part: examples, every metric, and outside, the share of its examples that are given
        another part's label.
    """
    if not parts:
        return {}
    assert isinstance(predictions, SingleLabelPredictions)
    asked = task_metrics or default_metrics("single_label")
    scores = {}
    for part, own in parts.items():
        mine = predictions.take(np.flatnonzero(np.isin(predictions.labels, own)))
        counts = mine.label_counts()
        positive = counts.positive
        own_counts = LabelCounts(
            hits=counts.hits[own],
            predicted=counts.predicted[own],
            support=counts.support[own],
            positive=None if positive is None or positive not in own else own.index(positive),
        )
        scores[part] = {
            "examples": len(mine),
            **{
                name: float(METRICS[name].function(own_counts))
                if METRICS[name].needs == "label_counts"
                else METRICS[name].compute(mine)
                for name in asked.names
            },
            "outside": float((~np.isin(mine.predicted, own)).mean()),
        }
    return scores


def degenerate_reason(predictions: Predictions, *, diverged: bool) -> str | None:
    """Why a finished run has not learnt anything, in words; None if it may have."""
    if diverged or not np.isfinite(_numbers_of(predictions)).all():
        return "its loss is not finite"
    if isinstance(predictions, RegressionPredictions):
        if np.ptp(predictions.predicted) <= ONE_NUMBER * np.ptp(predictions.labels):
            return "it predicts one number for every example"
    elif isinstance(predictions, MultiLabelPredictions):
        if (predictions.predicted == predictions.predicted[0]).all():
            return "it predicts the same labels for every example"
    elif len(np.unique(predictions.predicted)) == 1:
        return "it predicts one class for every example"
    return None


def _numbers_of(predictions: Predictions) -> metrics.Floats:
    """What the model computed for each example."""
    if isinstance(predictions, RegressionPredictions):
        return predictions.predicted
    if isinstance(predictions, MultiLabelPredictions):
        return predictions.log_odds
    return predictions.log_probabilities


def broken_law(predictions: Predictions) -> str | None:
    """Which of the laws of its kind of target the predictions break; None: they hold.

    Single labels: the probabilities of an example sum to 1. Accuracy equals micro-F1, since each
    wrong prediction is one false positive and one false negative. Every error has a probability of
    the true label of at most 1/2, so the mean cross-entropy is at least the error rate times ln 2.

    Several labels: one threshold parts the labels that are predicted from those that are not.

    Numbers: any number may be predicted of any other, so that no law can be broken.
    """
    if isinstance(predictions, RegressionPredictions):
        return None
    if isinstance(predictions, MultiLabelPredictions):
        log_odds, predicted = predictions.log_odds, predictions.predicted
        lowest = log_odds[predicted].min(initial=math.inf)
        if lowest <= log_odds[~predicted].max(initial=-math.inf):
            return "a label is predicted that is less probable than one that is not"
        return None
    totals = np.exp(predictions.log_probabilities).sum(axis=1)
    if not np.allclose(totals[np.isfinite(totals)], 1, atol=1e-6):
        return "the probabilities of an example do not sum to 1"
    counts = predictions.label_counts()
    accuracy, micro_f1 = float(metrics.accuracy(counts)), float(metrics.micro_f1(counts))
    loss = float(metrics.loss(predictions).mean())
    if not math.isclose(accuracy, micro_f1, abs_tol=1e-12):
        return f"accuracy {accuracy} differs from micro-F1 {micro_f1}, which single labels cannot"
    if math.isfinite(loss) and loss < (1 - accuracy) * math.log(2) - 1e-9:
        return f"loss {loss} is below the error rate times ln 2 at accuracy {accuracy}"
    return None
