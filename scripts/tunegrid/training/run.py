"""One run: from a cell's settings, a model folder and an encoded task to its four files."""

import logging
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import torch
from accelerate import Accelerator
from datasets import load_from_disk
from transformers import PreTrainedModel

from tunegrid.errors import UserError
from tunegrid.files import read_json, write_json
from tunegrid.methods import parameter_counts
from tunegrid.provenance import provenance
from tunegrid.results import RUN
from tunegrid.settings import Settings, settings_hash
from tunegrid.training.batching import EncodedSplit
from tunegrid.training.building import build_model
from tunegrid.training.checkpoints import Checkpoints
from tunegrid.training.evaluation import evaluate
from tunegrid.training.loop import train
from tunegrid.training.metrics import (
    classification_metrics,
    degenerate_reason,
    majority_baseline,
)
from tunegrid.training.recording import device_name, write_history, write_predictions
from tunegrid.training.stopping import StopRequest

#: What a run's provenance takes from its task's encoding.json.
ENCODING = ("tokenizer_files", "task_files", "splits", "shared_with_train")


def run_cell(
    settings: Settings,
    model: Path,
    encoded: Path,
    output: Path,
    checkpoints: Path | None = None,
    stop: StopRequest | None = None,
) -> dict[str, Any]:
    """Train and measure one cell, and write its files; returns what metrics.json holds.

    Writes into `output`: history.csv, predictions.parquet (test), provenance.json, and last, so
    that a half-finished run never looks done, metrics.json.

    Args:
        settings: a cell's (`tunegrid.settings`).
        model: folder of fetch_model.
        encoded: folder of encode_task.
        output: folder of the run.
        checkpoints: folder of all runs' checkpoints; this run's are in it by its settings' hash,
            until it is finished. None: it begins at its start and keeps none.
        stop: asked after each step whether to stop.

    Raises:
        Stopped: `stop` was asked to; the run goes on from its checkpoint when it is started again.
        UserError: method, tokenizer or kernels do not fit the model, or the split to evaluate on
            is missing.
    """
    made, started = provenance("train"), perf_counter()
    train_settings, seed = settings["train"], settings["seed"]
    accelerator = start_accelerator(train_settings["precision"])
    card = read_json(encoded / "encoding.json")
    splits = load_splits(encoded, card, train_settings["eval_split"])
    network = build_model(model, card["labels"], settings["method_source"], seed)
    check_vocabulary(settings["model"], network, card["largest_token"])
    network.to(accelerator.device)
    counts = parameter_counts(network)
    logging.info("%s on %s: %s", settings_hash(settings), accelerator.device, counts)

    test, eval_split = splits["test"], splits[train_settings["eval_split"]]
    logits = np.empty(0)

    def evaluate_epoch() -> dict[str, float]:
        nonlocal logits
        logits = evaluate(accelerator, network, eval_split)
        measured = classification_metrics(logits, eval_split.labels)
        return {f"eval_{key}": value for key, value in measured.items()}

    model_files = read_json(model / "model.json")["files"]
    saved = Checkpoints(
        checkpoints / settings_hash(settings) if checkpoints else None,
        {
            "code": made["code"],
            "library versions": made["versions"],
            "device": device_name(accelerator.device),
            "model": model_files,
            "data": {key: card[key] for key in ENCODING},
        },
    )
    trained = train(
        *(accelerator, network, splits["train"], train_settings, seed, evaluate_epoch),
        *(saved, stop),
    )
    if eval_split is not test or not logits.size:  # none when it went on after the last epoch
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
        "steps": len(trained.history),
        "train_seconds": round(trained.seconds, 3),
    }
    made |= {
        "hash": result["hash"],
        "settings": settings,
        "device": device_name(accelerator.device),
        "threads": torch.get_num_threads(),
        "deterministic": torch.are_deterministic_algorithms_enabled(),
        "seconds": round(perf_counter() - started, 3),
        "resumed_at_step": trained.resumed_at,
        "model_files": model_files,
        **{key: card[key] for key in ENCODING},
    }
    write_history(trained.history, output / "history.csv")
    write_predictions(test, card["labels"], logits, output / "predictions.parquet")
    write_json(output / "provenance.json", made)
    write_json(output / "metrics.json", result)
    saved.remove()
    return result


def start_accelerator(precision: str) -> Accelerator:
    """The accelerator of a run: one process, on the GPU if there is one.

    Raises:
        UserError: it was launched as several processes, which a run does not share.
    """
    accelerator = Accelerator(mixed_precision="bf16" if precision == "bf16" else "no")
    if accelerator.num_processes > 1:
        raise UserError(f"a run takes one process; it was started as {accelerator.num_processes}")
    return accelerator


def check_vocabulary(name: str, network: PreTrainedModel, largest_token: int) -> None:
    """Check that the model knows every token that its task was encoded with.

    Raises:
        UserError: it does not: it shares a tokenizer that is not its own.
    """
    size = network.config.vocab_size
    if largest_token >= size:
        raise UserError(
            f"model {name!r}: its vocabulary has {size} tokens, the tokenizer's ids go to"
            f" {largest_token}; correct its `tokenizer`"
        )


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
