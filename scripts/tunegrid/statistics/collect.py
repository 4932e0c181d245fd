"""Collecting a grid's runs into one table, a row a run."""

import json
from collections import defaultdict
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
from pyarrow import csv

from tunegrid.errors import UserError
from tunegrid.files import canonical_json, make_older_than_inputs, read_json
from tunegrid.results import FAILED, FINISHED, HISTORY, MISSING, PROVENANCE, RUN, RUN_PATH, TRAINING
from tunegrid.statistics.auto_precision import AutoPrecisionRun, refuse_several_precisions
from tunegrid.statistics.measured_tasks import COLUMNS as MEASURED_BY
from tunegrid.statistics.unfinished import refusal_of_cell, state_of_unfinished

#: What of provenance.json becomes a column, beside the commit and the versions of libraries.
PROVENANCE_COLUMNS = (
    "code",
    "device",
    "threads",
    "deterministic",
    "host",
    "slurm_job",
    "started",
    "seconds",
    "python",
)
#: What of training.json becomes a column.
TRAINING_COLUMNS = (
    "total_parameters",
    "trainable_parameters",
    "stored_bytes",
    "steps",
    "selected_epoch",
    "selected_step",
    "skipped_steps",
    "micro_batch",
    "peak_memory",
    "peak_memory_of",
    "train_seconds",
    "train_joules",
)

Row = dict[str, Any]


def read_cells(path: Path) -> pd.DataFrame:
    """The grid's cells as expand_grid wrote them: columns `RUN`, hash, path and settings.

    Names and hashes are text, also where they look like a number or like NA.
    """
    return pd.read_csv(path, dtype=str, keep_default_na=False).astype({"seed": int})


def collect_runs(
    cells: pd.DataFrame,
    scores: pd.DataFrame,
    root: Path,
    attempts: Path | None = None,
    trials: Path | None = None,
) -> pd.DataFrame:
    """What every run scored, was set to, and was made by.

    Args:
        cells: as `read_cells` returns them.
        scores: as `tunegrid.statistics.score_grid.score_grid` returns them.
        root: the folder `results/runs`.
        attempts: the folder of the runs' attempts, which tell why a cell has no result; None: a
            cell without one is an error.
        trials: the folder of the trials (try_cell), which tell which cells do not fit.

    Returns:
        A row a cell, in the grid's order: `RUN`, state (one of `STATES`) and problem (why it is not
        finished); by what its task is measured (`tunegrid.statistics.measured_tasks`); the columns
        of scores and, where they are of the first of several test splits alone, test_score;
        `TRAINING_COLUMNS`, live_tensors (bytes; missing on a GPU), what a model costs at use
        (`_inference`) and out_of_memory (how often the micro-batch was halved); `examples.train` …
        of each split, with labels and truncated;
        `settings.*` (the training and split settings, each a column) and `provenance.*`. Of a cell
        that is not finished what it would measure is missing, and degenerate is false.

    Raises:
        UserError: a run is missing (without `attempts`) or was not made by its cell's settings, or
            no run at all is finished. A run of other settings, which Snakemake takes for finished,
            is made older than its inputs, so that the next start makes it again.
    """
    scored = {
        RUN_PATH.format(**{key: row[key] for key in RUN}): row
        for row in scores.drop(columns=["hash"]).to_dict("records")
    }
    rows: list[Row] = []
    problems: list[str] = []
    for cell in cells.itertuples():
        folder = root / cell.path
        problem = _missing_result(cell, folder)
        if problem is None:
            rows.append(_finished(cell, scored[cell.path], folder))
        elif attempts is None:
            if (folder / TRAINING).is_file():
                make_older_than_inputs(folder / TRAINING)
            problems.append(f"{problem}; run the workflow to make it, or set partial: true")
        else:
            row = _unfinished(cell, problem, folder, attempts)
            if trials and (refusal := refusal_of_cell(trials, cell)):
                row |= {"state": FAILED, "problem": refusal}
            rows.append(row)
    if problems:
        raise UserError(*problems)
    refuse_several_precisions(
        AutoPrecisionRun(
            folder=root / RUN_PATH.format(**row),
            precision=row["provenance.precision"],
            device=row["provenance.device"],
        )
        for row in rows
        if row["state"] == FINISHED and row.get("settings.precision") == "auto"
    )
    if all(row["state"] != FINISHED for row in rows):
        raise UserError(f"{root}: no run of the grid is finished; run the workflow to make them")
    return _table(rows)


def _missing_result(cell: Any, folder: Path) -> str | None:
    """Why a cell has no result of its settings; None: it has one."""
    for name in (PROVENANCE, TRAINING):
        if not (folder / name).is_file():
            return f"{folder / name}: is missing"
        made_by = read_json(folder / name)["hash"]
        if made_by != cell.hash:
            return f"{folder / name}: was made by settings {made_by}, the grid has {cell.hash}"
    return None


def _finished(cell: Any, score: Row, folder: Path) -> Row:
    training, made = read_json(folder / TRAINING), read_json(folder / PROVENANCE)
    row = {key: getattr(cell, key) for key in RUN}
    row |= {"state": FINISHED, "problem": None, "hash": cell.hash}
    row |= {key: getattr(cell, key) for key in MEASURED_BY}
    row |= {key: value for key, value in score.items() if key not in RUN}
    row |= _own_test_score(cell)
    row |= {key: training[key] for key in TRAINING_COLUMNS}
    # A run that was trained before live tensors were counted tells none.
    row["live_tensors"] = (training.get("live_tensors") or {}).get("peak")
    row |= _inference(training["inference"])
    row["out_of_memory"] = len(training["out_of_memory"])
    for split, counts in made["splits"].items():
        row[f"examples.{split}"] = counts["examples"]
        row[f"labels.{split}"] = len(counts["labels"])
        row[f"truncated.{split}"] = counts["truncated"]
    row |= _settings(made["settings"])
    row["provenance.commit"] = made["git"]["commit"]
    row["provenance.dirty"] = made["git"]["dirty"]
    row |= {f"provenance.{key}": made[key] for key in PROVENANCE_COLUMNS}
    # A run that was trained before `precision: auto` was known tells none.
    row["provenance.precision"] = made.get("precision")
    row |= {f"provenance.{name}": version for name, version in made["versions"].items()}
    return row


def _inference(measured: Row | None) -> Row:
    """What a run's model costs at use as columns; missing where it was not measured.

    `latency_seconds` and `examples_per_second` are of the model as trained, with `merged_` before
    them of the merged one.
    """
    as_trained = measured or {}
    merged = as_trained.get("merged") or {}
    columns = ("latency_seconds", "examples_per_second")
    return {key: as_trained.get(key) for key in columns} | {
        f"merged_{key}": merged.get(key) for key in columns
    }


def _unfinished(cell: Any, problem: str, folder: Path, attempts: Path) -> Row:
    state, reason = state_of_unfinished(attempts / f"{cell.path}.jsonl", cell.hash)
    if state == MISSING and (folder / TRAINING).is_file():
        reason = problem  # there is a result, of other settings
    row = {key: getattr(cell, key) for key in (*RUN, "hash", *MEASURED_BY)}
    row |= _own_test_score(cell)
    row |= {"state": state, "problem": reason, "degenerate": False}
    return row | _settings(json.loads(cell.settings))


def _own_test_score(cell: Any) -> Row:
    """What a cell's scores are of, where it is not all of test."""
    return {} if cell.test_score == "pooled" else {"test_score": cell.test_score}


def _settings(settings: dict[str, Any]) -> Row:
    """The training and split settings as columns."""
    flat = {key: value for key, value in settings["data"].items() if key != "parts"}
    flat |= settings["train"]
    flat["micro_batch"] = str(flat["micro_batch"])  # a number or auto: one type a column
    flat["threshold"] = str(flat["threshold"])  # likewise: a probability or dev
    if flat["class_weights"] is not None and flat["class_weights"] != "balanced":
        flat["class_weights"] = canonical_json(flat["class_weights"])
    flat["padding_dependent"] = bool(settings["model_source"].get("padding_dependent"))
    return {f"settings.{key}": value for key, value in flat.items()}


def _table(rows: list[Row]) -> pd.DataFrame:
    """The rows, counts as whole numbers also where some cells have none."""
    kinds: dict[str, set[type]] = defaultdict(set)
    for row in rows:
        for key, value in row.items():
            if value is not None:
                kinds[key].add(type(value))
    counts = [key for key, found in kinds.items() if found == {int} and key != "seed"]
    # In the order of a finished run, whichever comes first.
    ordered = sorted(rows, key=lambda row: row["state"] != FINISHED)
    columns = list(dict.fromkeys(key for row in ordered for key in row))
    return pd.DataFrame(rows, columns=columns).astype(dict.fromkeys(counts, "Int64"))


def collect_history(finished: pd.DataFrame, root: Path) -> pa.Table:
    """The training curves of finished cells: columns `RUN` and history.csv's, a row a step."""
    paths = [RUN_PATH.format(**cell._asdict()) for cell in finished[RUN].itertuples()]
    parts = [_header_and_rows(root / path / HISTORY) for path in paths]
    # Neighbours with the same columns are read as one: a file by itself takes half a millisecond.
    curves = [
        csv.read_csv(pa.py_buffer(header + b"".join(rows for _, rows in same)))
        for header, same in groupby(parts, key=itemgetter(0))
    ]
    # A column that is empty in some runs has no type there, and whole numbers may stand for others.
    table = pa.concat_tables(curves, promote_options="permissive")
    lengths = [rows.count(b"\n") for _, rows in parts]
    for position, key in enumerate(RUN):
        table = table.add_column(position, key, pa.array(finished[key].repeat(lengths)))
    return table


def _header_and_rows(path: Path) -> tuple[bytes, bytes]:
    """The first line of a CSV of numbers, and the others: each ends, and none is empty."""
    header, *rows = (line for line in path.read_bytes().splitlines() if line)
    return header + b"\n", b"".join(row + b"\n" for row in rows)
