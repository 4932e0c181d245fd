"""Which epoch's weights are a run's result, and when to stop looking for better ones."""

import math
from typing import Any

import torch
from torch import nn

from tunegrid.config.schema import TrainSettings
from tunegrid.metrics import METRICS


class Selection:
    """Keeps the weights of the epoch that is best on dev; of a fixed number of epochs, none.

    Args:
        settings: how the cell is trained.

    Attributes:
        epoch: the best so far, from 1; None before the first and where the last one counts.
    """

    def __init__(self, settings: TrainSettings) -> None:
        self._by_dev = settings.select == "best_dev"
        self._higher_is_better = METRICS[settings.select_metric].higher_is_better
        self._patience = settings.early_stopping
        self._value = -math.inf
        self._weights: dict[str, torch.Tensor] = {}
        self.epoch: int | None = None

    def see(self, epoch: int, metric: float, model: nn.Module) -> None:
        """Take in what an epoch (from 1) reached on dev; of equally good epochs the first counts.

        A value that is not finite is worse than any other.
        """
        value = metric if self._higher_is_better else -metric
        if self._by_dev and (self.epoch is None or value > self._value):
            self._value = value if math.isfinite(value) else -math.inf
            self.epoch = epoch
            self._weights = {
                name: weights.to("cpu", copy=True)
                for name, weights in trained_weights(model).items()
            }

    def out_of_patience(self, epoch: int) -> bool:
        """Whether epoch after epoch up to `epoch` has brought nothing better."""
        if self._patience is None or self.epoch is None:
            return False
        return epoch - self.epoch >= self._patience

    def restore(self, model: nn.Module) -> None:
        """Put the chosen weights into the model."""
        if self._by_dev:
            model.load_state_dict(self._weights, strict=False)

    def state_dict(self) -> dict[str, Any]:
        """What a checkpoint must hold of it."""
        return {"epoch": self.epoch, "value": self._value, "weights": self._weights}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from what `state_dict` returned."""
        self.epoch = state["epoch"]
        self._value = state["value"]
        self._weights = state["weights"]


def trained_weights(model: nn.Module) -> dict[str, torch.Tensor]:
    """The parameters that require a gradient, by name, detached."""
    return {
        name: parameter.detach()
        for name, parameter in model.named_parameters()
        if parameter.requires_grad
    }
