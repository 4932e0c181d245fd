"""Metrics of single-label classification, and what must hold between them in every run."""

import math
from collections.abc import Mapping, Sequence

import numpy as np
from scipy.special import log_softmax
from sklearn.metrics import f1_score


def classification_metrics(logits: np.ndarray, labels: np.ndarray) -> dict[str, float]:
    """Mean cross-entropy (nats), accuracy, micro-F1 and macro-F1.

    Args:
        logits: (n, k), one row an example.
        labels: label ids in [0, k), (n,).

    Macro-F1 is the mean over the labels that occur among `labels` or the predictions, as
    scikit-learn defines it. With a loss that is not finite the other metrics are still those of
    the predictions (the argmax).

    Raises:
        AssertionError: a law between the metrics is broken, which would be a bug (`check_laws`).
    """
    log_probabilities = log_softmax(logits.astype(np.float64), axis=1)
    predicted = predictions(logits)
    metrics = {
        "loss": float(-log_probabilities[np.arange(len(labels)), labels].mean()),
        "accuracy": float((predicted == labels).mean()),
        "micro_f1": float(f1_score(labels, predicted, average="micro")),
        "macro_f1": float(f1_score(labels, predicted, average="macro", zero_division=0)),
    }
    check_laws(metrics)
    return metrics


def predictions(logits: np.ndarray) -> np.ndarray:
    """The label id of each row's largest logit; the smaller id on a tie."""
    return np.asarray(logits).argmax(axis=1)


def check_laws(metrics: dict[str, float]) -> None:
    """Assert what holds for every single-label classifier.

    Accuracy equals micro-F1, since each wrong prediction is one false positive and one false
    negative. Every error has a probability of the true label of at most 1/2, so the mean
    cross-entropy is at least the error rate times ln 2.

    Raises:
        AssertionError: one of them is broken.
    """
    accuracy, micro_f1, loss = metrics["accuracy"], metrics["micro_f1"], metrics["loss"]
    if not math.isclose(accuracy, micro_f1, abs_tol=1e-12):
        raise AssertionError(f"accuracy {accuracy} differs from micro-F1 {micro_f1}")
    if math.isfinite(loss) and loss < (1 - accuracy) * math.log(2) - 1e-9:
        raise AssertionError(f"loss {loss} is below error rate times ln 2 at accuracy {accuracy}")


def degenerate_reason(logits: np.ndarray, loss: float) -> str | None:
    """Why a finished run has not learnt anything, in words; None if it may have."""
    if not math.isfinite(loss) or not np.isfinite(logits).all():
        return "its loss is not finite"
    if len(np.unique(predictions(logits))) == 1:
        return "it predicts one class for every example"
    return None


def part_metrics(
    logits: np.ndarray, labels: np.ndarray, parts: Mapping[str, Sequence[int]]
) -> dict[str, dict[str, float]]:
    """The metrics of each task that an aggregated one was made of, on its own test examples.

    A prediction of another part's label is an error. Macro-F1 is the mean over the part's own
    labels that occur among its examples or their predictions.

    Args:
        logits: (n, k), one row an example.
        labels: label ids, (n,).
        parts: label ids of each part; empty for a task that is not aggregated.

    Returns:
        Of each part: examples, loss, accuracy, macro_f1, and outside, the share of its examples
        that are given another part's label.
    """
    log_probabilities = log_softmax(logits.astype(np.float64), axis=1)
    predicted = predictions(logits)
    found = {}
    for part, own in parts.items():
        mine = np.isin(labels, own)
        occurring = np.intersect1d(own, np.concatenate([labels[mine], predicted[mine]]))
        found[part] = {
            "examples": int(mine.sum()),
            "loss": float(-log_probabilities[mine, labels[mine]].mean()),
            "accuracy": float((predicted[mine] == labels[mine]).mean()),
            "macro_f1": float(
                f1_score(
                    *(labels[mine], predicted[mine]),
                    labels=occurring,
                    average="macro",
                    zero_division=0,
                )
            ),
            "outside": float((~np.isin(predicted[mine], own)).mean()),
        }
    return found


def majority_baseline(train_counts: dict[str, int], labels: np.ndarray) -> dict[str, float]:
    """Accuracy and macro-F1 of predicting train's most frequent label for every example.

    Args:
        train_counts: examples of each label in train, in the order of the label ids; of a
            few-shot task, in the train split that its examples are drawn from.
        labels: label ids of the split to score, (n,).
    """
    majority = int(np.argmax(list(train_counts.values())))
    predicted = np.full_like(labels, majority)
    return {
        "majority_accuracy": float((labels == majority).mean()),
        "majority_macro_f1": float(f1_score(labels, predicted, average="macro", zero_division=0)),
    }
