"""What a model predicted, as arrays: one class for each kind of target.

Nothing here imports more than NumPy: the Snakefile's modules import it.
"""

from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.floating[Any]]
Integers = npt.NDArray[np.integer[Any]]
Truths = npt.NDArray[np.bool_]

#: What a task asks for: one label of several, any number of labels, or a number.
TargetKind = Literal["single_label", "multi_label", "regression"]


@dataclass(frozen=True)
class LabelCounts:
    """How the k labels were predicted, for one or for many weightings of the examples.

    Attributes:
        hits: how often each label was predicted where it is true, (..., k).
        predicted: how often each label was predicted, (..., k).
        support: how often each label is true, (..., k).
        positive: the id of the label that the task calls positive; None: it names none.
    """

    hits: Floats
    predicted: Floats
    support: Floats
    positive: int | None = None


def count_labels(
    labels: Integers, predicted: Integers, kinds: int, positive: int | None = None
) -> LabelCounts:
    """The counts of all `kinds` labels, each (kinds,), of true and predicted label ids (n,)."""
    return LabelCounts(
        hits=np.bincount(labels[predicted == labels], minlength=kinds).astype(float),
        predicted=np.bincount(predicted, minlength=kinds).astype(float),
        support=np.bincount(labels, minlength=kinds).astype(float),
        positive=positive,
    )


@dataclass(frozen=True)
class SingleLabelPredictions:
    """What a model predicted for n examples that have one of k labels each.

    Attributes:
        labels: the true label ids, (n,).
        predicted: the predicted label ids, (n,).
        log_probabilities: natural logarithms of the predicted probabilities, (n, k).
        positive: the id of the label that the task calls positive; None: it names none.
    """

    target: ClassVar[TargetKind] = "single_label"

    labels: Integers
    predicted: Integers
    log_probabilities: Floats
    positive: int | None = None

    def __len__(self) -> int:
        return len(self.labels)

    def label_counts(self) -> LabelCounts:
        """The counts of all k labels, each (k,)."""
        return count_labels(
            self.labels, self.predicted, self.log_probabilities.shape[1], self.positive
        )

    def take(self, positions: Integers) -> "SingleLabelPredictions":
        """Those for some examples, which may be taken more than once."""
        return replace(
            self,
            labels=self.labels[positions],
            predicted=self.predicted[positions],
            log_probabilities=self.log_probabilities[positions],
        )


@dataclass(frozen=True)
class MultiLabelPredictions:
    """What a model predicted for n examples that have any number of k labels.

    Attributes:
        labels: which labels are true, (n, k).
        predicted: which labels are predicted, (n, k).
        log_odds: the logit of each label's probability, (n, k); not a number where a baseline
            predicts, which has no probabilities.
        positive: the id of the label that the task calls positive; None: it names none.
    """

    target: ClassVar[TargetKind] = "multi_label"

    labels: Truths
    predicted: Truths
    log_odds: Floats
    positive: int | None = None

    def __len__(self) -> int:
        return len(self.labels)

    def label_counts(self) -> LabelCounts:
        """The counts of all k labels, each (k,)."""
        return LabelCounts(
            hits=(self.labels & self.predicted).sum(axis=0).astype(float),
            predicted=self.predicted.sum(axis=0).astype(float),
            support=self.labels.sum(axis=0).astype(float),
            positive=self.positive,
        )

    def take(self, positions: Integers) -> "MultiLabelPredictions":
        """Those for some examples, which may be taken more than once."""
        return replace(
            self,
            labels=self.labels[positions],
            predicted=self.predicted[positions],
            log_odds=self.log_odds[positions],
        )


@dataclass(frozen=True)
class RegressionPredictions:
    """What a model predicted for n examples that ask for a number.

    Attributes:
        labels: the true numbers, (n,).
        predicted: the predicted numbers, (n,).
    """

    target: ClassVar[TargetKind] = "regression"

    labels: Floats
    predicted: Floats

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, positions: Integers) -> "RegressionPredictions":
        """Those for some examples, which may be taken more than once."""
        return RegressionPredictions(self.labels[positions], self.predicted[positions])


#: Predictions of any kind.
Predictions = SingleLabelPredictions | MultiLabelPredictions | RegressionPredictions
#: The class of the predictions for each kind of target.
PREDICTIONS_OF: dict[TargetKind, type[Predictions]] = {
    "single_label": SingleLabelPredictions,
    "multi_label": MultiLabelPredictions,
    "regression": RegressionPredictions,
}


def predicted_arrays(predictions: Predictions) -> dict[str, npt.NDArray[Any]]:
    """What the model predicted, by the names of the attributes: everything but the true labels."""
    return {
        name: value
        for name, value in vars(predictions).items()
        if name != "labels" and isinstance(value, np.ndarray)
    }
