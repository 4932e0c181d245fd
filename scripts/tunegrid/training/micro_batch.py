"""How many examples a run computes at once: as many as its device has room for."""

import logging
import math
from dataclasses import replace
from functools import cache
from pathlib import Path

import humanfriendly
import torch
from transformers import AutoConfig

from tunegrid.errors import UserError
from tunegrid.memory.fit import gpu_memory_needed, largest_micro_batch
from tunegrid.memory.margins import kernel_of
from tunegrid.memory.predict import (
    Prediction,
    UntraceableError,
    predict_by_micro_batch,
    predict_evaluation,
)
from tunegrid.memory.predicted_settings import predicted_settings
from tunegrid.memory.records import TrainingStep
from tunegrid.settings import CellSettings

#: Examples that are evaluated at once, at most. The number changes the speed and the last bits
#: alone; a CPU gains nothing by more, a GPU waits less for its kernels to start.
LARGEST_EVALUATION_BATCH = {"cpu": 32, "cuda": 256}
#: Numbers as large as a weight that each optimizer keeps beside each weight that trains, rounded
#: up: AdamW's two moments, of a byte each in 8 bits; Adafactor's sums of rows and columns.
STATE_COPIES = {"adamw": 2, "adamw_8bit": 1, "adafactor": 1}


def choose_micro_batch(
    settings: CellSettings,
    model: Path,
    *,
    labels: int,
    longest: int,
    processes: int,
    device: torch.device,
) -> int:
    """The examples of a batch that one process computes at once, at most.

    With `micro_batch: auto` all of its share, or the largest power of two whose predicted step fits
    the device (margins: `tunegrid.memory.fit`). A CPU without a `memory_limit` is taken to have
    room for all.

    Args:
        settings: the cell's.
        model: folder of fetch_model.
        labels: how many.
        longest: tokens of the longest example.
        processes: that share a batch.
        device: of this process.

    Raises:
        UserError: not one example fits, or the model cannot be built.
    """
    train = settings.train
    share = math.ceil(train.batch_size / processes)
    capacity = memory_capacity(train.memory_limit, device)
    if train.micro_batch != "auto":
        return train.micro_batch
    if capacity is None:
        return share
    step = training_step(settings, labels=labels, batch=share, tokens=longest)
    predict_batch = predict_by_micro_batch(
        AutoConfig.from_pretrained(model), step, cuda=device.type == "cuda"
    )

    def peak_of(batch: int) -> float:
        return memory_needed(predict_batch(batch), step, device)

    try:
        chosen = largest_micro_batch(peak_of, capacity, share)
    except UntraceableError as reason:
        logging.warning("micro-batch %d, not predicted: %s", share, reason)
        return share
    if not chosen:
        raise UserError(
            f"not one example of {longest} tokens fits: it needs {peak_of(1) / 1e9:.2f} GB, there"
            f" are {capacity / 1e9:.2f}; take a GPU with more memory, a smaller data.max_length,"
            " train.precision: bf16, or a method with fewer trainable weights"
        )
    logging.info(
        "micro-batch %d of %d: predicted %.2f of %.2f GB",
        chosen,
        share,
        peak_of(chosen) / 1e9,
        capacity / 1e9,
    )
    return chosen


def choose_evaluation_batch(
    settings: CellSettings,
    model: Path,
    *,
    labels: int,
    longest: int,
    micro_batch: int,
    device: torch.device,
) -> int:
    """The examples that one process evaluates at once, at most.

    The largest power of two, up to `LARGEST_EVALUATION_BATCH`, whose predicted evaluation fits the
    device, with the margins of training; a CPU without a `memory_limit` is taken to have room.

    Args:
        settings: the cell's.
        model: folder of fetch_model.
        labels: how many.
        longest: tokens of the longest example that is evaluated.
        micro_batch: examples of a training micro-batch; as many are evaluated where the model
            cannot be traced.
        device: of this process.

    Returns:
        1 where not even one example is predicted to fit: it is tried.

    Raises:
        UserError: the model cannot be built.
    """
    capacity = memory_capacity(settings.train.memory_limit, device)
    cuda = device.type == "cuda"
    most = LARGEST_EVALUATION_BATCH["cuda" if cuda else "cpu"]
    if capacity is None:
        return most
    config = AutoConfig.from_pretrained(model)
    step = training_step(settings, labels=labels, batch=most, tokens=longest)
    copies = STATE_COPIES[settings.train.optimizer]
    if settings.train.select == "best_dev" and not cuda:
        copies += 1  # the selection keeps the best weights so far in the same memory

    @cache
    def peak_of(batch: int) -> float:
        one = replace(step, batch=batch)
        return memory_needed(predict_evaluation(config, one, cuda=cuda, copies=copies), one, device)

    try:
        chosen = max(1, largest_micro_batch(peak_of, capacity, most))
    except UntraceableError as reason:
        chosen = min(micro_batch, most)
        logging.warning("%d examples are evaluated at once, not predicted: %s", chosen, reason)
        return chosen
    logging.info(
        "%d examples are evaluated at once: predicted %.2f of %.2f GB",
        chosen,
        peak_of(chosen) / 1e9,
        capacity / 1e9,
    )
    return chosen


def memory_needed(predicted: Prediction, step: TrainingStep, device: torch.device) -> float:
    """Bytes that a device must have for what is predicted of a step.

    On a GPU with margins (`tunegrid.memory.fit`); on a CPU the limit is on live tensors alone.
    """
    if device.type != "cuda":
        return predicted.peak
    return gpu_memory_needed(predicted.peak, kernel_of(step, predicted.attention))


def training_step(settings: CellSettings, *, labels: int, batch: int, tokens: int) -> TrainingStep:
    """The training step of a cell, as the prediction of memory is asked for it.

    Args:
        settings: the cell's, with the precision that the device computes in.
        labels: how many.
        batch: examples of a micro-batch.
        tokens: tokens of each.
    """
    return TrainingStep(
        method=settings.method,
        method_source=settings.method_source,
        labels=labels,
        batch=batch,
        tokens=tokens,
        **predicted_settings(settings.train),
    )


def memory_capacity(limit: str | None, device: torch.device) -> float | None:
    """Bytes that the device has, or is to be taken to have; None: not known.

    Args:
        limit: the setting `memory_limit`, such as 16GB.
        device: of this process.
    """
    pretended = humanfriendly.parse_size(limit) if limit else None
    if device.type != "cuda":
        return pretended
    total: int = torch.cuda.get_device_properties(device).total_memory
    return total if pretended is None else min(total, pretended)


def enforce_memory_limit(limit: str | None, device: torch.device) -> None:
    """Let CUDA's allocator take no more than a limit; without one, the whole GPU.

    Every run calls it, so that in a pack the limit of the run before is undone. What that run left
    in the allocator's cache is given back, since it counts
    (https://docs.pytorch.org/docs/stable/generated/torch.cuda.memory.set_per_process_memory_fraction.html).

    Args:
        limit: the setting `memory_limit`, such as 16GB. On a CPU nothing is enforced.
        device: of this process.
    """
    capacity = memory_capacity(limit, device)
    if device.type != "cuda" or capacity is None:
        return
    torch.cuda.empty_cache()
    total = torch.cuda.get_device_properties(device).total_memory
    torch.cuda.set_per_process_memory_fraction(capacity / total, device)
