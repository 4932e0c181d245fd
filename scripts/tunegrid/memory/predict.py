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
from typing import Any, Literal

import torch
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import flop_registry
from transformers import PretrainedConfig, PreTrainedModel

from tunegrid.errors import UserError
from tunegrid.memory import KINDS
from tunegrid.memory.eight_bit_state import EightBitState
from tunegrid.memory.fake_tensors import EFFICIENT_ATTENTION, WHICH_DEVICE, device_of, fake_tensors
from tunegrid.memory.quantised_weights import quantised_linear_maps
from tunegrid.memory.records import Optimizer, Precision, TrainingStep
from tunegrid.memory.sharding import gathered_weights, gradients_of_a_layer, shared_parts
from tunegrid.memory.workload import (
    Kept,
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
        attention: "sdpa" where CUDA's memory-efficient kernel computed attention, else "eager".
        flops: floating-point operations of the step's matrix products and attention, by the
            formulas of `torch.utils.flop_counter`; what is computed twice counts twice. 0 where
            they were not to be counted.
        after: bytes of live tensor storage when the step is over.
    """

    peak: int
    parts: dict[str, int]
    total_parameters: int
    trainable_parameters: int
    attention: Literal["eager", "sdpa"]
    flops: int
    after: int


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

    Every further step is predicted by tracing it alone. Between two steps of our own loop nothing
    lives but the weights and that state, so each takes what it would take after any other. Other
    loops keep something, so that a step is traced after one of its own size.

    Args:
        config: the model's configuration; its weights are not needed.
        step: the first step.
        cuda: as of `predict`.
        count_flops: whether floating-point operations are counted, too.

    Raises:
        UserError, UntraceableError: as of `predict`.
    """

    def __init__(
        self,
        config: PretrainedConfig,
        step: TrainingStep,
        *,
        cuda: bool = True,
        count_flops: bool = False,
    ) -> None:
        self._cuda = cuda
        self._mode = FakeTensorMode()
        self._counter = StorageCounter(count_flops=count_flops)
        self._traced: dict[tuple[int, int, int, Precision], Prediction] = {}
        self._took_part: set[int] = set()
        self._kept = Kept()
        with fake_tensors(cuda=cuda, mode=self._mode):
            self._model = build_model(config, step)
            _mark_weights(self._model, self._counter)
            self._optimizer = _traceable_optimizer(self._model, step.optimizer)
            for weight in self._model.parameters():
                if weight.requires_grad:
                    weight.register_post_accumulate_grad_hook(  # type: ignore[no-untyped-call]
                        self._mark_gradient
                    )
        self._trace(replace(step, accumulated=1))
        if step.method_source.is_added:
            self._check_all_took_part()
        for state in self._optimizer.state.values():
            tensors = (value for value in state.values() if isinstance(value, torch.Tensor))
            self._counter.mark(tensors, "optimizer state")

    def predict(self, step: TrainingStep) -> Prediction:
        """Trace a step, each only once.

        Args:
            step: differs from the first one in `batch`, `tokens` and `accumulated` at most, and in
                whether it is under autocast.

        Raises:
            UntraceableError: as of `predict`.
        """
        kind = (step.batch, step.tokens, step.accumulated, step.precision)
        if kind not in self._traced:
            if step.loop != "ours":
                self._trace(step)
            self._trace(step)
            self._traced[kind] = self._prediction_of(step)
        return self._traced[kind]

    def _prediction_of(self, step: TrainingStep) -> Prediction:
        """What was traced last; of several GPUs, what one of them holds of it."""
        whole = _prediction(self._model, self._counter)
        if step.sharding == "none":
            return whole
        parts = shared_parts(
            self._counter.history(),
            step.sharding,
            step.gpus,
            reduced_together=gradients_of_a_layer(self._model),
        )
        parts["temporaries"] += gathered_weights(self._model, step.sharding)
        return replace(whole, peak=sum(parts.values()), parts=parts)

    def _trace(self, step: TrainingStep) -> None:
        """Take a step under the counter, whose peak is then that of this step."""
        with (
            fake_tensors(cuda=self._cuda, mode=self._mode, padded=step.padded),
            _untraceable_told(self._model),
            quantised_linear_maps(),
        ):
            inputs = build_inputs(step)
            self._counter.mark(inputs.values(), "inputs")
            saved_tensors = torch.autograd.graph.saved_tensors_hooks(
                self._mark_saved, lambda tensor: tensor
            )
            with self._counter, saved_tensors:
                self._counter.reset_peak()
                self._counter.reset_work()
                take_step(step, self._model, self._optimizer, inputs, self._kept)

    def _check_all_took_part(self) -> None:
        """Check that every weight that trains got a gradient in the traced step.

        Some layers are left out by chance while they train, and ask a random number whether to be.

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
        self._counter.mark([tensor], "activations")
        return tensor


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
    with fake_tensors(cuda=cuda, padded=step.padded):
        model = build_model(config, step)
        counter = StorageCounter()
        _mark_weights(model, counter)
        trained = [weight for weight in model.parameters() if weight.requires_grad]
        held = [torch.zeros_like(weight) for _ in range(copies) for weight in trained]
        counter.mark(held, "optimizer state")
        inputs = build_inputs(step)
        counter.mark(inputs.values(), "inputs")
        with _untraceable_told(model), quantised_linear_maps(), counter:
            counter.reset_peak()
            evaluate_batch(step, model, inputs)
    return _prediction(model, counter)


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
def _untraceable_told(model: PreTrainedModel) -> Iterator[None]:
    """Turn what fake tensors cannot do into one line."""
    try:
        yield
    except (RuntimeError, TypeError, ValueError, AssertionError) as error:
        reason = " ".join(str(error).split())[:200]
        raise UntraceableError(
            f"{type(model).__name__} cannot be traced without data: {reason}; measure it"
            " (scripts/measure_memory.py), or try a micro_batch: out of memory, it is halved"
        ) from None


def _prediction(model: PreTrainedModel, counter: StorageCounter) -> Prediction:
    weights = list(model.parameters())
    return Prediction(
        peak=counter.peak,
        parts=counter.at_peak(),
        total_parameters=sum(one.numel() for one in weights),
        trainable_parameters=sum(one.numel() for one in weights if one.requires_grad),
        attention="sdpa" if counter.fused_attention else "eager",
        flops=counter.flops,
        after=counter.live,
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
        fused_attention: whether an operation was the memory-efficient kernel of attention.
        flops: floating-point operations since `reset_work`.

    Args:
        count_flops: whether they are counted.
    """

    def __init__(self, *, count_flops: bool = False) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.live = 0
        self.peak = 0
        self.fused_attention = False
        self.flops = 0
        self._flop_formulas = flop_registry if count_flops else {}
        self._clock = 0
        self._peak_clock = 0
        self._began = 0
        self._all: list[Storage] = []
        self._living: dict[int, Storage] = {}

    def reset_peak(self) -> None:
        """Begin a new measurement from what is live now."""
        self._began = self._clock
        self._note_peak()

    def _note_peak(self) -> None:
        self.peak, self._peak_clock = self.live, self._clock

    def reset_work(self) -> None:
        """Begin a new count of floating-point operations."""
        self.flops = 0

    def at_peak(self) -> dict[str, int]:
        """The bytes of each kind of storage at the peak."""
        sizes = Counter(dict.fromkeys(KINDS, 0))
        for one in self._all:
            if one.born <= self._peak_clock and (one.died is None or one.died > self._peak_clock):
                sizes[one.kind] += one.size
        return dict(sizes)

    def history(self) -> list[Storage]:
        """The storages that lived at some moment since `reset_peak`."""
        return [one for one in self._all if one.died is None or one.died > self._began]

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
        if func is EFFICIENT_ATTENTION:
            self.fused_attention = True
        result = func(*args, **(kwargs or {}))
        count_flops = self._flop_formulas.get(func.overloadpacket)
        if count_flops is not None:
            self.flops += count_flops(*args, **(kwargs or {}), out_val=result)
        if isinstance(result, torch.Tensor) and result.layout == torch.strided:
            self._count(result)
            return result
        for leaf in tree_leaves(result):
            if isinstance(leaf, torch.Tensor):
                for part in _stored_parts(leaf):
                    self._count(part)
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
                self._note_peak()
        return self._living[key]

    def _bury(self, key: int) -> None:
        """Count a storage no longer: it was freed."""
        self._clock += 1
        storage = self._living.pop(key)
        storage.died = self._clock
        self.live -= storage.size


def _stored_parts(tensor: torch.Tensor) -> list[torch.Tensor]:
    """The tensors whose storage holds a tensor: itself, or a sparse one's indices and values."""
    if tensor.layout == torch.sparse_coo:
        return [tensor._indices(), tensor._values()]  # noqa: SLF001 (public ones ask to coalesce)
    return [tensor]
