"""What protects a step: from too little memory, from being asked to stop, from disagreement.

Each process computes its share of a batch as micro-batches; the gradients are summed over the
processes once. Nothing is changed before all of them have all of it, so a step that ran out of
memory or was asked to stop is as if it had not begun.

A GPU computes while the host goes on. One process alone need not wait for it here: the loss is
returned as a tensor. Several processes agree by what comes with their gradients, and wait for that.
"""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from accelerate import Accelerator

from tunegrid.errors import UserError
from tunegrid.memory.workload import is_out_of_memory
from tunegrid.metrics import Integers
from tunegrid.stopping import Interrupted, StopCause, StopReason, StopRequest
from tunegrid.training.batching import micro_batch_overhead, micro_batches
from tunegrid.training.gradients import Gradients
from tunegrid.training.randomness import random_states, restore_random_states

NO_MEMORY = (
    "out of memory with a single example at a time; take a device with more memory, a smaller"
    " data.max_length, train.precision: bf16, or a method with fewer trainable weights"
)

#: How torch begins to say that an operation has no deterministic kernel.
NOT_DETERMINISTIC = "does not have a deterministic implementation"


@dataclass(frozen=True)
class _Outcome:
    """How far the gradient of a batch came.

    Attributes:
        loss: sum over the examples that were computed, over the size of the batch; on the device.
        interrupted: why it was given up; None: it was not.
        exhausted: whether memory ran out.
        checkpoint_due: whether a checkpoint is to be written after the step.
    """

    loss: torch.Tensor
    interrupted: StopCause | None
    exhausted: bool
    checkpoint_due: bool


class StepGuard:
    """Computes a batch's gradient, however little memory there is and however many processes.

    Args:
        accelerator: knows the device and the processes that share a batch.
        gradients: of the model that is trained.
        lengths: tokens of each example of the training split, (n,).
        micro_batch: examples that a process computes at once, at most.
        stop: is asked before every micro-batch whether to stop.

    Attributes:
        micro_batch: the same; it is halved for good when memory runs out.
        out_of_memory: a record of every halving: `step`, and the `micro_batch` from there on.
    """

    def __init__(
        self,
        accelerator: Accelerator,
        gradients: Gradients,
        lengths: Integers,
        micro_batch: int,
        stop: StopRequest,
    ) -> None:
        self._accelerator = accelerator
        self._gradients = gradients
        self._lengths = lengths
        self._stop = stop
        self.micro_batch = micro_batch
        self.out_of_memory: list[dict[str, int]] = []

    def compute(
        self,
        batch: Integers,
        add_gradient: Callable[[Integers], torch.Tensor],
        *,
        step: int,
        checkpoint_due: bool = False,
    ) -> tuple[torch.Tensor, bool]:
        """The gradient of a whole batch, summed over its micro-batches and all processes.

        When memory runs out the micro-batch is halved and the batch computed again from the same
        random state.

        Args:
            batch: positions of its examples; each process computes its share of them.
            add_gradient: adds the gradient of the examples at some positions, and returns their
                part of the batch's mean loss.
            step: the step's number, for the record of what happened.
            checkpoint_due: whether this process wants a checkpoint after the step; the main
                process decides.

        Returns:
            The batch's mean loss, which of one process is on its device, and whether a checkpoint
            is due.

        Raises:
            Interrupted: the run was asked to stop; nothing is changed.
            UserError: there is not even the memory for one example at a time, or an operation has
                no deterministic kernel on this device and only such are allowed.
        """
        while True:
            before = random_states()
            outcome = self._compute_share(batch, add_gradient)
            outcome = self._agree(replace(outcome, checkpoint_due=checkpoint_due))
            if outcome.interrupted is None and not outcome.exhausted:
                return outcome.loss, outcome.checkpoint_due
            self._gradients.clear()
            restore_random_states(before)
            if outcome.interrupted is not None:
                raise Interrupted(outcome.interrupted)
            _free_cached_memory()
            self._halve(step, largest=max(map(len, self.share(batch)), default=1))

    def share(self, batch: Integers) -> list[Integers]:
        """This process' micro-batches: of like lengths in all processes, the longest first."""
        order = batch[np.argsort(-self._lengths[batch], kind="stable")]
        mine = order[self._accelerator.process_index :: self._accelerator.num_processes]
        overhead = micro_batch_overhead(self._accelerator.device)
        return micro_batches(mine, self._lengths, most=self.micro_batch, overhead=overhead)

    def state_dict(self) -> dict[str, Any]:
        """What a checkpoint must hold of it."""
        return {"micro_batch": self.micro_batch, "out_of_memory": self.out_of_memory}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from what `state_dict` returned."""
        self.micro_batch = state["micro_batch"]
        self.out_of_memory = state["out_of_memory"]

    def _compute_share(
        self, batch: Integers, add_gradient: Callable[[Integers], torch.Tensor]
    ) -> _Outcome:
        """Compute this process' micro-batches, as far as they come."""
        total = torch.zeros((), device=self._accelerator.device)
        interrupted, exhausted = None, False
        for rows in self.share(batch):
            if interrupted := self._stop.cause():
                break
            try:
                with missing_deterministic_kernel_told():
                    total += add_gradient(rows)
            except RuntimeError as error:
                if not is_out_of_memory(error):
                    raise
                if len(rows) == 1:
                    raise UserError(NO_MEMORY) from None
                exhausted = True
                break
        self._gradients.complete()
        return _Outcome(
            loss=total,
            interrupted=interrupted,
            exhausted=exhausted,
            checkpoint_due=False,
        )

    def _agree(self, mine: _Outcome) -> _Outcome:
        """The outcome of all processes together, and in each the sum of their gradients."""
        if self._accelerator.num_processes == 1:
            return mine
        if mine.exhausted:  # make room for the zeros that the others wait for
            self._gradients.clear()
            _free_cached_memory()
        due = mine.checkpoint_due and self._accelerator.is_main_process
        told = torch.zeros(4, device=self._accelerator.device)
        told[0] = mine.loss
        for place, flag in enumerate([mine.interrupted is not None, mine.exhausted, due], start=1):
            told[place] = float(flag)
        with too_little_memory_told("the sum of several processes' gradients"):
            rows = self._gradients.sum_over_processes(told)
        losses, *flags = rows.double().sum(dim=0).tolist()
        interrupted, exhausted, due = map(bool, flags)
        cause = None
        if interrupted:
            cause = mine.interrupted or StopCause(StopReason.SIGNAL, "another process of the run")
        return _Outcome(
            loss=torch.tensor(losses, dtype=torch.float64),
            interrupted=cause,
            exhausted=exhausted,
            checkpoint_due=due,
        )

    def _halve(self, step: int, largest: int) -> None:
        self.micro_batch = max(1, min(self.micro_batch, largest) // 2)
        self.out_of_memory.append({"step": step, "micro_batch": self.micro_batch})
        logging.warning(
            "out of memory in step %d: it is repeated, at most %d examples at a time",
            step,
            self.micro_batch,
        )


def _free_cached_memory() -> None:
    """Give back the memory that CUDA's allocator holds and no tensor uses."""
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


@contextmanager
def too_little_memory_told(what: str) -> Iterator[None]:
    """Turn too little memory where a smaller micro-batch cannot help into one line."""
    try:
        yield
    except RuntimeError as error:
        if not is_out_of_memory(error):
            raise
        raise UserError(f"out of memory for {what}; take a device with more memory") from None


@contextmanager
def missing_deterministic_kernel_told() -> Iterator[None]:
    """Turn torch's error about a missing deterministic kernel into one that names the setting.

    Torch raises a plain RuntimeError and tells the kind by the wording alone
    (https://docs.pytorch.org/docs/stable/generated/torch.use_deterministic_algorithms.html).
    """
    try:
        yield
    except RuntimeError as error:
        if NOT_DETERMINISTIC not in str(error):
            raise
        operation = str(error).split(",")[0]
        raise UserError(
            f"train.deterministic: true, but {operation} here; set it to false"
        ) from None
