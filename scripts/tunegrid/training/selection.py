"""Which evaluation's weights are a run's result, and when to stop looking for better ones."""

import math
from typing import Any

import torch
from torch import nn

from tunegrid.config.schema import TrainSettings
from tunegrid.metrics import METRICS


class Selection:
    """Keeps the weights of the evaluation that is best on dev; where the last count, none.

    Args:
        settings: how the cell is trained.

    Attributes:
        step: the optimizer step of the best so far; None before the first evaluation and where the
            last weights count.
    """

    def __init__(self, settings: TrainSettings) -> None:
        self._by_dev = settings.select == "best_dev"
        self._higher_is_better = METRICS[settings.select_metric].higher_is_better
        self._patience = settings.early_stopping
        self._value = -math.inf
        self._weights: dict[str, torch.Tensor] = {}
        self._seen_since_best = 0
        self.step: int | None = None

    def see(self, step: int, metric: float, model: nn.Module) -> None:
        """Take in what the evaluation after a step reached on dev.

        Of equally good ones the first counts. A value that is not finite is worse than any other.
        """
        value = metric if self._higher_is_better else -metric
        self._seen_since_best += 1
        if self._by_dev and (self.step is None or value > self._value):
            self._value = value if math.isfinite(value) else -math.inf
            self.step = step
            self._seen_since_best = 0
            self._weights = {
                name: weights.to("cpu", copy=True)
                for name, weights in trained_weights(model).items()
            }

    @property
    def out_of_patience(self) -> bool:
        """Whether so many evaluations as patience allows have brought nothing better."""
        if self._patience is None or self.step is None:
            return False
        return self._seen_since_best >= self._patience

    @property
    def kept_tensors(self) -> list[torch.Tensor]:
        """The weights that it keeps beside the model's own; on the CPU."""
        return list(self._weights.values())

    def restore(self, model: nn.Module) -> None:
        """Put the chosen weights into the model."""
        if self._by_dev:
            model.load_state_dict(self._weights, strict=False)

    def state_dict(self) -> dict[str, Any]:
        """What a checkpoint must hold of it."""
        return {
            "step": self.step,
            "value": self._value,
            "weights": self._weights,
            "seen_since_best": self._seen_since_best,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from what `state_dict` returned."""
        self.step = state["step"]
        self._value = state["value"]
        self._weights = state["weights"]
        self._seen_since_best = state["seen_since_best"]


def trained_weights(model: nn.Module) -> dict[str, torch.Tensor]:
    """The parameters that require a gradient, by name, detached."""
    return {
        name: parameter.detach()
        for name, parameter in model.named_parameters()
        if parameter.requires_grad
    }
