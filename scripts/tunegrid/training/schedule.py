"""The learning rate of each optimizer step, and what is to be said of a run's number of steps."""

import math
import warnings

import torch
from torch.optim.lr_scheduler import LambdaLR
from transformers import get_scheduler

from tunegrid.config.schema import TrainSettings

#: Our schedules and how transformers calls them
#: (https://huggingface.co/docs/transformers/main_classes/optimizer_schedules).
SCHEDULES = {"cosine": "cosine", "linear": "linear", "constant": "constant_with_warmup"}

#: A run of fewer steps than this is told so: of its schedule little is left.
FEW_STEPS = 10
#: A warm-up that is so many times longer than asked for is told.
LONGER_WARMUP = 1.1


def build_schedule(
    optimizer: torch.optim.Optimizer, settings: TrainSettings, steps: int
) -> LambdaLR:
    """The learning rate's warm-up over `warmup_ratio` of all steps, and its fall after it.

    Step k of a warm-up of W steps, counted from 1, has k / W of the peak rate. The library's own
    schedules (https://huggingface.co/docs/transformers/main_classes/optimizer_schedules) have
    (k - 1) / W there, with which the first step trains nothing. The rates of all later steps are
    the library's.

    Args:
        optimizer: the learning rate of each of its groups is the group's peak.
        settings: how the cell is trained.
        steps: optimizer steps of the whole run.
    """
    warmup = warmup_steps(settings, steps)
    library: LambdaLR = get_scheduler(
        SCHEDULES[settings.schedule],
        optimizer,
        num_warmup_steps=warmup,
        num_training_steps=steps,
    )
    share_after_warmup = library.lr_lambdas[0]

    def share_of_peak(steps_taken: int) -> float:
        step = steps_taken + 1
        return step / warmup if step <= warmup else share_after_warmup(steps_taken)

    return LambdaLR(optimizer, share_of_peak)


def current_rate(schedule: LambdaLR, settings: TrainSettings) -> float:
    """The learning rate of the next step, of weights whose peak is `learning_rate`."""
    share_of_peak: float = schedule.lr_lambdas[0](schedule.last_epoch)
    return settings.learning_rate * share_of_peak


def advance(schedule: LambdaLR) -> None:
    """Go on to the next step's rate, also after a step that fp16's loss scaling has left out.

    Torch warns where a schedule's first step follows no optimizer step, as where that one is left
    out; no rate is lost here, since a step that is left out counts as one.
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Detected call of `lr_scheduler.step")
        schedule.step()


def warmup_steps(settings: TrainSettings, steps: int) -> int:
    """Steps of the warm-up: `warmup_ratio` of all steps, rounded up.

    The Transformers Trainer counts them in the same way
    (https://huggingface.co/docs/transformers/main_classes/trainer).
    """
    return math.ceil(settings.warmup_ratio * steps)


def schedule_notes(settings: TrainSettings, steps: int) -> list[str]:
    """What a reader of the results should know of the schedule, in one sentence; empty: nothing.

    It is told that a run has fewer than `FEW_STEPS` steps, or that rounding up makes the warm-up
    more than `LONGER_WARMUP` times as long as `warmup_ratio` asks for.
    """
    warmup = warmup_steps(settings, steps)
    share = f"{warmup} of {steps} optimizer step{'' if steps == 1 else 's'} ({warmup / steps:.0%})"
    asked = f"train.warmup_ratio asks for {settings.warmup_ratio:.4g} of them"
    if steps < FEW_STEPS:
        problem = f"the run is short: its warm-up takes {share}, {asked}"
        remedy = f"give it at least {FEW_STEPS} steps"
    elif warmup > LONGER_WARMUP * settings.warmup_ratio * steps:
        problem = f"the warm-up takes {share}, {asked}"
        remedy = "bring it nearer to that"
    else:
        return []
    if settings.max_steps is not None:
        return [f"{problem}; more train.max_steps {remedy}"]
    return [f"{problem}; more train.epochs or a smaller train.batch_size {remedy}"]
