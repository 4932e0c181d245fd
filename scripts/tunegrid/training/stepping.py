"""One optimizer step: a batch's exact gradient, however little memory and however many processes.

Each process computes its share of the batch as micro-batches; the gradients are summed over the
processes once. Nothing is changed before all of them have all of it, so a step that ran out of
memory or was asked to stop is as if it had not begun.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from accelerate import Accelerator
from torch import nn
from torch.nn.functional import cross_entropy

from tunegrid.errors import UserError
from tunegrid.memory.workload import is_out_of_memory
from tunegrid.training.batching import OVERHEAD, EncodedSplit, micro_batches, to_device
from tunegrid.training.randomness import random_states, restore_random_states
from tunegrid.training.stopping import Interrupted, StopRequest

NO_MEMORY = (
    "out of memory with a single example at a time; take a device with more memory, a smaller"
    " data.max_length, train.precision: bf16, or a method with fewer trainable weights"
)


@dataclass(frozen=True)
class _Outcome:
    """How far a batch's gradient came.

    Attributes:
        loss: sum over the examples computed, over the size of the batch.
        interrupted: why it was given up; None if it was not.
        exhausted: whether memory ran out.
        due: whether a checkpoint is.
    """

    loss: float
    interrupted: str | None
    exhausted: bool
    due: bool


@dataclass
class Stepper:
    """Takes optimizer steps.

    Attributes:
        model: its parameters that require a gradient are trained.
        split: where the batches' examples are.
        max_grad_norm: to clip to; None: never.
        micro_batch: examples computed at once in a process, at most; halved for good when memory
            runs out.
        stop: asked before every micro-batch.
        out_of_memory: a record of every halving: step and the `micro_batch` from there on.
    """

    accelerator: Accelerator
    model: nn.Module
    optimizer: torch.optim.Optimizer
    split: EncodedSplit
    max_grad_norm: float | None
    micro_batch: int
    stop: StopRequest
    out_of_memory: list[dict[str, int]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._trained = [value for value in self.model.parameters() if value.requires_grad]
        self._words: nn.Parameter | None = None  # whose gradient is sparse
        self._dense: torch.Tensor | None = None  # the same as the optimizer gets it
        self._touched: torch.Tensor | slice = slice(None)  # its rows that may not be zero
        if self.accelerator.device.type == "cpu":
            self._make_sparse()

    def take(self, batch: np.ndarray, number: int, *, due: bool = False) -> tuple[float, bool]:
        """Step `number` (from 1), on the examples at positions `batch`.

        Args:
            batch: the whole batch; each process computes its share.
            number: for the record of what happened.
            due: whether this process wants a checkpoint after the step; the main one's counts.

        Returns:
            The batch's mean loss before the step, and whether a checkpoint is due.

        Raises:
            Interrupted: the run was asked to stop; nothing is changed.
            UserError: there is not even the memory for one example at a time; or an operation has
                no deterministic kernel on this device, and only such are allowed.
        """
        while True:
            before = random_states()
            outcome = self._agreed(self._computed(batch, due=due))
            if not outcome.interrupted and not outcome.exhausted:
                break
            self._clear()
            restore_random_states(before)
            if outcome.interrupted:
                raise Interrupted(outcome.interrupted)
            if torch.cuda.is_available():
                torch.cuda.empty_cache()
            self._halve(number, max(map(len, self._share(batch)), default=1))
        if self.max_grad_norm is not None:
            self.accelerator.clip_grad_norm_(self._trained, self.max_grad_norm)
        with out_of_memory_named("the optimizer's state"):
            self.optimizer.step()
        self._clear()
        return outcome.loss, outcome.due

    def _computed(self, batch: np.ndarray, *, due: bool) -> _Outcome:
        """Add this process' share to the gradient of the batch's mean loss.

        Each micro-batch adds its summed loss over the size of the whole batch, so every example
        weighs the same however the batch is cut.
        """
        total = torch.zeros((), device=self.accelerator.device)
        interrupted, exhausted = None, False
        for rows in self._share(batch):
            if interrupted := self.stop.reason():
                break
            try:
                with deterministic_kernels_named():
                    total += self._accumulate(rows, len(batch))
            except RuntimeError as error:
                if not is_out_of_memory(error):
                    raise
                if len(rows) == 1:
                    raise UserError(NO_MEMORY) from None
                exhausted = True
                break
        self._make_dense()
        return _Outcome(total.item(), interrupted, exhausted, due)

    def _agreed(self, mine: _Outcome) -> _Outcome:
        """The outcome of all processes together, and in each the sum of their gradients."""
        if self.accelerator.num_processes == 1:
            return mine
        due = mine.due and self.accelerator.is_main_process
        flags = [mine.loss, mine.interrupted is not None, mine.exhausted, due]
        shared = torch.tensor(flags, dtype=torch.float64, device=self.accelerator.device)
        loss, stopped, short, due = self.accelerator.reduce(shared, "sum").tolist()
        if not stopped and not short:
            for value in self._trained:
                if value.grad is None:  # no example of a short batch fell to this process
                    value.grad = torch.zeros_like(value)
                torch.distributed.all_reduce(value.grad)
            self._touched = slice(None)  # the others' rows, too
        reason = (mine.interrupted or "another process of the run") if stopped else None
        return _Outcome(loss, reason, bool(short), bool(due))

    def _share(self, batch: np.ndarray) -> list[np.ndarray]:
        """This process' micro-batches: like lengths for all, the longest first."""
        lengths, processes = self.split.lengths, self.accelerator.num_processes
        order = batch[np.argsort(-lengths[batch], kind="stable")]
        mine = order[self.accelerator.process_index :: processes]
        overhead = OVERHEAD.get(self.accelerator.device.type, OVERHEAD["cuda"])
        return micro_batches(mine, lengths, self.micro_batch, overhead)

    def _accumulate(self, rows: np.ndarray, batch_size: int) -> torch.Tensor:
        device = self.accelerator.device
        inputs = to_device(self.split.collate(rows), device)
        labels = torch.from_numpy(self.split.labels[rows]).to(device)
        with self.accelerator.autocast():
            logits = self.model(**inputs).logits
        loss = cross_entropy(logits.float(), labels, reduction="sum") / batch_size
        self.accelerator.backward(loss)
        return loss.detach()

    def _halve(self, number: int, largest: int) -> None:
        self.micro_batch = max(1, min(self.micro_batch, largest) // 2)
        self.out_of_memory.append({"step": number, "micro_batch": self.micro_batch})
        logging.warning(
            "out of memory in step %d: it is repeated, at most %d examples at a time",
            *(number, self.micro_batch),
        )

    def _make_sparse(self) -> None:
        """Let each micro-batch's word embedding gradient be the rows it touches.

        The dense one is as large as the vocabulary and is written once a micro-batch: 5 % of
        MiniLM's step on a CPU.
        """
        words = self.model.get_input_embeddings()
        if isinstance(words, nn.Embedding) and words.weight.requires_grad:
            words.sparse = True
            self._words = words.weight

    def _make_dense(self) -> None:
        """Give the optimizer the whole word embedding gradient, in memory that is kept.

        Fresh memory for it would be cleared page by page in every step; here only the rows that
        the last step touched are.
        """
        if self._words is None or self._words.grad is None or not self._words.grad.is_sparse:
            return
        if self._dense is None:
            self._dense = torch.zeros_like(self._words)
        gradient = self._words.grad.coalesce()
        self._touched = gradient.indices()[0]
        self._dense[self._touched] = gradient.values()
        self._words.grad = self._dense

    def _clear(self) -> None:
        self.optimizer.zero_grad(set_to_none=True)
        if self._dense is not None:
            self._dense[self._touched] = 0.0


@contextmanager
def out_of_memory_named(what: str) -> Iterator[None]:
    """Turn too little memory where a smaller micro-batch cannot help into one line."""
    try:
        yield
    except RuntimeError as error:
        if not is_out_of_memory(error):
            raise
        raise UserError(f"out of memory for {what}; take a device with more memory") from None


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

    Args:
        model: on the device that it trains on.
        settings: the cell's `train` settings.
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
