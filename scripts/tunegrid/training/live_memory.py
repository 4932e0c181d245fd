"""The live tensors of a run's largest batch, counted on a CPU once the results are there.

A GPU's allocator tells them of itself (`tunegrid.training.devices.peak_memory`); of a CPU only the
whole process is told, Python and its libraries included, which no prediction is of.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import torch

from tunegrid.memory.storage_counter import StorageCounter, tensors_beside_weights
from tunegrid.metrics import Integers
from tunegrid.training.batching import epoch_batches
from tunegrid.training.finetune import add_gradient
from tunegrid.training.optimizers import state_tensors
from tunegrid.training.probing import left_as_it_is
from tunegrid.training.run_state import Run


def measure_live_tensors(run: Run) -> dict[str, int] | None:
    """The most bytes of tensors that live at once while the gradient of the largest batch is made.

    It is the batch of the first epoch that has the longest example, and of several such the one
    that has most tokens. Its forward and backward passes are computed once more, with the weights
    that the run has at its end, beside the optimizer's state and the weights that the selection
    keeps. The update itself is not taken, so that what an optimizer holds for a moment is not in
    it. The run is left as it is, its random generators included.

    Args:
        run: at its end.

    Returns:
        peak (bytes; what a kernel takes for itself is not in it), and examples and tokens of the
        micro-batch that is largest, as it is padded; None on a GPU.

    Raises:
        RuntimeError: there is too little memory.
    """
    if run.accelerator.device.type != "cpu":
        return None
    train = run.splits["train"]
    batch = _largest_batch(run)
    divisor = run.objective.divisor(train.labels[batch])
    parts = run.guard.share(batch)
    counter = StorageCounter()
    counter.mark(_held_between_steps(run), "optimizer state")
    with left_as_it_is(run.model):
        run.model.train()
        try:
            with counter:
                counter.reset_peak()
                for rows in parts:
                    add_gradient(run, rows, divisor)
                run.gradients.complete()
        finally:
            run.gradients.clear()
    largest = max(parts, key=lambda rows: len(rows) * int(train.lengths[rows].max()))
    return {
        "peak": counter.peak,
        "examples": len(largest),
        "tokens": int(train.lengths[largest].max()),
    }


def _largest_batch(run: Run) -> Integers:
    """The batch of the first epoch with the longest example, and then with most tokens."""
    lengths = run.splits["train"].lengths
    batches = epoch_batches(
        lengths,
        batch_size=run.train_settings.batch_size,
        seed=run.request.settings.seed,
        epoch=0,
        grouped=run.train_settings.group_by_length,
    )
    return max(batches, key=lambda batch: (int(lengths[batch].max()), int(np.sum(lengths[batch]))))


def _held_between_steps(run: Run) -> Iterable[torch.Tensor]:
    """The tensors that live before a step begins: weights, state, what is kept beside them."""
    yield from run.model.parameters()
    yield from tensors_beside_weights(run.model)
    yield from state_tensors(run.optimizer)
    yield from run.gradients.kept_tensors()
    yield from run.selection.kept_tensors
