"""One run: from a cell's settings, a model folder and an encoded task to its four files."""

import logging
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import pandas as pd
import torch
from accelerate import Accelerator
from datasets import load_from_disk
from scipy.special import softmax

from tunegrid.errors import UserError
from tunegrid.files import atomic_path, read_json, write_json
from tunegrid.methods import parameter_counts
from tunegrid.provenance import provenance
from tunegrid.results import METRICS, RUN
from tunegrid.settings import Settings, settings_hash
from tunegrid.training.batching import EncodedSplit
from tunegrid.training.building import build_model
from tunegrid.training.evaluation import evaluate
from tunegrid.training.loop import History, train
from tunegrid.training.metrics import (
    classification_metrics,
    degenerate_reason,
    majority_baseline,
    predictions,
)

#: Columns of history.csv: metrics stand in an epoch's last row and are of the `eval_split`.
HISTORY_COLUMNS = ("step", "epoch", "loss", "learning_rate", *(f"eval_{key}" for key in METRICS))


def run_cell(settings: Settings, model: Path, encoded: Path, output: Path) -> dict[str, Any]:
    """Train and measure one cell, and write its files; returns what metrics.json holds.

    Writes into `output`: history.csv, predictions.parquet (test), provenance.json, and last, so
    that a half-finished run never looks done, metrics.json.

    Args:
        settings: a cell's (`tunegrid.settings`).
        model: folder of fetch_model.
        encoded: folder of encode_task.
        output: folder of the run.

    Raises:
        UserError: the method does not fit the model, or the split to evaluate on is missing.
    """
    made, started = provenance("train"), perf_counter()
    train_settings, seed = settings["train"], settings["seed"]
    accelerator = Accelerator(
        mixed_precision="bf16" if train_settings["precision"] == "bf16" else "no"
    )
    if accelerator.num_processes > 1:
        raise UserError(f"a run takes one process; it was started as {accelerator.num_processes}")
    card = read_json(encoded / "encoding.json")
    splits = load_splits(encoded, card, train_settings["eval_split"])
    network = build_model(model, card["labels"], settings["method_source"], seed)
    if card["largest_token"] >= network.config.vocab_size:
        raise UserError(
            f"model {settings['model']!r}: its vocabulary has {network.config.vocab_size} tokens,"
            f" the tokenizer's ids go to {card['largest_token']}; correct its `tokenizer`"
        )
    network.to(accelerator.device)
    counts = parameter_counts(network)
    logging.info("%s on %s: %s", settings_hash(settings), accelerator.device, counts)

    logits = np.empty(0)
    eval_split = splits[train_settings["eval_split"]]

    def evaluate_epoch() -> dict[str, float]:
        nonlocal logits
        logits = evaluate(accelerator, network, eval_split)
        measured = classification_metrics(logits, eval_split.labels)
        return {f"eval_{key}": value for key, value in measured.items()}

    clock = perf_counter()
    try:
        history = train(accelerator, network, splits["train"], train_settings, seed, evaluate_epoch)
    except RuntimeError as error:
        if "does not have a deterministic implementation" not in str(error):
            raise
        raise UserError(
            f"train.deterministic: true, but {str(error).split('.')[0]}; set it to false"
        ) from None
    train_seconds = perf_counter() - clock
    test = splits["test"]
    if eval_split is not test:
        logits = evaluate(accelerator, network, test)

    metrics = classification_metrics(logits, test.labels)
    reason = degenerate_reason(logits, metrics["loss"])
    if reason:
        logging.warning("degenerate run: %s", reason)
    result = {
        **{key: settings[key] for key in RUN},
        "hash": settings_hash(settings),
        "split": "test",
        "examples": len(test),
        **metrics,
        **majority_baseline(card["splits"]["train"]["labels"], test.labels),
        "degenerate": reason is not None,
        "degenerate_reason": reason,
        **counts,
        "steps": len(history),
        "train_seconds": round(train_seconds, 3),
    }
    write_history(history, output / "history.csv")
    write_predictions(test, card["labels"], logits, output / "predictions.parquet")
    write_json(
        output / "provenance.json",
        {
            "hash": result["hash"],
            "settings": settings,
            "device": device_name(accelerator.device),
            "threads": torch.get_num_threads(),
            "deterministic": torch.are_deterministic_algorithms_enabled(),
            **made,
            "seconds": round(perf_counter() - started, 3),
            "model_files": read_json(model / "model.json")["files"],
            "tokenizer_files": card["tokenizer_files"],
            "task_files": card["task_files"],
            "splits": card["splits"],
            "shared_with_train": card["shared_with_train"],
        },
    )
    write_json(output / "metrics.json", result)
    return result


def load_splits(encoded: Path, card: dict[str, Any], eval_split: str) -> dict[str, EncodedSplit]:
    """Train, test and the split to evaluate on after each epoch, of an encoded task.

    Raises:
        UserError: `eval_split` is not among them.
    """
    data = load_from_disk(encoded)
    if eval_split not in data:
        raise UserError(
            f"train.eval_split: {encoded} has no split {eval_split!r}, only {', '.join(data)};"
            " set data.dev_fraction, or eval_split to test"
        )
    return {
        split: EncodedSplit(data[split], card["padding"]) for split in {"train", "test", eval_split}
    }


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
