"""What protects an evaluation: from too little memory, and from going on when asked to stop."""

import logging
from collections.abc import Callable
from typing import Any

import torch
from accelerate import Accelerator
from accelerate.utils import gather_object

from tunegrid.errors import UserError
from tunegrid.memory.workload import is_out_of_memory
from tunegrid.metrics import Integers
from tunegrid.stopping import Interrupted, StopRequest
from tunegrid.training.step_guard import NO_MEMORY


class EvaluationGuard:
    """Computes all examples of a split, however little memory there is.

    Args:
        accelerator: knows the processes that share a split.
        micro_batch: examples that a process evaluates at once, at most.
        stop: is asked before every micro-batch whether to stop.

    Attributes:
        micro_batch: the same; it is halved for good when memory runs out.
        out_of_memory: a record of every halving: `evaluation_of`, the split, and the `micro_batch`
            from there on.
    """

    def __init__(self, accelerator: Accelerator, micro_batch: int, stop: StopRequest) -> None:
        self._accelerator = accelerator
        self._stop = stop
        self.micro_batch = micro_batch
        self.out_of_memory: list[dict[str, Any]] = []

    def compute(self, order: Integers, predict: Callable[[Integers], None], *, split: str) -> None:
        """Predict this process' examples, in micro-batches of their order.

        When memory runs out the micro-batch is halved and the same examples are predicted again.
        Several processes go on with the smallest micro-batch of them all.

        Args:
            order: positions of the examples, the longest first, so that too little memory shows at
                the first micro-batch.
            predict: predicts the examples at some positions; called again for some of them, it
                must end the same.
            split: its name, for the record of what happened.

        Raises:
            Interrupted: the run was asked to stop; the guard is as before, so that the evaluation
                can be begun again. Several processes finish first: they must agree.
            UserError: there is not even the memory for one example at a time.
        """
        before = self.state_dict()
        start = 0
        while start < len(order):
            cause = self._stop.cause() if self._accelerator.num_processes == 1 else None
            if cause is not None:
                self.load_state_dict(before)
                raise Interrupted(cause)
            rows = order[start : start + self.micro_batch]
            if _fits(rows, predict):
                start += len(rows)
                continue
            if torch.cuda.is_available():
                torch.cuda.empty_cache()
            self._lower(max(1, len(rows) // 2), split)
        if self._accelerator.num_processes > 1:
            smallest = min(gather_object([self.micro_batch]))
            if smallest < self.micro_batch:
                self._lower(smallest, split)

    def state_dict(self) -> dict[str, Any]:
        """What a checkpoint must hold of it."""
        return {"micro_batch": self.micro_batch, "out_of_memory": [*self.out_of_memory]}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from what `state_dict` returned."""
        self.micro_batch = state["micro_batch"]
        self.out_of_memory = state["out_of_memory"]

    def _lower(self, micro_batch: int, split: str) -> None:
        self.micro_batch = micro_batch
        self.out_of_memory.append({"evaluation_of": split, "micro_batch": micro_batch})
        logging.warning(
            "out of memory in the evaluation of %s: it goes on, at most %d examples at a time",
            split,
            micro_batch,
        )


def _fits(rows: Integers, predict: Callable[[Integers], None]) -> bool:
    """Predict some examples; False if there was too little memory.

    Raises:
        UserError: it is one example.
    """
    try:
        predict(rows)
    except RuntimeError as error:
        if not is_out_of_memory(error):
            raise
        if len(rows) == 1:
            raise UserError(NO_MEMORY) from None
        return False
    return True
