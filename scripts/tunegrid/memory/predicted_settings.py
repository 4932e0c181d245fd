"""The training settings that a step's memory is predicted by, as the prediction knows them."""

from typing import Any

from tunegrid.config.schema import TrainSettings


def predicted_settings(train: TrainSettings) -> dict[str, Any]:
    """The settings of a step (`tunegrid.memory.records.TrainingStep`) that training settings name.

    Where they leave something open, it is what takes most: fp32 of the precisions that `auto` may
    become, and padding where it may be left out.

    Args:
        train: how a cell is trained.
    """
    return {
        "precision": "fp32" if train.precision == "auto" else train.precision,
        "attention": "sdpa" if train.attention == "unpadded" else train.attention,
        "optimizer": train.optimizer,
        "checkpointing": train.gradient_checkpointing,
        "frozen_layers": train.frozen_layers,
    }
