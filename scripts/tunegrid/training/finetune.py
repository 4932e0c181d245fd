"""Fine-tuning one cell, from top to bottom: build, train, step, evaluate.

    finetune
      build           splits, model, optimizer, schedule; where the run goes on from
      train           optimizer steps, and an evaluation after each epoch or so many steps
        take_step       a batch's gradient, clipped; the optimizer; the schedule
          add_gradient    the loss of one micro-batch
      evaluate        the predictions for a split

What protects a run wraps this file and changes no result: `make_run` (locks, attempts, finished
runs), `step_guard` and `evaluation_guard` (too little memory, being asked to stop, several
processes), `checkpoints`. The
parts of a run, and what a checkpoint holds of them, stand in `run_state`.
"""

import logging
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from time import perf_counter
from typing import Any

import numpy as np
import torch
from accelerate import Accelerator
from accelerate.state import AcceleratorState

from tunegrid.config.schema import TrainSettings
from tunegrid.errors import UserError
from tunegrid.methods import parameter_counts
from tunegrid.metrics import METRICS, Integers, Predictions
from tunegrid.settings import positive_label
from tunegrid.stopping import Interrupted, Stopped, StopRequest
from tunegrid.training.batching import epoch_batches, to_device
from tunegrid.training.checkpoints import Checkpoints
from tunegrid.training.devices import device_name
from tunegrid.training.encoded_splits import load_splits
from tunegrid.training.energy import EnergyMeter
from tunegrid.training.evaluation_guard import EvaluationGuard
from tunegrid.training.gradients import Gradients
from tunegrid.training.input_columns import input_columns
from tunegrid.training.loss_scaling import (
    read_step,
    scale_losses,
    step_optimizer,
    unscale_gradients,
)
from tunegrid.training.micro_batch import (
    choose_evaluation_batch,
    choose_micro_batch,
    enforce_memory_limit,
)
from tunegrid.training.model_building import build_model, check_vocabulary
from tunegrid.training.objectives import build_objective
from tunegrid.training.optimizers import build_optimizer
from tunegrid.training.precisions import precision_here
from tunegrid.training.prefetching import MicroBatchLoader, with_following
from tunegrid.training.probing import two_short_examples
from tunegrid.training.progress_bar import progress_bar
from tunegrid.training.randomness import allow_tf32
from tunegrid.training.run_request import RunRequest
from tunegrid.training.run_state import (
    Progress,
    Run,
    StepRecord,
    restore_checkpoint,
    save_checkpoint,
)
from tunegrid.training.schedule import advance, build_schedule, current_rate, schedule_notes
from tunegrid.training.selection import Selection
from tunegrid.training.step_guard import StepGuard, too_little_memory_told
from tunegrid.training.step_plan import plan_notes, plan_steps
from tunegrid.training.unpadded_attention import UNPADDED, leave_padding_out

#: The positions of an evaluation's examples, on their way to the device with the inputs.
ROWS = "rows"


def finetune(
    request: RunRequest, identity: dict[str, Any], stop: StopRequest
) -> tuple[Run, Predictions]:
    """Train a cell, and predict its test split with the weights that count.

    Args:
        request: what to train.
        identity: what, beside the settings and the kind of device, must be the same for a
            checkpoint to be gone on from (`RunRequest.identity`).
        stop: is asked before every micro-batch whether to stop.

    Returns:
        The run at its end, and its predictions for the test split.

    Raises:
        Stopped: it was asked to stop; the checkpoint is written.
        UserError: method, tokenizer, memory or kernels do not fit the model, or the split that is
            to be evaluated is missing.
    """
    run = build(request, identity, stop)
    try:
        train(run)
        test = predict_test(run)
    except Interrupted as interruption:
        save_checkpoint(run)
        where = f"after step {len(run.progress.history)} of {run.plan.steps}"
        raise Stopped(interruption.cause, where) from None
    return run, test


def build(request: RunRequest, identity: dict[str, Any], stop: StopRequest) -> Run:
    """The run where it stands: at its beginning, or at its newest checkpoint."""
    precision = precision_here(request.settings.train)
    train = request.settings.train.model_copy(update={"precision": precision})
    settings = replace(request.settings, train=train)
    accelerator = start_accelerator(settings.train)
    if not accelerator.is_main_process:
        logging.getLogger().setLevel(logging.WARNING)
    splits, seen_splits = load_splits(request, input_columns(request.model))
    micro_batch = choose_micro_batch(
        settings,
        request.model,
        labels=max(1, len(request.encoding["labels"])),
        longest=int(splits["train"].lengths.max()),
        processes=accelerator.num_processes,
        device=accelerator.device,
    )
    evaluation_batch = choose_evaluation_batch(
        settings,
        request.model,
        labels=max(1, len(request.encoding["labels"])),
        longest=max(int(split.lengths.max()) for name, split in splits.items() if name != "train"),
        micro_batch=micro_batch,
        device=accelerator.device,
    )
    check_vocabulary(request)
    examples = splits["train"].collate(two_short_examples(splits["train"].lengths))
    built = build_model(
        request.model,
        settings,
        labels=request.encoding["labels"],
        target=request.encoding["target"],
        pad_token=request.encoding["padding"]["input_ids"],
        examples=examples,
        process=accelerator.process_index,
    )
    model = built.model
    for note in built.notes():
        logging.info("%s", note)
    model.to(accelerator.device)
    if train.attention == UNPADDED:
        inputs = to_device(examples, accelerator.device)
        leave_padding_out(model, accelerator, inputs, deterministic=train.deterministic)
    place = f"{accelerator.device} in {precision}"
    logging.info("%s on %s: %s", request.settings.hash, place, parameter_counts(model))
    optimizer = build_optimizer(model, settings.train)
    device = device_name(accelerator.device)
    computed_by = {"device": device, "precision": precision}
    checkpoints = Checkpoints(request.checkpoint_folder, identity | computed_by)
    plan = plan_steps(settings.train, len(splits["train"]))
    notes = schedule_notes(settings.train, plan.steps) + plan_notes(settings.train, plan)
    if accelerator.is_main_process:
        for note in notes:
            logging.warning("%s", note)
    gradients = Gradients(accelerator, model)
    guard = StepGuard(accelerator, gradients, splits["train"].lengths, micro_batch, stop)
    run = Run(
        request=request,
        accelerator=accelerator,
        built=built,
        splits=splits,
        seen_splits=seen_splits,
        objective=build_objective(
            settings.train,
            splits["train"],
            request.encoding["labels"],
            positive_label(settings),
        ).on_device(accelerator.device),
        loader=MicroBatchLoader(splits["train"], accelerator.device, guard.share),
        optimizer=optimizer,
        schedule=build_schedule(optimizer, settings.train, plan.steps),
        gradients=gradients,
        guard=guard,
        evaluation_guard=EvaluationGuard(accelerator, evaluation_batch, stop),
        selection=Selection(settings.train),
        checkpoints=checkpoints,
        energy=EnergyMeter(accelerator.device),
        progress=Progress(),
        plan=plan,
        precision=precision,
        notes=notes,
        started=perf_counter(),
    )
    if state := checkpoints.load():
        restore_checkpoint(run, state)
    return run


def train(run: Run) -> None:
    """Train for the steps that are asked for, or until the run diverges or its patience ends.

    Leaves the model with the weights that count.
    """
    run.model.train()  # its libraries load it for inference
    with progress_bar(run) as bar, run.loader:
        while not ended(run):
            for batch, following in with_following(batches_to_next_evaluation(run)):
                run.loader.expect(following)
                take_step(run, batch, run.plan.epoch_of(len(run.progress.history) + 1) - 1)
                bar.update()
                if run.progress.diverged:
                    break
            evaluate_watched(run)
    if run.request.ends_after is not None:
        save_checkpoint(run)
    run.selection.restore(run.model)


def ended(run: Run) -> bool:
    """Whether no step or evaluation is to follow, as of the last evaluation."""
    if not run.progress.evaluations:
        return False
    last = run.evaluation_steps[-1]
    return (
        run.selection.out_of_patience
        or last == run.steps_to_take
        or (run.progress.diverged and last == len(run.progress.history))
    )


def batches_to_next_evaluation(run: Run) -> Iterator[Integers]:
    """The batches of the steps that are to be taken before the next evaluation."""
    taken = len(run.progress.history)
    number = len(run.progress.evaluations)
    end = min(run.plan.evaluated_after(number), run.steps_to_take)
    while taken < end and not run.progress.diverged:
        epoch, position = divmod(taken, run.steps_per_epoch)
        batches = epoch_batches(
            run.splits["train"].lengths,
            batch_size=run.train_settings.batch_size,
            seed=run.request.settings.seed,
            epoch=epoch,
            grouped=run.train_settings.group_by_length,
        )[position : position + end - taken]
        yield from batches
        taken += len(batches)


def take_step(run: Run, batch: Integers, epoch: int) -> None:
    """One optimizer step on the examples at positions `batch`, in an epoch counted from 0."""
    divisor = run.objective.divisor(run.splits["train"].labels[batch])
    step = len(run.progress.history) + 1
    ends_epoch = step % run.steps_per_epoch == 0
    learning_rate = current_rate(run.schedule, run.train_settings)
    loss, checkpoint_due = run.guard.compute(
        batch,
        partial(add_gradient, run, divisor=divisor),
        step=step,
        checkpoint_due=run.checkpoints.due(epoch_ends=ends_epoch),
    )
    unscale_gradients(run.accelerator, run.optimizer)
    run.gradients.clip(run.train_settings.max_grad_norm)
    with too_little_memory_told("the optimizer's state"):
        step_optimizer(run.accelerator, run.optimizer)
    run.gradients.clear()
    advance(run.schedule)
    value, skipped = read_step(run.accelerator, loss, step)
    if skipped:
        run.progress.skipped_steps.append(step)
    run.progress.history.append(
        StepRecord(step=step, epoch=epoch + 1, loss=value, learning_rate=learning_rate)
    )
    if checkpoint_due:
        save_checkpoint(run)


def add_gradient(run: Run, rows: Integers, divisor: float) -> torch.Tensor:
    """Add the gradient of a micro-batch: its summed loss over the divisor of the whole batch.

    So every example weighs the same, however the batch is cut.

    Args:
        run: the run.
        rows: positions of the micro-batch's examples in the train split.
        divisor: that of the whole batch (`Objective.divisor`).

    Returns:
        The micro-batch's part of the batch's mean loss, without a gradient.
    """
    inputs, labels = run.loader.load(rows)
    with run.accelerator.autocast():
        logits = run.model(**inputs).logits
    loss = run.objective.loss_of_rows(logits.float(), labels) / divisor
    run.accelerator.backward(loss)
    return loss.detach()


def evaluate_watched(run: Run) -> None:
    """Evaluate the watched split, and let the selection see what came of the steps before it."""
    last = run.progress.history[-1]
    predictions = evaluate(run, run.watched)
    run.progress.evaluations.append(predictions)
    metric = METRICS[run.train_settings.select_metric]
    value = metric.compute(predictions)
    run.selection.see(last.step, value, run.model)
    logging.info(
        "epoch %d of %d, step %d: training loss %.4f, %s loss %.4f, %s %.4f",
        last.epoch,
        run.plan.epoch_of(run.plan.steps),
        last.step,
        last.loss,
        run.watched,
        METRICS["loss"].compute(predictions),
        metric.title,
        value,
    )
    if run.progress.diverged:
        logging.error("the run diverged: the loss of step %d is %s", last.step, last.loss)


def predict_test(run: Run) -> Predictions:
    """The test split, predicted with the weights that the model has at the end of training."""
    if run.watched == "test":
        # Where the test split is watched the last weights count, and it was evaluated with them.
        return run.progress.evaluations[-1]
    return evaluate(run, "test", log_odds=run.log_odds)


@torch.no_grad()
def evaluate(run: Run, name: str, log_odds: float | None = None) -> Predictions:
    """The predictions for a split, in the split's order. Draws no random number.

    Examples are computed in order of length; several processes share them, and all get the result.
    Leaves the model in training mode.

    Args:
        run: the run.
        name: the split's.
        log_odds: of several labels, the logit from which on a label is predicted; None: as the
            settings have it.

    Raises:
        Interrupted, UserError: as `EvaluationGuard.compute`.
    """
    split, accelerator = run.splits[name], run.accelerator
    run.model.train(mode=False)
    order = np.argsort(-split.lengths, kind="stable")
    mine = order[accelerator.process_index :: accelerator.num_processes]
    labels = run.model.config.num_labels
    logits = torch.zeros((len(split), labels), device=accelerator.device)

    def predict(rows: Integers) -> None:
        """Put the logits of the examples at positions `rows` into their places."""
        batch = split.collate(rows) | {ROWS: torch.from_numpy(rows)}
        inputs = to_device(batch, accelerator.device)
        places = inputs.pop(ROWS)
        with accelerator.autocast():
            output = run.model(**inputs).logits
        logits[places] = output.float()

    try:
        run.evaluation_guard.compute(mine, predict, split=name)
    finally:
        run.model.train()
    whole = accelerator.reduce(logits, "sum").cpu().numpy()
    return run.objective.predictions(split.labels, whole, log_odds)


def start_accelerator(settings: TrainSettings) -> Accelerator:
    """The accelerator of a run, on the GPU if there is one; of each of its processes, on its own.

    What the run before has set in this process does not count: its precision, its memory limit,
    its peak. Only CUDA's GPUs are used. A Mac's (MPS) is not: a checkpoint does not hold its
    generator, so that a run could not go on as if it had never stopped.

    Args:
        settings: how the cell is trained, with the precision that auto has become here.

    Raises:
        UserError: there are fewer GPUs than `gpus_per_run` says.
    """
    processes, gpus = settings.gpus_per_run, torch.cuda.device_count()
    if 0 < gpus < processes:
        raise UserError(f"train.gpus_per_run: {processes}, but this machine has {gpus}")
    allow_tf32(allowed=settings.precision == "tf32")
    AcceleratorState._reset_state()  # noqa: SLF001 (has no public name)
    mixed = settings.precision if settings.precision in ("bf16", "fp16") else "no"
    accelerator = Accelerator(mixed_precision=mixed, cpu=not gpus)
    if mixed == "fp16":
        scale_losses(accelerator)
    if not gpus and torch.backends.mps.is_available():
        logging.info("this Mac's GPU is not used: a run on it could not go on from a checkpoint")
    enforce_memory_limit(settings.memory_limit, accelerator.device)
    if gpus:
        torch.cuda.reset_peak_memory_stats(accelerator.device)
    return accelerator
