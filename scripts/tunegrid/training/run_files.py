"""The files of a finished run: what only training can make. Metrics are computed from them.

| file | holds |
| --- | --- |
| history.csv | a row an optimizer step: step, epoch, loss, learning_rate |
| evaluations.parquet | the predictions for the watched split at each evaluation: epoch, step |
| predictions.parquet | the predictions for the test split |
| provenance.json | what made the run |
| training.json | what training found out beside; written last |

Predictions are a row an example, with its id. Of single labels label and predicted are names, and
log_probabilities are natural logarithms in the order of the label ids, in double precision. Of
several labels label and predicted are lists of names, and log_odds are the logits of the labels'
probabilities. Of a regression label and predicted are numbers. Of a task with several test splits
those for test also say test_split, the name of the test split that the example is of.
"""

import logging
from collections.abc import Sequence
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import torch
from pyarrow import parquet

from tunegrid.files import atomic_path, write_json
from tunegrid.methods import parameter_counts
from tunegrid.metrics import (
    Floats,
    Integers,
    MultiLabelPredictions,
    Predictions,
    RegressionPredictions,
)
from tunegrid.predictions import Truths
from tunegrid.results import (
    EVALUATIONS,
    HISTORY,
    PREDICTIONS,
    PROVENANCE,
    TEST_SPLIT,
    TRAINING,
)
from tunegrid.settings import positive_label
from tunegrid.training.batching import EncodedSplit
from tunegrid.training.devices import device_name, peak_memory
from tunegrid.training.inference_cost import measure_inference, stored_bytes
from tunegrid.training.kept_weights import keep_weights, remove_kept_weights
from tunegrid.training.live_memory import measure_live_tensors
from tunegrid.training.loss_scaling import skipped_steps_note
from tunegrid.training.objectives import as_probability
from tunegrid.training.optimizers import optimizer_facts
from tunegrid.training.run_request import ENCODING
from tunegrid.training.run_state import Run, StepRecord
from tunegrid.training.step_plan import StepPlan

#: Kinds of methods that add nothing to a model.
ADDS_NOTHING = ("full", "head", "bitfit")


def remove_last_file(output: Path) -> None:
    """Remove the file that says that a run is finished, before it is made again."""
    (output / TRAINING).unlink(missing_ok=True)


def write_run(run: Run, test: Predictions, made: dict[str, Any], started: float) -> None:
    """Write the files of a run; of several processes the main one writes, but all must call.

    The results come first, then the weights that are to be kept. The file that says that the run
    is finished comes last, so that a half-written one never looks done.

    Args:
        run: at its end.
        test: the predictions for the test split.
        made: the program's provenance (`tunegrid.provenance.provenance`).
        started: when the making of the run began (`time.perf_counter`).
    """
    request, card = run.request, run.request.encoding
    found = training_facts(run)
    if not run.accelerator.is_main_process:
        return
    output = request.output
    made = made | {
        "hash": request.settings.hash,
        "settings": request.settings.to_json(),
        "device": device_name(run.accelerator.device),
        "processes": run.accelerator.num_processes,
        "threads": torch.get_num_threads(),
        "deterministic": torch.are_deterministic_algorithms_enabled(),
        "precision": run.precision,
        "attention": run.model.config._attn_implementation,  # noqa: SLF001 (has no public name)
        "seconds": round(perf_counter() - started, 3),
        "resumed_at_step": run.progress.resumed_at,
        "model_files": request.model_files,
        **{key: card[key] for key in ENCODING},
        "splits": run.seen_splits,
        "model": run.built.facts(),
        "optimizer": optimizer_facts(run.optimizer),
        "notes": run.notes
        + skipped_steps_note(len(run.progress.skipped_steps), len(run.progress.history)),
    }
    write_history(run.progress.history, output / HISTORY)
    write_evaluations(
        run.splits[run.watched],
        card["labels"],
        run.progress.evaluations,
        output / EVALUATIONS,
        steps=run.evaluation_steps,
        plan=run.plan,
    )
    write_predictions(run.splits["test"], card["labels"], test, output / PREDICTIONS)
    inference = measure_what_is_asked_for(run)
    write_json(output / PROVENANCE, made | keep_what_is_asked_for(run))
    found |= {"live_tensors": measure_memory_if_it_can_be(run), "inference": inference}
    write_json(output / TRAINING, found)


def measure_what_is_asked_for(run: Run) -> dict[str, Any] | None:
    """Measure what the model costs at use if the run is to; a failure costs the measurement alone.

    Returns:
        What `tunegrid.training.inference_cost.measure_inference` returns, or `not_measured`, why
        not in one line; None: it was not asked for.
    """
    if not run.train_settings.measure_inference:
        return None
    try:
        return measure_inference(
            run.model,
            run.splits["test"],
            run.accelerator,
            adds_to_weights=run.request.settings.method_source.kind not in ADDS_NOTHING,
            trimmed=run.built.trimmed,
        )
    except Exception as error:  # noqa: BLE001 (of whatever library: the results are there)
        reason = " ".join(f"{type(error).__name__}: {error}".split())[:300]
        logging.warning("inference is not measured, the results are complete: %s", reason)
        return {"not_measured": reason}


def measure_memory_if_it_can_be(run: Run) -> dict[str, Any] | None:
    """Count the live tensors of the run's largest batch; a failure costs the count alone.

    Returns:
        What `tunegrid.training.live_memory.measure_live_tensors` returns, or `not_measured`, why
        not in one line.
    """
    try:
        return measure_live_tensors(run)
    except Exception as error:  # noqa: BLE001 (of whatever library: the results are there)
        reason = " ".join(f"{type(error).__name__}: {error}".split())[:300]
        logging.warning("live tensors are not counted, the results are complete: %s", reason)
        return {"not_measured": reason}


def keep_what_is_asked_for(run: Run) -> dict[str, Any]:
    """Keep the trained weights if the run is to keep them; a failure costs the weights alone.

    Returns:
        What the provenance says of it: `kept`, the SHA-256 of each file by its path below the run's
        folder, and `not_kept`, in one line why weights that were to be kept are not; None: they
        are, or were not asked for.
    """
    request = run.request
    if not request.keeps_weights:
        return {"kept": {}, "not_kept": None}
    try:
        kept = keep_weights(run.built, request.settings.method_source, request.output)
    except Exception as error:  # noqa: BLE001 (of whatever library: the results are there)
        remove_kept_weights(request.output)
        reason = " ".join(f"{type(error).__name__}: {error}".split())[:300]
        logging.warning("the trained weights are not kept, the results are complete: %s", reason)
        return {"kept": {}, "not_kept": reason}
    return {"kept": kept, "not_kept": None}


def training_facts(run: Run) -> dict[str, Any]:
    """What training.json holds; all processes of the run must call it at once."""
    request, card, progress = run.request, run.request.encoding, run.progress
    last = progress.history[-1]
    counts = parameter_counts(run.model)
    return {
        "model": request.settings.model,
        "task": request.settings.task,
        "method": request.settings.method,
        "seed": request.settings.seed,
        "hash": request.settings.hash,
        "target": run.objective.target,
        "labels": card["labels"],
        "positive": positive_label(request.settings),
        "train_labels": card["splits"]["train"]["labels"],
        "train_mean": (
            float(run.splits["train"].labels.mean())
            if run.objective.target == "regression"
            else None
        ),
        "threshold": as_probability(run.log_odds),
        "parts": card["parts"],
        "watched": run.watched,
        "steps": len(progress.history),
        "steps_per_epoch": run.steps_per_epoch,
        "selected_epoch": run.plan.epoch_of(run.selection.step or last.step),
        "selected_step": run.selection.step or last.step,
        "skipped_steps": len(progress.skipped_steps),
        "ends_after": request.ends_after,
        "diverged": progress.diverged,
        **counts,
        "stored_bytes": stored_bytes(run.model),
        "micro_batch": run.guard.micro_batch,
        "evaluation_micro_batch": run.evaluation_guard.micro_batch,
        "out_of_memory": [*run.guard.out_of_memory, *run.evaluation_guard.out_of_memory],
        **peak_memory(run.accelerator.device),
        "train_seconds": round(run.seconds, 3),
        "train_joules": run.joules(),
    }


def write_history(history: Sequence[StepRecord], path: Path) -> None:
    """Write the training curve as CSV, a row an optimizer step, exact to the last bit."""
    with atomic_path(path) as temporary:
        pd.DataFrame([vars(record) for record in history]).to_csv(temporary, index=False)


def write_predictions(
    split: EncodedSplit, labels: Sequence[str], predictions: Predictions, path: Path
) -> None:
    """Write the predictions for a split, a row an example."""
    _write_parquet(_predictions_table(split, labels, predictions), path)


def write_evaluations(
    split: EncodedSplit,
    labels: Sequence[str],
    evaluations: Sequence[Predictions],
    path: Path,
    *,
    steps: Sequence[int],
    plan: StepPlan,
) -> None:
    """Write the predictions for the watched split, with columns `epoch` and `step`.

    Args:
        split: the watched split.
        labels: label names in the order of their ids.
        evaluations: the predictions of each evaluation.
        path: the file.
        steps: the optimizer step after which each was made.
        plan: knows the epoch of a step.
    """
    tables = []
    for step, predictions in zip(steps, evaluations, strict=True):
        table = _predictions_table(split, labels, predictions)
        for position, (name, value) in enumerate([("epoch", plan.epoch_of(step)), ("step", step)]):
            column = pa.array(np.full(len(split), value, dtype=np.int32))
            table = table.add_column(position, name, column)
        tables.append(table)
    _write_parquet(pa.concat_tables(tables), path)


def _predictions_table(
    split: EncodedSplit, labels: Sequence[str], predictions: Predictions
) -> pa.Table:
    columns = {"id": pa.array(split.ids)}
    names = pa.array(list(labels))
    if isinstance(predictions, RegressionPredictions):
        columns["label"] = pa.array(predictions.labels)
        columns["predicted"] = pa.array(predictions.predicted)
    elif isinstance(predictions, MultiLabelPredictions):
        columns["label"] = _names_of_sets(predictions.labels, names)
        columns["predicted"] = _names_of_sets(predictions.predicted, names)
        columns["log_odds"] = _lists(predictions.log_odds)
    else:
        columns["label"] = _names_of_ids(predictions.labels, names)
        columns["predicted"] = _names_of_ids(predictions.predicted, names)
        columns["log_probabilities"] = _lists(predictions.log_probabilities)
    if split.test_splits is not None:
        columns[TEST_SPLIT] = pa.array(split.test_splits).dictionary_encode()
    return pa.table(columns)


def _names_of_ids(ids: Integers, names: pa.Array) -> pa.Array:
    return pa.DictionaryArray.from_arrays(pa.array(ids, pa.int32()), names)


def _names_of_sets(sets: Truths, names: pa.Array) -> pa.Array:
    """A list of names for each row of (n, k)."""
    ends = np.concatenate([[0], np.cumsum(sets.sum(axis=1))])
    held = names.take(pa.array(np.nonzero(sets)[1]))
    return pa.ListArray.from_arrays(pa.array(ends, pa.int32()), held)


def _lists(values: Floats) -> pa.Array:
    """A list of doubles for each row of (n, k)."""
    flat = pa.array(values.ravel(), type=pa.float64())
    lists = pa.FixedSizeListArray.from_arrays(flat, values.shape[1])
    return lists.cast(pa.list_(pa.float64()))


def _write_parquet(table: pa.Table, path: Path) -> None:
    with atomic_path(path) as temporary:
        parquet.write_table(table, temporary, compression="zstd")
