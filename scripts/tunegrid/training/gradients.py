"""The gradients of what trains: completed, shared between processes, clipped, cleared."""

import math

import torch
from accelerate import Accelerator
from torch import nn
from transformers import PreTrainedModel

#: Numbers by whose multiple each gradient begins in the tensor that processes share: 512 bytes, as
#: CUDA's allocator aligns tensors.
ALIGNMENT = 128


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

    def sum_over_processes(self, told: torch.Tensor) -> torch.Tensor:
        """Give every process the sum of all processes' gradients, and what each one tells.

        It is one all-reduce: all gradients stand one after the other in one tensor, and after them
        a row for each process, in which all others write zeros. The gradients are views of that
        tensor then; those before are freed one by one, so that for a moment the gradients are there
        twice, when what the passes had kept is freed already.

        Args:
            told: some fp32 numbers of this process, (k,), on its device.

        Returns:
            Those of all processes, exactly as they were told, (processes, k).
        """
        places, end = self._places()
        processes, own = self._accelerator.num_processes, self._accelerator.process_index
        flat = torch.zeros(end + processes * len(told), device=told.device)
        rows = flat[end:].view(processes, len(told))
        rows[own] = told
        for value, start in zip(self._trained, places, strict=True):
            place = flat[start : start + value.numel()].view_as(value)
            if value.grad is not None:  # it is where no example of a short batch fell to it
                place.copy_(value.grad)
            value.grad = place
        torch.distributed.all_reduce(flat)
        return rows

    def _places(self) -> tuple[list[int], int]:
        """Where each trained parameter's gradient begins in a flat tensor, and where the last ends.

        Each begins where kernels can read several numbers at once.
        """
        places, end = [], 0
        for value in self._trained:
            places.append(end)
            end += math.ceil(value.numel() / ALIGNMENT) * ALIGNMENT
        return places, end

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
