"""The files that a run leaves beside its metrics: the training curve and the predictions."""

from pathlib import Path

import numpy as np
import pandas as pd
import torch
from scipy.special import softmax

from tunegrid.files import atomic_path
from tunegrid.metrics import METRICS
from tunegrid.training.batching import EncodedSplit
from tunegrid.training.loop import History
from tunegrid.training.metrics import predictions

#: Columns of history.csv: metrics stand in an epoch's last row and are of the `eval_split`.
HISTORY_COLUMNS = ("step", "epoch", "loss", "learning_rate", *(f"eval_{key}" for key in METRICS))


def write_history(history: History, path: Path) -> None:
    """Write the training curve as CSV, a row an optimizer step, exact to the last bit."""
    with atomic_path(path) as temporary:
        pd.DataFrame(history, columns=HISTORY_COLUMNS).to_csv(temporary, index=False)


def write_predictions(
    split: EncodedSplit, labels: list[str], logits: np.ndarray, path: Path
) -> None:
    """Write id, label, predicted (names) and probabilities (list of k float32) per example."""
    frame = pd.DataFrame(
        {
            "id": split.ids,
            "label": [labels[index] for index in split.labels],
            "predicted": [labels[index] for index in predictions(logits)],
            "probabilities": list(softmax(logits, axis=1)),
        }
    )
    with atomic_path(path) as temporary:
        frame.to_parquet(temporary, index=False)


def device_name(device: torch.device) -> str:
    """The GPU's or the processor's kind, in words."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    if device.type == "cpu":
        return f"CPU ({torch.backends.cpu.get_cpu_capability()})"
    return str(device)
