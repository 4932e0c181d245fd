"""The parts of a run while it is trained, how far it has come, and what a checkpoint holds."""

import math
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any

import torch
from accelerate import Accelerator
from accelerate.utils import gather_object
from torch.optim.lr_scheduler import LambdaLR
from transformers import PreTrainedModel

from tunegrid.config.schema import TrainSettings
from tunegrid.config.value_types import Precision
from tunegrid.metrics import Predictions
from tunegrid.predictions import PREDICTIONS_OF, predicted_arrays
from tunegrid.results import EVALUATED
from tunegrid.training.batching import EncodedSplit
from tunegrid.training.checkpoints import Checkpoints, State
from tunegrid.training.energy import EnergyMeter
from tunegrid.training.evaluation_guard import EvaluationGuard
from tunegrid.training.gradients import Gradients
from tunegrid.training.loss_scaling import loss_scale_state, restore_loss_scale
from tunegrid.training.model_building import BuiltModel
from tunegrid.training.objectives import Objective
from tunegrid.training.prefetching import MicroBatchLoader
from tunegrid.training.randomness import random_states, restore_random_states
from tunegrid.training.run_request import RunRequest
from tunegrid.training.selection import Selection, trained_weights
from tunegrid.training.step_guard import StepGuard
from tunegrid.training.step_plan import StepPlan


@dataclass(frozen=True)
class StepRecord:
    """One optimizer step of the training curve.

    Attributes:
        step: its number, from 1.
        epoch: the epoch that it belongs to, from 1.
        loss: the mean loss of its batch before the step (`Objective`); a cross-entropy is in nats.
        learning_rate: the rate of the step, of weights that train at `train.learning_rate`.
    """

    step: int
    epoch: int
    loss: float
    learning_rate: float


@dataclass
class Progress:
    """How far a run has come.

    Attributes:
        history: a record of every step that was taken.
        evaluations: of every evaluation, the predictions for the watched split.
        skipped_steps: the numbers of the steps that changed nothing, since a gradient was too large
            for fp16.
        seconds_before: time that earlier processes of this run spent on it.
        joules_before: energy that they took; None: not known.
        resumed_at: the step after which this process went on; None: it began the run.
    """

    history: list[StepRecord] = field(default_factory=list)
    evaluations: list[Predictions] = field(default_factory=list)
    skipped_steps: list[int] = field(default_factory=list)
    seconds_before: float = 0.0
    joules_before: float | None = 0.0
    resumed_at: int | None = None

    @property
    def diverged(self) -> bool:
        """Whether the last step's loss is not finite: then no step follows it."""
        return bool(self.history) and not math.isfinite(self.history[-1].loss)


@dataclass
class Run:
    """The parts of one run while it is trained.

    Attributes:
        precision: in which it is trained: what `precision: auto` has become.
        notes: what a reader of its results should know, in whole sentences; its provenance has it.
    """

    request: RunRequest
    accelerator: Accelerator
    built: BuiltModel
    splits: dict[str, EncodedSplit]
    seen_splits: dict[str, Any]
    objective: Objective
    loader: MicroBatchLoader
    optimizer: torch.optim.Optimizer
    schedule: LambdaLR
    gradients: Gradients
    guard: StepGuard
    evaluation_guard: EvaluationGuard
    selection: Selection
    checkpoints: Checkpoints
    energy: EnergyMeter
    progress: Progress
    plan: StepPlan
    precision: Precision
    notes: list[str]
    started: float

    @property
    def model(self) -> PreTrainedModel:
        """What is trained."""
        return self.built.model

    @property
    def train_settings(self) -> TrainSettings:
        """How the cell is trained."""
        return self.request.settings.train

    @property
    def watched(self) -> str:
        """The split that is evaluated during training."""
        return EVALUATED[self.train_settings.protocol]

    @property
    def log_odds(self) -> float | None:
        """Of several labels, the logit from which on test's are predicted; None of other targets.

        The evaluation that counts settles it.
        """
        steps = self.evaluation_steps
        counts = steps.index(self.selection.step or steps[-1])
        return self.objective.threshold_after(self.progress.evaluations[counts])

    @property
    def steps_per_epoch(self) -> int:
        """Optimizer steps of an epoch; the last batch may be shorter."""
        return self.plan.steps_per_epoch

    @property
    def steps_to_take(self) -> int:
        """Optimizer steps after which this run ends, unless it is stopped earlier."""
        return self.plan.steps_until(self.request.ends_after)

    @property
    def evaluation_steps(self) -> list[int]:
        """The step after which each evaluation so far was made.

        The last one of a run that diverged was made when it did.
        """
        taken = len(self.progress.history)
        return [
            min(self.plan.evaluated_after(number), self.steps_to_take, taken)
            for number in range(len(self.progress.evaluations))
        ]

    @property
    def seconds(self) -> float:
        """Time spent on the steps and evaluations that count, by all processes of the run."""
        return self.progress.seconds_before + perf_counter() - self.started

    def joules(self) -> float | None:
        """Energy of the same, of all GPUs; None: one of them does not tell. All processes ask."""
        parts = [self.progress.joules_before, *gather_object([self.energy.joules])]
        return None if None in parts else sum(parts)


def save_checkpoint(run: Run) -> None:
    """Write all that the steps to come depend on, beside the settings; and what was recorded."""
    random, joules = gather_object([random_states()]), run.joules()
    if not run.accelerator.is_main_process:
        return
    progress = run.progress
    run.checkpoints.save(
        len(progress.history),
        {
            "history": [vars(record) for record in progress.history],
            "evaluations": [
                {
                    name: torch.from_numpy(values)
                    for name, values in predicted_arrays(predictions).items()
                }
                for predictions in progress.evaluations
            ],
            "skipped_steps": progress.skipped_steps,
            "weights": trained_weights(run.model),
            "optimizer": run.optimizer.state_dict(),
            "schedule": run.schedule.state_dict(),
            "loss_scale": loss_scale_state(run.accelerator),
            "selection": run.selection.state_dict(),
            "random": random,
            "guard": run.guard.state_dict(),
            "evaluation_guard": run.evaluation_guard.state_dict(),
            "seconds": run.seconds,
            "joules": joules,
        },
    )


def restore_checkpoint(run: Run, state: State) -> None:
    """Put everything back to where `save_checkpoint` found it: the run ends bitwise the same."""
    run.model.load_state_dict(state["weights"], strict=False)
    run.optimizer.load_state_dict(state["optimizer"])
    run.schedule.load_state_dict(state["schedule"])
    restore_loss_scale(run.accelerator, state["loss_scale"])
    run.selection.load_state_dict(state["selection"])
    run.guard.load_state_dict(state["guard"])
    run.evaluation_guard.load_state_dict(state["evaluation_guard"])
    restore_random_states(state["random"][run.accelerator.process_index])
    run.progress = Progress(
        history=[StepRecord(**record) for record in state["history"]],
        evaluations=[
            PREDICTIONS_OF[run.splits[run.watched].target](
                labels=run.splits[run.watched].labels,
                **{name: values.numpy() for name, values in predicted.items()},
            )
            for predicted in state["evaluations"]
        ],
        skipped_steps=state["skipped_steps"],
        seconds_before=state["seconds"],
        joules_before=state["joules"],
        resumed_at=len(state["history"]),
    )
