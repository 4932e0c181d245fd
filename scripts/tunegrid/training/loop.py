"""The training loop: AdamW, warm-up and decay, epochs, evaluation, checkpoints."""

import logging
import math
from collections.abc import Callable
from contextlib import nullcontext
from functools import cache
from time import perf_counter
from typing import Any

from accelerate import Accelerator
from accelerate.utils import gather_object
from torch import nn
from tqdm import tqdm
from tqdm.contrib.logging import logging_redirect_tqdm
from transformers import get_scheduler

from tunegrid.training.batching import EncodedSplit, epoch_batches
from tunegrid.training.checkpoints import Checkpoints, State
from tunegrid.training.energy import EnergyMeter
from tunegrid.training.randomness import random_states, restore_random_states
from tunegrid.training.selection import Selection, trained_weights
from tunegrid.training.stepping import Stepper, build_optimizer
from tunegrid.training.stopping import Interrupted, StopCause, Stopped, StopRequest

#: Our schedule names → transformers' (https://huggingface.co/docs/transformers/main_classes/optimizer_schedules)
SCHEDULES = {"cosine": "cosine", "linear": "linear", "constant": "constant_with_warmup"}

NO_CHECKPOINTS = Checkpoints(None, {})

History = list[dict[str, Any]]


class Training:
    """One run's training, from its newest checkpoint if it has one.

    A run that goes on ends bitwise as one that was never interrupted (on the same device).

    Args:
        accelerator: decides device, precision and how many processes share a batch.
        model: on the accelerator's device; parameters that require a gradient are trained.
        split: the training split.
        settings: the cell's `train` settings (`TrainSettings`), `micro_batch` a number.
        seed: of the order of the examples.
        checkpoints: where to go on from; written when one is due.
        stop: asked before each micro-batch whether to write a checkpoint and stop.

    Attributes:
        history: one record an optimizer step: step and epoch (from 1), loss (mean cross-entropy of
            the batch, before the step), learning_rate (that of the step); the last of an epoch
            also carries the metrics.
        resumed_at: the step after which this process went on; None if it began.
        stepper: takes the steps; knows the micro-batch.
        selection: knows the epoch that counts.
    """

    def __init__(
        self,
        accelerator: Accelerator,
        model: nn.Module,
        split: EncodedSplit,
        settings: dict[str, Any],
        seed: int,
        checkpoints: Checkpoints = NO_CHECKPOINTS,
        stop: StopRequest | None = None,
    ) -> None:
        batch_size = settings["batch_size"]
        self._accelerator, self._model = accelerator, model
        self._epochs = settings["epochs"]
        self._steps_per_epoch = math.ceil(len(split) / batch_size)
        self._steps = self._epochs * self._steps_per_epoch
        self._batches = cache(
            lambda epoch: epoch_batches(
                *(split.lengths, batch_size, seed, epoch), grouped=settings["group_by_length"]
            )
        )
        self._optimizer = build_optimizer(model, settings)
        self._schedule = get_scheduler(
            SCHEDULES[settings["schedule"]],
            self._optimizer,
            num_warmup_steps=math.ceil(settings["warmup_ratio"] * self._steps),
            num_training_steps=self._steps,
        )
        self.stepper = Stepper(
            *(accelerator, model, self._optimizer, split, settings["max_grad_norm"]),
            micro_batch=settings["micro_batch"],
            stop=stop or StopRequest(),
        )
        self.selection = Selection(settings)
        self.history: History = []
        self.resumed_at: int | None = None
        self._checkpoints, self._before, self._clock = checkpoints, 0.0, perf_counter()
        self._joules_before: float | None = 0.0
        self._meter = EnergyMeter(accelerator.device)
        if saved := checkpoints.load():
            self._restore(saved)

    @property
    def seconds(self) -> float:
        """Spent on the steps and evaluations that count, in all processes that made the run."""
        return self._before + perf_counter() - self._clock

    def joules(self) -> float | None:
        """The energy of what `seconds` counts, of all GPUs; None: one of them does not tell.

        All processes of the run must ask at once.
        """
        told = [self._joules_before, *gather_object([self._meter.joules])]
        return None if None in told else sum(told)

    @property
    def diverged(self) -> bool:
        """Whether the last step's loss is not finite: then it is the last."""
        return bool(self.history) and not math.isfinite(self.history[-1]["loss"])

    def run(self, evaluate: Callable[[], dict[str, float]]) -> None:
        """Train in place for the configured epochs, or until it diverges or patience ends.

        Leaves the model with the weights of the epoch that counts.

        Args:
            evaluate: called after each epoch; its metrics are recorded with the prefix `eval_`.

        Raises:
            Stopped: it was asked to; the checkpoint is written.
            UserError: memory or deterministic kernels do not suffice (`Stepper.take`).
        """
        self._model.train()  # its libraries load it for inference
        # None: no bar where nobody watches (the output is no terminal).
        hidden = None if self._accelerator.is_main_process else True
        bar = tqdm(total=self._steps, initial=len(self.history), unit="step", disable=hidden)
        with bar, logging_redirect_tqdm() if not bar.disable else nullcontext():
            try:
                while not self._finished():
                    self._step()
                    bar.update()
                    if self._epoch_ended():
                        self._end_epoch(evaluate)
            except Interrupted as interruption:
                self.stop(interruption.cause)
        self.selection.restore(self._model)

    def stop(self, cause: StopCause) -> None:
        """Write a checkpoint of where the run stands.

        Raises:
            Stopped: always.
        """
        self._save()
        raise Stopped(cause, f"after step {len(self.history)} of {self._steps}")

    def _finished(self) -> bool:
        """Whether the epochs are over; of a run that stopped in an evaluation they are not."""
        if self._epoch_ended() and "eval_loss" not in self.history[-1]:
            return False
        patience = self.history and self.selection.out_of_patience(self.history[-1]["epoch"])
        return len(self.history) >= self._steps or self.diverged or bool(patience)

    def _epoch_ended(self) -> bool:
        return bool(self.history) and (
            self.diverged or not len(self.history) % self._steps_per_epoch
        )

    def _step(self) -> None:
        """The next step, unless all that is left of an epoch is its evaluation."""
        if self._epoch_ended() and "eval_loss" not in self.history[-1]:
            return
        epoch, position = divmod(len(self.history), self._steps_per_epoch)
        rate = self._schedule.get_last_lr()[0]
        number = len(self.history) + 1
        loss, due = self.stepper.take(
            *(self._batches(epoch)[position], number),
            due=self._checkpoints.due(epoch_ends=number % self._steps_per_epoch == 0),
        )
        self._schedule.step()
        record = {"step": number, "epoch": epoch + 1, "loss": loss, "learning_rate": rate}
        self.history.append(record)
        if due:
            self._save()

    def _end_epoch(self, evaluate: Callable[[], dict[str, float]]) -> None:
        record = self.history[-1]
        record |= {f"eval_{key}": value for key, value in evaluate().items()}
        self.selection.see(record, self._model)
        logging.info("epoch %d of %d: %s", record["epoch"], self._epochs, _in_words(record))
        if self.diverged:
            logging.error("diverged: the loss of step %d is %s", record["step"], record["loss"])

    def _save(self) -> None:
        """All that the steps to come depend on, beside the settings; and the history so far."""
        random, joules = gather_object([random_states()]), self.joules()
        if self._accelerator.is_main_process:
            self._checkpoints.save(
                len(self.history),
                {
                    "history": self.history,
                    "weights": trained_weights(self._model),
                    "optimizer": self._optimizer.state_dict(),
                    "schedule": self._schedule.state_dict(),
                    "selection": self.selection.state_dict(),
                    "random": random,
                    "micro_batch": self.stepper.micro_batch,
                    "out_of_memory": self.stepper.out_of_memory,
                    "seconds": self.seconds,
                    "joules": joules,
                },
            )

    def _restore(self, saved: State) -> None:
        """Put everything back where `_save` found it."""
        self._model.load_state_dict(saved["weights"], strict=False)
        self._optimizer.load_state_dict(saved["optimizer"])
        self._schedule.load_state_dict(saved["schedule"])
        self.selection.load_state_dict(saved["selection"])
        restore_random_states(saved["random"][self._accelerator.process_index])
        self.stepper.micro_batch = saved["micro_batch"]
        self.stepper.out_of_memory = saved["out_of_memory"]
        self.history, self._before = saved["history"], saved["seconds"]
        self._joules_before = saved["joules"]
        self.resumed_at = len(self.history)


def _in_words(record: dict[str, Any]) -> str:
    return ", ".join(
        f"{key} {value:.4f}" if isinstance(value, float) else f"{key} {value}"
        for key, value in record.items()
    )
