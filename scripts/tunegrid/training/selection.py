"""Which epoch's weights are a run's result, and when to stop looking for better ones."""

import math
from typing import Any

import torch
from torch import nn

Record = dict[str, Any]


class Selection:
    """Keeps the weights of the epoch that is best on dev; of a fixed number of epochs, none.

    Args:
        settings: the cell's `train` settings.

    Attributes:
        epoch: the best so far, from 1; None before the first and where the last one counts.
    """

    def __init__(self, settings: dict[str, Any]) -> None:
        self._by_dev = settings["select"] == "best_dev"
        self._metric = f"eval_{settings['select_metric']}"
        self._patience = settings["early_stopping"]
        self._value = -math.inf
        self._weights: dict[str, torch.Tensor] = {}
        self.epoch: int | None = None

    def see(self, record: Record, model: nn.Module) -> None:
        """Take in an epoch's last record; of equally good epochs the first counts.

        A value that is not finite is worse than any other.
        """
        value = record[self._metric] * (-1 if self._metric == "eval_loss" else 1)
        if self._by_dev and (self.epoch is None or value > self._value):
            self._value = value if math.isfinite(value) else -math.inf
            self.epoch = record["epoch"]
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
        return {"epoch": self.epoch, "value": self._value, "weights": self._weights}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.epoch, self._value = state["epoch"], state["value"]
        self._weights = state["weights"]


def trained_weights(model: nn.Module) -> dict[str, torch.Tensor]:
    """The parameters that require a gradient, by name, detached."""
    return {
        name: parameter.detach()
        for name, parameter in model.named_parameters()
        if parameter.requires_grad
    }
