"""The memory of one training step, by tracing the real model on fake tensors.

Two steps are taken on tensors without data, and the storage of every tensor is counted from its
birth to its death; an evaluation is traced likewise. What a kernel takes for itself while it runs
is not seen, nor what an allocator rounds up.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache

import torch
from torch._subclasses.fake_tensor import FakeTensorMode
from transformers import PretrainedConfig, PreTrainedModel

from tunegrid.errors import UserError
from tunegrid.memory.eight_bit_state import EightBitState
from tunegrid.memory.fake_tensors import fake_tensors
from tunegrid.memory.known_values import KnownValues
from tunegrid.memory.quantised_weights import quantised_linear_maps
from tunegrid.memory.records import Optimizer, Precision, TracedAttention, TrainingStep
from tunegrid.memory.refusals import ASKS_FOR_VALUES, asking_text, error_text
from tunegrid.memory.sharding import gathered_weights, gradients_of_a_layer, shared_parts
from tunegrid.memory.storage_counter import StorageCounter, tensors_beside_weights
from tunegrid.memory.timeline import Timeline
from tunegrid.memory.workload import (
    Kept,
    build_inputs,
    build_model,
    build_optimizer,
    evaluate_batch,
    take_step,
)
from tunegrid.training.optimizers import state_tensors


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
        timeline: what lives from moment to moment; None for a GPU that shares a step with others.
        even_experts: whether it was taken for granted that a choice by weights is even, as of the
            experts that tokens go to.
    """

    peak: int
    parts: dict[str, int]
    total_parameters: int
    trainable_parameters: int
    attention: TracedAttention
    flops: int
    after: int
    timeline: Timeline | None
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
        values = self._trace(replace(step, accumulated=1))
        if step.method_source.is_added and values.guessed:
            self._check_all_took_part()
        self._counter.mark(state_tensors(self._optimizer), "optimizer state")

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
            values = self._trace(step)
            self._traced[kind] = self._prediction_of(step, values)
        return self._traced[kind]

    def _prediction_of(self, step: TrainingStep, values: KnownValues) -> Prediction:
        """What was traced last; of several GPUs, what one of them holds of it."""
        whole = _prediction(self._model, self._counter, values)
        if step.sharding == "none":
            return whole
        parts = shared_parts(
            self._counter.history(),
            step.sharding,
            step.gpus,
            reduced_together=gradients_of_a_layer(self._model),
        )
        parts["temporaries"] += gathered_weights(self._model, step.sharding)
        return replace(whole, peak=sum(parts.values()), parts=parts, timeline=None)

    def _trace(self, step: TrainingStep) -> KnownValues:
        """Take a step under the counter, whose peak is then that of this step.

        Returns:
            What was known of values, and what was not.
        """
        with (
            fake_tensors(cuda=self._cuda, mode=self._mode) as values,
            _untraceable_told(self._model, values),
            quantised_linear_maps(),
        ):
            inputs = build_inputs(step, self._model)
            self._counter.mark(inputs.values(), "inputs")
            saved_tensors = torch.autograd.graph.saved_tensors_hooks(
                self._mark_saved, lambda tensor: tensor
            )
            with self._counter, saved_tensors:
                self._counter.reset_peak()
                self._counter.reset_work()
                take_step(step, self._model, self._optimizer, inputs, self._kept)
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
        with _untraceable_told(model, values), quantised_linear_maps(), counter:
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
    counter.mark(tensors_beside_weights(model), "frozen weights")


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
        attention="sdpa" if counter.fused_attention else "eager",
        flops=counter.flops,
        after=counter.live,
        timeline=counter.timeline(),
    )


def predict_by_micro_batch(
    config: PretrainedConfig, step: TrainingStep, *, cuda: bool = True
) -> Callable[[int], Prediction]:
    """A function that traces a step whose examples are cut into smaller micro-batches.

    While a later micro-batch is computed, the gradients of those before it are there, which two
    micro-batches tell as well as many.

    Args:
        config: the model's configuration.
        step: the step, of all examples at once.
        cuda: as of `predict`.

    Returns:
        From examples to what is predicted. It raises what `predict` raises.
    """

    @cache
    def tracer() -> StepTracer:
        return StepTracer(config, step, cuda=cuda)

    def predict_batch(batch: int) -> Prediction:
        micro_batches = 1 if batch >= step.batch else 2
        return tracer().predict(replace(step, batch=batch, accumulated=micro_batches))

    return predict_batch
