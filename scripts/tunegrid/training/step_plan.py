"""How many optimizer steps a run takes, and after which of them it is evaluated."""

import math
from dataclasses import dataclass

from tunegrid.config.schema import TrainSettings


@dataclass(frozen=True)
class StepPlan:
    """The steps of a whole run, before any of them is taken.

    Attributes:
        steps_per_epoch: optimizer steps of an epoch; the last batch may be shorter.
        steps: of the whole run, for which its schedule is planned.
        evaluate_every: steps from one evaluation to the next.
    """

    steps_per_epoch: int
    steps: int
    evaluate_every: int

    def evaluated_after(self, number: int) -> int:
        """The step after which evaluation `number` (from 0) is made; one follows the last step."""
        return min((number + 1) * self.evaluate_every, self.steps)

    def epoch_of(self, step: int) -> int:
        """The epoch (from 1) that a step (from 1) belongs to."""
        return math.ceil(step / self.steps_per_epoch)

    def steps_until(self, epochs: int | None) -> int:
        """The steps of the first epochs; of the whole run where None or where it has no more."""
        if epochs is None:
            return self.steps
        return min(epochs * self.steps_per_epoch, self.steps)


def plan_steps(settings: TrainSettings, examples: int) -> StepPlan:
    """The steps of a run: `max_steps`, or those of `epochs`.

    Args:
        settings: how the cell is trained.
        examples: of the training split.
    """
    steps_per_epoch = math.ceil(examples / settings.batch_size)
    return StepPlan(
        steps_per_epoch=steps_per_epoch,
        steps=settings.max_steps or settings.epochs * steps_per_epoch,
        evaluate_every=settings.eval_every or steps_per_epoch,
    )


def plan_notes(settings: TrainSettings, plan: StepPlan) -> list[str]:
    """What a reader of the results should know of the plan, in sentences; mostly nothing."""
    if settings.eval_every is None or settings.eval_every < plan.steps:
        return []
    what = f"train.eval_every is {settings.eval_every}, and it has {plan.steps} optimizer steps"
    return [f"the run is evaluated once, at its end: {what}"]
