"""The gradients of what trains: completed, shared between processes, clipped, cleared."""

import torch
from accelerate import Accelerator
from torch import nn
from transformers import PreTrainedModel


class Gradients:
    """The gradients of a model's trained parameters between two optimizer steps.

    On a CPU each micro-batch's gradient of the word embedding is kept as the rows that it touches
    until the batch is complete. The dense one is as large as the vocabulary and would be written
    once a micro-batch: 5 % of MiniLM's step.

    Args:
        accelerator: knows the device and the processes that share a batch.
        model: its parameters that require a gradient are trained.
    """

    def __init__(self, accelerator: Accelerator, model: PreTrainedModel) -> None:
        self._accelerator = accelerator
        self._trained = [value for value in model.parameters() if value.requires_grad]
        #: The word embedding whose gradient is sparse within a batch; None: there is none.
        self._words: torch.Tensor | None = None
        #: Its gradient as the optimizer gets it, in memory that is kept from step to step.
        self._dense: torch.Tensor | None = None
        #: The rows of that memory which may not be zero.
        self._touched: torch.Tensor | slice = slice(None)
        if accelerator.device.type == "cpu":
            words = model.get_input_embeddings()
            if isinstance(words, nn.Embedding) and words.weight.requires_grad:
                words.sparse = True
                self._words = words.weight

    def kept_tensors(self) -> list[torch.Tensor]:
        """The tensors that it keeps from step to step; made, where no step has made them yet."""
        if self._words is None:
            return []
        if self._dense is None:
            self._dense = torch.zeros_like(self._words)
        return [self._dense]

    def complete(self) -> None:
        """Give the word embedding its dense gradient, after the last micro-batch of a batch.

        Fresh memory for it would be cleared page by page in every step; here only the rows that
        the last step touched are.
        """
        if self._words is None or self._words.grad is None or not self._words.grad.is_sparse:
            return
        (self._dense,) = self.kept_tensors()
        gradient = self._words.grad.coalesce()
        self._touched = gradient.indices()[0]
        self._dense[self._touched] = gradient.values()
        self._words.grad = self._dense

    def sum_over_processes(self) -> None:
        """Give every process the sum of all processes' gradients."""
        for value in self._trained:
            if value.grad is None:  # no example of a short batch fell to this process
                value.grad = torch.zeros_like(value)
            torch.distributed.all_reduce(value.grad)
        self._touched = slice(None)  # the rows that the other processes touched, too

    def clip(self, max_norm: float | None) -> None:
        """Scale all gradients down to this norm, together; None: leave them as they are."""
        if max_norm is not None:
            self._accelerator.clip_grad_norm_(self._trained, max_norm)

    def clear(self) -> None:
        """Forget all gradients."""
        for value in self._trained:
            value.grad = None
        if self._dense is not None:
            self._dense[self._touched] = 0.0
