"""What training minimises, and what is predicted of logits, for each kind of target."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from scipy.special import expit, log_softmax
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy, mse_loss

from tunegrid.config.schema import TrainSettings
from tunegrid.errors import UserError
from tunegrid.metrics import (
    Floats,
    MultiLabelPredictions,
    Predictions,
    RegressionPredictions,
    SingleLabelPredictions,
    TargetKind,
)
from tunegrid.predictions import Truths
from tunegrid.training.batching import EncodedSplit


@dataclass(frozen=True)
class Objective:
    """The loss of a kind of target, and its predictions.

    | target | loss of an example | what is predicted |
    | --- | --- | --- |
    | single_label | cross-entropy | the label with the greatest logit |
    | multi_label | mean over labels of the binary cross-entropy | the labels from a threshold on |
    | regression | squared error | the only logit |

    Attributes:
        target: what the task asks for.
        label_smoothing: of single labels, the share of each example's weight that all labels get
            alike (Szegedy et al. 2016, https://arxiv.org/abs/1512.00567).
        weights: of single labels the weight of each label's examples in the loss, of several labels
            the weight of each label where it is true; on the host, (k,), None: all weigh the same.
        log_odds: of several labels, the logit from which on a label is predicted; None: the one
            that is best on the evaluated examples (`best_threshold`).
        positive: the id of the label that the task calls positive; None: it names none.
        weights_on_device: the weights where the loss is computed; None: they are not there yet.
    """

    target: TargetKind
    label_smoothing: float = 0.0
    weights: torch.Tensor | None = None
    log_odds: float | None = 0.0
    positive: int | None = None
    weights_on_device: torch.Tensor | None = None

    def on_device(self, device: torch.device) -> "Objective":
        """The same objective, which copies nothing to this device when a loss is computed."""
        if self.weights is None:
            return self
        return replace(self, weights_on_device=self.weights.to(device))

    def loss_of_rows(self, logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        """The summed loss of some examples; of a batch, divide the sum by `divisor` of it.

        Args:
            logits: in fp32, (rows, outputs).
            labels: of the same examples, as `EncodedSplit` holds them, on the logits' device.
        """
        weights = self.weights if self.weights_on_device is None else self.weights_on_device
        if self.target == "regression":
            return mse_loss(logits[:, 0], labels.float(), reduction="sum")
        if self.target == "multi_label":
            return binary_cross_entropy_with_logits(
                logits, labels.float(), pos_weight=weights, reduction="sum"
            )
        return cross_entropy(
            logits, labels, weight=weights, label_smoothing=self.label_smoothing, reduction="sum"
        )

    def divisor(self, labels: npt.NDArray[Any]) -> float:
        """What the summed loss of a batch is divided by, so that it is the mean.

        Of weighted single labels it is the sum of the examples' weights, as of torch's
        CrossEntropyLoss with reduction mean.

        Args:
            labels: of all examples of the batch, as `EncodedSplit` holds them.
        """
        if self.target == "multi_label":
            return float(labels.size)
        if self.target == "single_label" and self.weights is not None:
            return float(self.weights[torch.from_numpy(labels)].sum())
        return len(labels)

    def predictions(
        self, labels: npt.NDArray[Any], logits: Floats, log_odds: float | None = None
    ) -> Predictions:
        """What is predicted.

        Args:
            labels: the true ones, as `EncodedSplit` holds them.
            logits: of the same examples, (n, outputs).
            log_odds: of several labels, the logit from which on a label is predicted; None: the
                objective's own.
        """
        logits_64 = logits.astype(np.float64)
        if self.target == "regression":
            return RegressionPredictions(labels=labels, predicted=logits_64[:, 0])
        if self.target == "multi_label":
            if log_odds is None:
                log_odds = self.log_odds
            if log_odds is None:
                log_odds = best_threshold(labels, logits_64)
            return MultiLabelPredictions(
                labels=labels,
                predicted=logits_64 >= log_odds,
                log_odds=logits_64,
                positive=self.positive,
            )
        return SingleLabelPredictions(
            labels=labels,
            predicted=logits.argmax(axis=1),  # of equal logits the smaller label id
            log_probabilities=log_softmax(logits_64, axis=1),
            positive=self.positive,
        )

    def threshold_after(self, dev: Predictions) -> float | None:
        """The logit from which on a label is predicted, as these predictions for dev settle it.

        None where the target has no threshold.
        """
        if not isinstance(dev, MultiLabelPredictions):
            return None
        if self.log_odds is not None:
            return self.log_odds
        return best_threshold(dev.labels, dev.log_odds)


def build_objective(
    settings: TrainSettings,
    train: EncodedSplit,
    label_names: Sequence[str],
    positive: str | None = None,
) -> Objective:
    """The objective of a run.

    Args:
        settings: how it is trained.
        train: the examples that it is trained on; balanced weights are computed from their labels.
        label_names: in the order of the label ids; of a regression none.
        positive: the label that the task calls positive.

    Raises:
        UserError: `train.class_weights` names a label that the task does not have.
    """
    threshold = settings.threshold
    return Objective(
        target=train.target,
        label_smoothing=settings.label_smoothing,
        weights=_weights(settings, train, label_names),
        log_odds=None if threshold == "dev" else math.log(threshold) - math.log1p(-threshold),
        positive=None if positive is None else list(label_names).index(positive),
    )


def _weights(
    settings: TrainSettings, train: EncodedSplit, label_names: Sequence[str]
) -> torch.Tensor | None:
    asked = settings.class_weights
    if asked is None:
        return None
    if asked == "balanced":
        return torch.tensor(_balanced_weights(train, len(label_names)), dtype=torch.float32)
    if unknown := [name for name in asked if name not in label_names]:
        raise UserError(
            f"train.class_weights: names {', '.join(unknown)}; the task's labels are"
            f" {', '.join(label_names)}"
        )
    return torch.tensor([asked.get(name, 1.0) for name in label_names], dtype=torch.float32)


def _balanced_weights(train: EncodedSplit, kinds: int) -> Floats:
    """Weights by which all labels of train weigh the same, (k,); 1 of a label that train lacks.

    Of n examples with one of k labels each, n / (k · n_c) where n_c have label c
    (https://scikit-learn.org/stable/modules/generated/sklearn.utils.class_weight.compute_class_weight.html).
    Of several labels, the examples without label c for each one that has it
    (https://docs.pytorch.org/docs/stable/generated/torch.nn.BCEWithLogitsLoss.html).
    """
    if train.target == "multi_label":
        having = train.labels.sum(axis=0)
        lacking = len(train) - having
        balanced = np.divide(lacking, having, out=np.ones(len(having)), where=having > 0)
        return np.where(balanced > 0, balanced, 1.0)
    having = np.bincount(train.labels, minlength=kinds)
    there = np.count_nonzero(having)
    return np.divide(len(train), there * having, out=np.ones(len(having)), where=having > 0)


def best_threshold(labels: Truths, log_odds: Floats) -> float:
    """The log-odds from which on predicting a label has the best micro-F1, one for all labels.

    Tried are 0 (a probability of .5), the middle between every two neighbouring log-odds, and the
    least of them. Of equally good ones it is the nearest to 0. It is 0 where no label is true or a
    log-odds is not finite.

    Args:
        labels: which labels are true, (n, k).
        log_odds: their logits, (n, k).
    """
    order = np.argsort(-log_odds, axis=None, kind="stable")
    falling, hits = log_odds.ravel()[order], np.cumsum(labels.ravel()[order])
    if not np.isfinite(falling).all() or hits[-1] == 0:
        return 0.0
    # The last place of each distinct log-odds: those up to it are predicted.
    ends = np.append(np.flatnonzero(np.diff(falling)), len(falling) - 1)
    below = np.append(falling[ends[:-1] + 1], falling[-1])
    thresholds = (falling[ends] + below) / 2
    scores = 2 * hits[ends] / (ends + 1 + hits[-1])
    given = int(np.count_nonzero(falling >= 0))
    score_at_zero = 2 * hits[given - 1] / (given + hits[-1]) if given else 0.0
    thresholds, scores = np.append(thresholds, 0.0), np.append(scores, score_at_zero)
    best = np.flatnonzero(scores == scores.max())
    return float(thresholds[best[np.argmin(np.abs(thresholds[best]))]])


def as_probability(log_odds: float | None) -> float | None:
    """The probability of a logit; None of none."""
    return None if log_odds is None else float(expit(log_odds))
