"""The memory of one training step, by tracing the real model on fake tensors.

Two steps are taken on tensors without data, and the storage of every tensor is counted from its
birth to its death; an evaluation is traced likewise. What a kernel takes for itself while it runs
is not seen, nor what an allocator rounds up.
"""

from __future__ import annotations

import weakref
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import torch
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from transformers import PretrainedConfig, PreTrainedModel

from tunegrid.errors import UserError
from tunegrid.memory import KINDS
from tunegrid.memory.eight_bit_state import EightBitState
from tunegrid.memory.fake_tensors import fake_tensors
from tunegrid.memory.in_place import holders_of_one_alone, written_in_place
from tunegrid.memory.known_values import WHICH_DEVICE, KnownValues, device_of
from tunegrid.memory.records import Optimizer, TrainingStep
from tunegrid.memory.refusals import ASKS_FOR_VALUES, asking_text, error_text
from tunegrid.memory.workload import (
    build_inputs,
    build_model,
    build_optimizer,
    evaluate_batch,
    take_step,
)


@dataclass(frozen=True)
class Prediction:
    """What a step takes at its peak.

    Attributes:
        peak: bytes of live tensor storage.
        parts: the bytes of each of `tunegrid.memory.KINDS` at the peak.
        total_parameters: how many weights the model has.
        trainable_parameters: how many of them train.
        even_experts: whether it was taken for granted that a choice by weights is even, as of the
            experts that tokens go to.
    """

    peak: int
    parts: dict[str, int]
    total_parameters: int
    trainable_parameters: int
    even_experts: bool = False


class UntraceableError(UserError):
    """A model whose step cannot be taken on fake tensors."""


def predict(config: PretrainedConfig, step: TrainingStep, *, cuda: bool = True) -> Prediction:
    """Trace two steps and predict the second, since the optimizer's state exists from there on.

    Args:
        config: the model's configuration; its weights are not needed.
        step: the step.
        cuda: whether CUDA's kernels are traced; otherwise a CPU's.

    Raises:
        UserError: the model cannot be built.
        UntraceableError: the model's code asks tensors for values, as mixtures of experts do.
    """
    return StepTracer(config, step, cuda=cuda).predict(step)


class StepTracer:
    """A model that has taken a first step on fake tensors, so that its optimizer has its state.

    Every further step is predicted by tracing it alone. Between two steps nothing lives but the
    weights and that state, so each takes what it would take after any other.

    Args:
        config: the model's configuration; its weights are not needed.
        step: the first step.
        cuda: as of `predict`.

    Raises:
        UserError, UntraceableError: as of `predict`.
    """

    def __init__(self, config: PretrainedConfig, step: TrainingStep, *, cuda: bool = True) -> None:
        self._cuda = cuda
        self._mode = FakeTensorMode()
        self._counter = StorageCounter()
        self._traced: dict[tuple[int, int, int], Prediction] = {}
        self._took_part: set[int] = set()
        with fake_tensors(cuda=cuda, mode=self._mode):
            self._model = build_model(config, step)
            _mark_weights(self._model, self._counter)
            self._optimizer = _traceable_optimizer(self._model, step.optimizer)
            for weight in self._model.parameters():
                if weight.requires_grad:
                    weight.register_post_accumulate_grad_hook(  # type: ignore[no-untyped-call]
                        self._mark_gradient
                    )
        values = self._trace(replace(step, accumulated=1))
        if step.method_source.is_added and values.guessed:
            self._check_all_took_part()
        for state in self._optimizer.state.values():
            tensors = (value for value in state.values() if isinstance(value, torch.Tensor))
            self._counter.mark(tensors, "optimizer state")

    def predict(self, step: TrainingStep) -> Prediction:
        """Trace a step, each only once.

        Args:
            step: differs from the first one in `batch`, `tokens` and `accumulated` at most.

        Raises:
            UntraceableError: as of `predict`.
        """
        size = (step.batch, step.tokens, step.accumulated)
        if size not in self._traced:
            values = self._trace(step)
            self._traced[size] = _prediction(self._model, self._counter, values)
        return self._traced[size]

    def _trace(self, step: TrainingStep) -> KnownValues:
        """Take a step under the counter, whose peak is then that of this step.

        Returns:
            What was known of values, and what was not.
        """
        fakes = fake_tensors(cuda=self._cuda, mode=self._mode)
        with fakes as values, _untraceable_told(self._model, values):
            inputs = build_inputs(step, self._model)
            self._counter.mark(inputs.values(), "inputs")
            saved_tensors = torch.autograd.graph.saved_tensors_hooks(
                self._mark_saved, lambda tensor: tensor
            )
            with self._counter, saved_tensors:
                self._counter.reset_peak()
                take_step(step, self._model, self._optimizer, inputs)
        return values

    def _check_all_took_part(self) -> None:
        """Check that every weight that trains got a gradient in the traced step.

        A layer may be left out for what a value is, which was not known.

        Raises:
            UntraceableError: one did not, so that a step takes more than was traced.
        """
        for name, weight in self._model.named_parameters():
            if weight.requires_grad and id(weight) not in self._took_part:
                raise UntraceableError(
                    f"{type(self._model).__name__} cannot be traced without data: whether {name}"
                    " has a part in the step depends on values; measure it"
                    " (scripts/measure_memory.py), or try a micro_batch: out of memory, it is"
                    " halved"
                )

    def _mark_gradient(self, weight: torch.Tensor) -> None:
        self._took_part.add(id(weight))
        if weight.grad is not None:
            self._counter.mark([weight.grad], "gradients")

    def _mark_saved(self, tensor: torch.Tensor) -> torch.Tensor:
        """Mark what an operation keeps for the backward pass.

        Returns:
            The tensor outside of the graph: one that is in it would keep an operation alive whose
            result is used no more
            (https://docs.pytorch.org/docs/stable/notes/autograd.html#hooks-for-saved-tensors).
        """
        self._counter.mark([tensor], "activations")
        return tensor.detach()


def predict_evaluation(
    config: PretrainedConfig, step: TrainingStep, *, cuda: bool = True, copies: int = 2
) -> Prediction:
    """Trace the forward pass of one micro-batch that is evaluated between two training steps.

    There are no gradients and no activations that are kept; the optimizer's state stays.

    Args:
        config: the model's configuration; its weights are not needed.
        step: the training step; as many examples are evaluated at once.
        cuda: as of `predict`.
        copies: numbers that are held beside each weight that trains: AdamW's two moments, and more
            where the best weights so far lie in the same memory.

    Raises:
        UserError, UntraceableError: as of `predict`.
    """
    with fake_tensors(cuda=cuda) as values:
        model = build_model(config, step)
        counter = StorageCounter()
        _mark_weights(model, counter)
        trained = [weight for weight in model.parameters() if weight.requires_grad]
        held = [torch.zeros_like(weight) for _ in range(copies) for weight in trained]
        counter.mark(held, "optimizer state")
        inputs = build_inputs(step, model)
        counter.mark(inputs.values(), "inputs")
        with _untraceable_told(model, values), counter:
            counter.reset_peak()
            evaluate_batch(step, model, inputs)
    return _prediction(model, counter, values)


def _traceable_optimizer(model: PreTrainedModel, name: Optimizer) -> torch.optim.Optimizer:
    """The optimizer of this name; of the one whose kernels take no fake tensors, its state."""
    if name == "adamw_8bit":
        return EightBitState([weight for weight in model.parameters() if weight.requires_grad])
    return build_optimizer(model, name)


def _mark_weights(model: PreTrainedModel, counter: StorageCounter) -> None:
    weights = list(model.parameters())
    counter.mark((one for one in weights if one.requires_grad), "trainable weights")
    counter.mark((one for one in weights if not one.requires_grad), "frozen weights")
    counter.mark(model.buffers(), "frozen weights")


@contextmanager
def _untraceable_told(model: PreTrainedModel, values: KnownValues) -> Iterator[None]:
    """Turn what a model's code raises on fake tensors into one line."""
    try:
        yield
    except UserError:
        raise
    except ASKS_FOR_VALUES as error:
        raise UntraceableError(
            f"{type(model).__name__} cannot be traced without data: {asking_text(error)}; measure"
            " it (scripts/measure_memory.py), or try a micro_batch: out of memory, it is halved"
        ) from None
    except Exception as error:  # noqa: BLE001 (a model's code may raise anything)
        if values.guessed:
            raise UntraceableError(
                f"{type(model).__name__} cannot be traced without data: its code asks whether"
                f" values are as they should be, and is told no ({error_text(error)}); measure it"
                " (scripts/measure_memory.py)"
            ) from None
        raise UntraceableError(
            f"{type(model).__name__} fails in a step that is traced without data:"
            f" {error_text(error)}; scripts/measure_memory.py tells whether a real step fails, too"
        ) from None


def _prediction(model: PreTrainedModel, counter: StorageCounter, values: KnownValues) -> Prediction:
    weights = list(model.parameters())
    return Prediction(
        peak=counter.peak,
        parts=counter.at_peak(),
        total_parameters=sum(one.numel() for one in weights),
        trainable_parameters=sum(one.numel() for one in weights if one.requires_grad),
        even_experts=values.chose,
    )


def peak_by_micro_batch(
    config: PretrainedConfig, step: TrainingStep, *, cuda: bool = True
) -> Callable[[int], int]:
    """A function that traces the step at another micro-batch, each only once.

    Args:
        config: the model's configuration.
        step: the step; of its micro-batches only one is traced.
        cuda: as of `predict`.

    Returns:
        From examples to the peak in bytes. It raises what `predict` raises.
    """

    @cache
    def tracer() -> StepTracer:
        return StepTracer(config, step, cuda=cuda)

    def peak_of(batch: int) -> int:
        return tracer().predict(replace(step, batch=batch, accumulated=1)).peak

    return peak_of


@dataclass
class Storage:
    """The storage of one tensor or of several views.

    Attributes:
        size: bytes.
        born: when it was made, in births and deaths of storages before it.
        died: when it was freed, likewise; None as long as it lives.
        kind: one of `tunegrid.memory.KINDS`; a temporary until something says what it is for.
    """

    size: int
    born: int
    died: int | None = None
    kind: str = "temporaries"


class StorageCounter(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Counts the bytes of all live storages that operations under it return.

    Attributes:
        live: bytes that live now.
        peak: the most bytes that lived at once since `reset_peak`.
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.live = 0
        self.peak = 0
        self._alone = holders_of_one_alone()
        self._clock = 0
        self._peak_clock = 0
        self._all: list[Storage] = []
        self._living: dict[int, Storage] = {}

    def reset_peak(self) -> None:
        """Begin a new measurement from what is live now."""
        self.peak, self._peak_clock = self.live, self._clock

    def at_peak(self) -> dict[str, int]:
        """The bytes of each kind of storage at the peak."""
        sizes = Counter(dict.fromkeys(KINDS, 0))
        for one in self._all:
            if one.born <= self._peak_clock and (one.died is None or one.died > self._peak_clock):
                sizes[one.kind] += one.size
        return dict(sizes)

    def mark(self, tensors: Iterable[torch.Tensor], kind: str) -> None:
        """Say what tensors are for. They may be new; where several say it, the first counts."""
        for tensor in tensors:
            storage = self._count(tensor)
            if storage.kind == "temporaries":
                storage.kind = kind

    def __torch_dispatch__(
        self,
        func: Any,
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        if func is WHICH_DEVICE:
            return device_of(args[0])
        func = written_in_place(func, args, alone=self._alone)
        result = func(*args, **(kwargs or {}))
        if isinstance(result, torch.Tensor):
            self._count(result)
            return result
        for leaf in tree_leaves(result):
            if isinstance(leaf, torch.Tensor):
                self._count(leaf)
        return result

    def _count(self, tensor: torch.Tensor) -> Storage:
        """The record of a tensor's storage; a new storage is counted from now on."""
        storage = tensor.untyped_storage()
        key = storage._cdata  # noqa: SLF001 (a storage's identity has no public name)
        if key not in self._living:
            self._clock += 1
            self._living[key] = Storage(storage.nbytes(), born=self._clock)
            self._all.append(self._living[key])
            self.live += storage.nbytes()
            weakref.finalize(storage, self._bury, key)
            if self.live > self.peak:
                self.reset_peak()
        return self._living[key]

    def _bury(self, key: int) -> None:
        """Count a storage no longer: it was freed."""
        self._clock += 1
        storage = self._living.pop(key)
        storage.died = self._clock
        self.live -= storage.size
