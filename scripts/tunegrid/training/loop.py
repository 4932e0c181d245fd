"""The training loop: AdamW, warm-up and decay, accumulation weighted by examples."""

import logging
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from time import perf_counter
from typing import Any

import numpy as np
import torch
from accelerate import Accelerator
from torch import nn
from torch.nn.functional import cross_entropy
from torch.optim.lr_scheduler import LRScheduler
from tqdm import tqdm
from tqdm.contrib.logging import logging_redirect_tqdm
from transformers import get_scheduler

from tunegrid.errors import UserError
from tunegrid.training.batching import EncodedSplit, epoch_batches, micro_batches, to_device
from tunegrid.training.checkpoints import (
    Checkpoints,
    State,
    random_states,
    restore_random_states,
)
from tunegrid.training.stopping import Stopped, StopRequest

#: Our schedule names → transformers' (https://huggingface.co/docs/transformers/main_classes/optimizer_schedules)
SCHEDULES = {"cosine": "cosine", "linear": "linear", "constant": "constant_with_warmup"}

NO_CHECKPOINTS = Checkpoints(None, {})

History = list[dict[str, Any]]


@dataclass(frozen=True)
class Trained:
    """What training leaves behind beside the weights.

    Attributes:
        history: one record an optimizer step: step and epoch (from 1), loss (mean cross-entropy of
            the batch, before the step), learning_rate (that of the step); the last of an epoch
            also carries the metrics.
        seconds: spent on the steps and evaluations that count, in all processes of the run.
        resumed_at: the step after which this process went on; None if it began.
    """

    history: History
    seconds: float
    resumed_at: int | None


def train(
    accelerator: Accelerator,
    model: nn.Module,
    split: EncodedSplit,
    settings: dict[str, Any],
    seed: int,
    evaluate_epoch: Callable[[], dict[str, float]],
    checkpoints: Checkpoints = NO_CHECKPOINTS,
    stop: StopRequest | None = None,
) -> Trained:
    """Train `model` in place for the configured epochs, from its newest checkpoint if it has one.

    A run that goes on ends bitwise as one that was never interrupted (on the same device).

    Args:
        accelerator: decides device and precision.
        model: on any device; parameters that require a gradient are trained.
        split: the training split.
        settings: the cell's `train` settings (`TrainSettings`).
        seed: of the order of the examples.
        evaluate_epoch: called after each epoch; its metrics are recorded.
        checkpoints: where to go on from; written when one is due.
        stop: asked after each step whether to write a checkpoint and stop.

    Returns:
        What training left behind beside the weights. It ends early, with the record that shows
        it, when a loss is not finite.

    Raises:
        Stopped: `stop` was asked to; the checkpoint is written.
        UserError: an operation has no deterministic kernel on this device, and only such are
            allowed.
    """
    batch_size = settings["batch_size"]
    steps_per_epoch = math.ceil(len(split) / batch_size)
    steps = settings["epochs"] * steps_per_epoch
    optimizer = build_optimizer(model, settings)
    schedule = get_scheduler(
        SCHEDULES[settings["schedule"]],
        optimizer,
        num_warmup_steps=math.ceil(settings["warmup_ratio"] * steps),
        num_training_steps=steps,
    )
    model, optimizer = accelerator.prepare(model, optimizer)
    model.train()
    history: History = []
    before, resumed_at, clock = 0.0, None, perf_counter()
    if saved := checkpoints.load():
        history = _restore(saved, model, optimizer, schedule)
        before, resumed_at = saved["seconds"], len(history)
    # disable=None: no bar where nobody watches (the output is no terminal).
    bar = tqdm(total=steps, initial=len(history), unit="step", disable=None)
    with logging_redirect_tqdm(), bar:
        while len(history) < steps:
            epoch, done = divmod(len(history), steps_per_epoch)
            for batch in epoch_batches(len(split), batch_size, seed, epoch)[done:]:
                rate = schedule.get_last_lr()[0]
                with deterministic_kernels_named():
                    loss = step(accelerator, model, optimizer, split, batch, settings)
                schedule.step()
                record = {"step": len(history) + 1, "epoch": epoch + 1}
                history.append(record | {"loss": loss, "learning_rate": rate})
                bar.update()
                diverged, epoch_ends = not math.isfinite(loss), not len(history) % steps_per_epoch
                if diverged or epoch_ends:
                    history[-1] |= evaluate_epoch()
                    logging.info(
                        "epoch %d of %d: %s",
                        *(epoch + 1, settings["epochs"], _in_words(history[-1])),
                    )
                if diverged:
                    logging.error("diverged: the loss of step %d is %s", len(history), loss)
                    return Trained(history, before + perf_counter() - clock, resumed_at)
                asked = stop.signal if stop else None
                if asked or checkpoints.due(epoch_ends=epoch_ends):
                    state = _state(history, model, optimizer, schedule)
                    state["seconds"] = before + perf_counter() - clock
                    checkpoints.save(len(history), state)
                if asked and len(history) < steps:
                    raise Stopped(f"{asked} after step {len(history)} of {steps}")
    return Trained(history, before + perf_counter() - clock, resumed_at)


def _state(
    history: History, model: nn.Module, optimizer: torch.optim.Optimizer, schedule: LRScheduler
) -> State:
    """All that the steps to come depend on, beside the settings; and the history so far."""
    return {
        "history": history,
        "weights": {
            name: parameter.detach()
            for name, parameter in model.named_parameters()
            if parameter.requires_grad
        },
        "optimizer": optimizer.state_dict(),
        "schedule": schedule.state_dict(),
        "random": random_states(),
    }


def _restore(
    saved: State, model: nn.Module, optimizer: torch.optim.Optimizer, schedule: LRScheduler
) -> History:
    """Put everything back where `_state` found it; returns the history."""
    model.load_state_dict(saved["weights"], strict=False)
    optimizer.load_state_dict(saved["optimizer"])
    schedule.load_state_dict(saved["schedule"])
    restore_random_states(saved["random"])
    return saved["history"]


@contextmanager
def deterministic_kernels_named() -> Iterator[None]:
    """Turn torch's error about a missing deterministic kernel into one that names the setting."""
    try:
        yield
    except RuntimeError as error:
        if "does not have a deterministic implementation" not in str(error):
            raise
        raise UserError(
            f"train.deterministic: true, but {str(error).split(',')[0]} here; set it to false"
        ) from None


def build_optimizer(model: nn.Module, settings: dict[str, Any]) -> torch.optim.Optimizer:
    """AdamW over what trains; biases and normalisation weights do not decay.

    That exception is the convention of BERT's and the Transformers library's own training.
    """
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    groups = [
        {
            "params": [parameter for parameter in trained if parameter.ndim > 1],
            "weight_decay": settings["weight_decay"],
        },
        {
            "params": [parameter for parameter in trained if parameter.ndim <= 1],
            "weight_decay": 0.0,
        },
    ]
    return torch.optim.AdamW(groups, lr=settings["learning_rate"], fused=True)


def step(
    accelerator: Accelerator,
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    split: EncodedSplit,
    batch: np.ndarray,
    settings: dict[str, Any],
) -> float:
    """One optimizer step on the examples at positions `batch`; returns their mean loss.

    Each micro-batch adds its summed loss over the size of the whole batch, so every example
    weighs the same however the batch is cut.
    """
    total = torch.zeros((), device=accelerator.device)
    for rows in micro_batches(batch, split.lengths, settings["micro_batch"]):
        inputs = to_device(split.collate(rows), accelerator.device)
        labels = torch.from_numpy(split.labels[rows]).to(accelerator.device)
        logits = model(**inputs).logits
        loss = cross_entropy(logits.float(), labels, reduction="sum") / len(batch)
        accelerator.backward(loss)
        total += loss.detach()
    if settings["max_grad_norm"] is not None:
        accelerator.clip_grad_norm_(model.parameters(), settings["max_grad_norm"])
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)
    return total.item()


def _in_words(record: dict[str, Any]) -> str:
    return ", ".join(
        f"{key} {value:.4f}" if isinstance(value, float) else f"{key} {value}"
        for key, value in record.items()
    )
