"""One run: from a cell's settings, a model folder and an encoded task to its files."""

import logging
from time import perf_counter
from typing import Any

import numpy as np
import torch
from accelerate import Accelerator
from transformers import PreTrainedModel

from tunegrid.errors import UserError
from tunegrid.files import write_json
from tunegrid.methods import parameter_counts
from tunegrid.provenance import provenance
from tunegrid.results import EVALUATED, RUN
from tunegrid.settings import Settings
from tunegrid.training.building import build_model
from tunegrid.training.checkpoints import Checkpoints
from tunegrid.training.evaluation import evaluate
from tunegrid.training.finished import Finished
from tunegrid.training.job import ENCODING, Job
from tunegrid.training.keeping import keep_weights
from tunegrid.training.loading import load_splits
from tunegrid.training.loop import Training
from tunegrid.training.metrics import (
    classification_metrics,
    degenerate_reason,
    majority_baseline,
    part_metrics,
)
from tunegrid.training.micro_batch import choose_micro_batch, peak_memory
from tunegrid.training.recording import device_name, write_history, write_predictions
from tunegrid.training.stopping import Interrupted, StopRequest


def run_cell(job: Job, stop: StopRequest | None = None) -> dict[str, Any]:
    """Train and measure one cell, and write its files; returns what metrics.json holds.

    Writes into the job's output: history.csv, predictions.parquet (test), provenance.json, the
    weights that are to be kept, and last, so that a half-finished run never looks done,
    metrics.json. Of several processes the main one writes.

    Args:
        job: what to make; its lock is held by the caller.
        stop: asked before each micro-batch whether to stop.

    Raises:
        Stopped: `stop` was asked to; the run goes on from its checkpoint when it is started again.
        UserError: method, tokenizer, memory or kernels do not fit the model, or the split to
            evaluate on is missing.
    """
    made, started = provenance("train"), perf_counter()
    settings, train, card = job.settings, job.settings["train"], job.encoding
    (job.output / "metrics.json").unlink(missing_ok=True)
    accelerator = start_accelerator(train)
    if not accelerator.is_main_process:
        logging.getLogger().setLevel(logging.WARNING)
    splits, seen = load_splits(job.encoded, card, train["protocol"], settings["seed"])
    micro_batch = choose_micro_batch(
        *(settings, job.model, len(card["labels"]), int(splits["train"].lengths.max())),
        *(accelerator.num_processes, accelerator.device),
    )
    network = build(job, accelerator)
    counts = parameter_counts(network)
    logging.info("%s on %s: %s", job.hash, accelerator.device, counts)

    identity = job.identity(made)
    device = device_name(accelerator.device)
    checkpoints = Checkpoints(job.checkpoint_folder, identity | {"device": device})
    training = Training(
        *(accelerator, network, splits["train"], train | {"micro_batch": micro_batch}),
        *(settings["seed"], checkpoints, stop),
    )
    measured: dict[str, np.ndarray] = {}

    def logits_of(split: str) -> np.ndarray:
        measured[split] = evaluate(accelerator, network, splits[split], len(card["labels"]), stop)
        return measured[split]

    evaluated = EVALUATED[train["protocol"]]
    training.run(lambda: classification_metrics(logits_of(evaluated), splits[evaluated].labels))
    try:
        logits = measured["test"] if "test" in measured else logits_of("test")
    except Interrupted as interruption:
        training.stop(interruption.cause)

    test = splits["test"]
    metrics = classification_metrics(logits, test.labels)
    reason = degenerate_reason(logits, training.history[-1]["loss"])
    if reason:
        logging.warning("degenerate run: %s", reason)
    result = {
        **{key: settings[key] for key in RUN},
        "hash": job.hash,
        "split": "test",
        "examples": len(test),
        **metrics,
        **majority_baseline(card["splits"]["train"]["labels"], test.labels),
        "parts": part_metrics(logits, test.labels, card["parts"]),
        "degenerate": reason is not None,
        "degenerate_reason": reason,
        **counts,
        "steps": len(training.history),
        "selected_epoch": training.selection.epoch or training.history[-1]["epoch"],
        "micro_batch": training.stepper.micro_batch,
        "out_of_memory": training.stepper.out_of_memory,
        **peak_memory(accelerator.device),
        "train_seconds": round(training.seconds, 3),
        "train_joules": training.joules(),
    }
    made |= {
        "hash": job.hash,
        "settings": settings,
        "device": device,
        "processes": accelerator.num_processes,
        "threads": torch.get_num_threads(),
        "deterministic": torch.are_deterministic_algorithms_enabled(),
        "attention": network.config._attn_implementation,  # noqa: SLF001 (has no public name)
        "seconds": round(perf_counter() - started, 3),
        "resumed_at_step": training.resumed_at,
        "model_files": job.model_files,
        **{key: card[key] for key in ENCODING},
        "splits": seen,
    }
    if accelerator.is_main_process:
        method = settings["method_source"]
        made["kept"] = keep_weights(network, method, job.output) if job.keeps_weights else {}
        write_history(training.history, job.output / "history.csv")
        write_predictions(test, card["labels"], logits, job.output / "predictions.parquet")
        write_json(job.output / "provenance.json", made)
        write_json(job.output / "metrics.json", result)
        Finished(job.finished_folder, identity).keep(job.output)
        checkpoints.remove()
    accelerator.wait_for_everyone()
    return result


def start_accelerator(train: Settings) -> Accelerator:
    """The accelerator of a run, on the GPU if there is one; of each of its processes, on its own.

    Raises:
        UserError: there are fewer GPUs than its settings say.
    """
    processes, gpus = train["gpus_per_run"], torch.cuda.device_count()
    if 0 < gpus < processes:
        raise UserError(f"train.gpus_per_run: {processes}, but this machine has {gpus}")
    if gpus:
        torch.cuda.reset_peak_memory_stats()  # of a pack's run before
    return Accelerator(
        mixed_precision="bf16" if train["precision"] == "bf16" else "no",
        cpu=processes > 1 and not gpus,  # else processes without GPUs do not find each other
    )


def build(job: Job, accelerator: Accelerator) -> PreTrainedModel:
    """The cell's model on its device, ready to train.

    Raises:
        UserError: method or tokenizer do not fit the model.
    """
    train = job.settings["train"]
    network = build_model(
        *(job.model, job.encoding["labels"], job.settings["method_source"], job.settings["seed"]),
        attention=train["attention"],
        process=accelerator.process_index,
    )
    check_vocabulary(job.settings["model"], network, job.encoding["largest_token"])
    network.to(accelerator.device)
    return network


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
