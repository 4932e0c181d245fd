"""What a trained model costs when it is used: latency, throughput, and what must be stored."""

from __future__ import annotations

from collections.abc import Callable
from statistics import median
from time import perf_counter
from typing import Any

import numpy as np
import torch
from accelerate import Accelerator
from torch import nn
from transformers import PreTrainedModel

from tunegrid.memory.workload import is_out_of_memory
from tunegrid.methods import ADAPTER
from tunegrid.metrics import Integers
from tunegrid.training.batching import EncodedSplit, Tensors, to_device
from tunegrid.training.merging import CannotMergeError, merged_copy
from tunegrid.training.probing import left_as_it_is
from tunegrid.training.trimming import trim_last_layer

#: Examples of the batch; fewer where the split has fewer.
BATCH = 32
#: Forward passes before the measured ones: kernels are chosen and caches filled in them.
WARM_UP = 2
#: Forward passes that are measured: so many at least and at most, and none is begun after so many
#: seconds.
FEWEST, MOST, SECONDS = 3, 20, 2.0
#: By how much merging may change a logit: a share of the largest logit, and what rounding makes of
#: small ones. TF32 products have 10 bits.
RELATIVE, ABSOLUTE = 2e-3, 1e-5


def measure_inference(
    model: PreTrainedModel,
    split: EncodedSplit,
    accelerator: Accelerator,
    *,
    adds_to_weights: bool,
    trimmed: bool,
) -> dict[str, Any]:
    """How long the model takes for one example and for a batch, and the same once it is merged.

    The examples are those of middling length, the same for every method of a task. Each number is
    the median of several forward passes without dropout, in the run's precision. The model and all
    random generators are left as they are.

    Args:
        model: after training, with the weights that count.
        split: whose examples are computed.
        accelerator: of the run.
        adds_to_weights: whether the method adds anything that might be merged.
        trimmed: whether the model's last layer computes the first token alone; a merged one does
            the same.

    Returns:
        batch (examples), tokens (of the one example, and of the batch as it is padded), what
        `_times` measures, and the same once more under `merged`: None where nothing is to be
        merged, or where `not_merged` says in one line why it cannot.
    """
    one, batch = middling_examples(split.lengths, 1), middling_examples(split.lengths, BATCH)
    inputs = [to_device(split.collate(rows), accelerator.device) for rows in (one, batch)]
    found: dict[str, Any] = {
        "batch": len(batch),
        "tokens": [values["input_ids"].shape[1] for values in inputs],
        **_times(model, inputs, accelerator),
        "merged": None,
        "not_merged": None,
    }
    if not adds_to_weights:
        return found
    try:
        merged = merged_copy(model)
        if trimmed:
            trim_last_layer(merged, inputs[1])
        change, largest = _change_of_logits(model, merged, inputs[1])
        if change > ABSOLUTE + RELATIVE * largest:
            raise CannotMergeError(f"merging it changes logits by {change:.2g}")
        found["merged"] = _times(merged, inputs, accelerator) | {"change_of_logits": change}
    except CannotMergeError as reason:
        found["not_merged"] = str(reason)
    except RuntimeError as error:
        if not is_out_of_memory(error):
            raise
        found["not_merged"] = "there is no memory for a copy of it"
    return found


def middling_examples(lengths: Integers, count: int) -> Integers:
    """Positions of so many examples around the median length; of a smaller split, all.

    Args:
        lengths: tokens of each example, (n,).
        count: how many.
    """
    order = np.argsort(lengths, kind="stable")
    start = max(0, (len(order) - count) // 2)
    return order[start : start + count]


def stored_bytes(model: nn.Module) -> int:
    """The bytes that must be stored for a task, beside the pretrained model that tasks share.

    It is what trains, and what a method adds to layers that are frozen: they were drawn at random.
    """
    return sum(
        parameter.numel() * parameter.element_size()
        for name, parameter in model.named_parameters()
        if parameter.requires_grad or ADAPTER in name.split(".")
    )


def _times(
    model: PreTrainedModel, inputs: list[Tensors], accelerator: Accelerator
) -> dict[str, float]:
    """`latency_seconds` of one example, `batch_seconds`, and `examples_per_second` of the batch."""
    one, batch = inputs
    latency = _seconds(model, one, accelerator)
    of_batch = _seconds(model, batch, accelerator)
    return {
        "latency_seconds": latency,
        "batch_seconds": of_batch,
        "examples_per_second": len(batch["input_ids"]) / of_batch,
    }


@torch.no_grad()
def _seconds(model: PreTrainedModel, inputs: Tensors, accelerator: Accelerator) -> float:
    """The median time of a forward pass in seconds, from inputs to logits on the device."""
    wait: Callable[[], None] = lambda: None  # noqa: E731
    if accelerator.device.type == "cuda":
        wait = torch.cuda.synchronize
    taken: list[float] = []
    with left_as_it_is(model):
        model.train(mode=False)
        began = perf_counter()
        for number in range(WARM_UP + MOST):
            wait()
            started = perf_counter()
            with accelerator.autocast():
                model(**inputs)
            wait()
            taken.append(perf_counter() - started)
            if number + 1 >= WARM_UP + FEWEST and perf_counter() - began > SECONDS:
                break
    return median(taken[WARM_UP:])


@torch.no_grad()
def _change_of_logits(
    model: PreTrainedModel, merged: PreTrainedModel, inputs: Tensors
) -> tuple[float, float]:
    """By how much merging changes a logit at most, and the largest logit; in fp32."""
    with left_as_it_is(model):
        model.train(mode=False)
        expected = model(**inputs).logits
    change = (merged(**inputs).logits - expected).abs().max()
    return float(change), float(expected.abs().max())
