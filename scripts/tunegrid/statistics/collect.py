"""Collecting a grid's runs into one table, a row a run."""

import json
from collections import defaultdict
from collections.abc import Iterator
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
from pyarrow import csv

from tunegrid.errors import UserError
from tunegrid.files import read_json
from tunegrid.metrics import METRICS
from tunegrid.results import EVALUATED, FINISHED, MISSING, RUN, RUN_PATH
from tunegrid.settings import Settings
from tunegrid.statistics.unfinished import state_of_unfinished


def collect_runs(cells: pd.DataFrame, root: Path, attempts: Path | None = None) -> pd.DataFrame:
    """What every run measured, was set to, and was made by.

    Args:
        cells: the grid, as expand_grid writes it (columns `RUN`, hash, path, settings).
        root: the folder `results/runs`.
        attempts: the folder of the runs' attempts, which tell why a cell has no result; None: a
            cell without one is an error.

    Returns:
        A row a cell, in the grid's order: `RUN`, state (one of `STATES`) and problem (why it is not
        finished); metrics.json's keys (out_of_memory: how many times the micro-batch was halved);
        `settings.*` (the training and split settings, each a column), `provenance.*`;
        `examples.train` … of each split; `parts.<part>.<metric>` of each part of an aggregated
        task. Of a cell that is not finished what it would measure is missing, and degenerate false.

    Raises:
        UserError: a run is missing (without `attempts`) or was not made by its cell's settings, no
            run at all is finished, or one breaks accuracy = micro-F1.
    """
    rows, problems = [], []
    for cell in cells.itertuples():
        try:
            rows.append(_read_run(cell, root / cell.path))
        except UserError as problem:
            problems += problem.problems
        except _NoResultError as reason:
            if attempts is None:
                problems.append(f"{reason}; run the workflow to make it, or set partial: true")
            else:
                rows.append(_unfinished(cell, reason, attempts))
    if problems:
        raise UserError(*problems)
    if all(row["state"] != FINISHED for row in rows):
        raise UserError(f"{root}: no run of the grid is finished; run the workflow to make them")
    return _table(rows)


class _NoResultError(Exception):
    """A cell has no result: none at all, or one of other settings."""


def _read_run(cell: Any, folder: Path) -> dict[str, Any]:
    try:
        metrics, made = (read_json(folder / f"{name}.json") for name in ("metrics", "provenance"))
    except OSError as error:
        raise _NoResultError(f"{error.filename}: is missing") from None
    for found in (metrics["hash"], made["hash"]):
        if found != cell.hash:
            raise _NoResultError(
                f"{folder}/metrics.json: was made by settings {found}, the grid has {cell.hash}"
            )
    if abs(metrics["accuracy"] - metrics["micro_f1"]) > 1e-9:
        raise UserError(
            f"{folder}/metrics.json: accuracy {metrics['accuracy']} differs from micro-F1"
            f" {metrics['micro_f1']}, which single labels cannot; it was not written by a run"
        )
    return _row(metrics, made)


def _unfinished(cell: Any, reason: Exception, attempts: Path) -> dict[str, Any]:
    state, problem = state_of_unfinished(attempts / f"{cell.path}.jsonl", cell.hash)
    if state == MISSING and "was made by" in str(reason):
        problem = str(reason)
    here = {key: getattr(cell, key) for key in (*RUN, "hash")}
    here |= {"state": state, "problem": problem, "degenerate": False}
    return here | _settings(json.loads(cell.settings))


def _table(rows: list[dict[str, Any]]) -> pd.DataFrame:
    """The rows, counts as whole numbers also where some cells have none."""
    kinds = defaultdict(set)
    for row in rows:
        for key, value in row.items():
            if value is not None:
                kinds[key].add(type(value))
    counts = [key for key, found in kinds.items() if found == {int} and key != "seed"]
    # In the order of a finished run, whichever comes first.
    ordered = sorted(rows, key=lambda row: row["state"] != FINISHED)
    columns = list(dict.fromkeys(key for row in ordered for key in row))
    return pd.DataFrame(rows, columns=columns).astype(dict.fromkeys(counts, "Int64"))


def _row(metrics: dict[str, Any], made: dict[str, Any]) -> dict[str, Any]:
    measured = {key: value for key, value in metrics.items() if key != "parts"}
    here = {key: measured.pop(key) for key in RUN}
    return (
        here
        | {"state": FINISHED, "problem": None}
        | measured
        | {"out_of_memory": len(metrics["out_of_memory"])}
        | {
            f"parts.{part}.{key}": value
            for part, own in metrics["parts"].items()
            for key, value in own.items()
        }
        | {f"examples.{split}": counts["examples"] for split, counts in made["splits"].items()}
        | {f"labels.{split}": len(counts["labels"]) for split, counts in made["splits"].items()}
        | {f"truncated.{split}": counts["truncated"] for split, counts in made["splits"].items()}
        | _settings(made["settings"])
        | {f"provenance.{key}": value for key, value in _flat_provenance(made)}
    )


def _settings(settings: Settings) -> dict[str, Any]:
    data, train = settings["data"], settings["train"]
    flat = {key: data[key] for key in data if key != "parts"} | train
    flat["micro_batch"] = str(flat["micro_batch"])  # a number or auto: one type a column
    return {f"settings.{key}": value for key, value in flat.items()}


def _flat_provenance(made: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    yield from (("commit", made["git"]["commit"]), ("dirty", made["git"]["dirty"]))
    for key in ("code", "device", "threads", "deterministic", "host", "slurm_job"):
        yield key, made[key]
    for key in ("started", "seconds", "python"):
        yield key, made[key]
    yield from made["versions"].items()


def collect_history(finished: pd.DataFrame, root: Path) -> pa.Table:
    """The training curves of finished cells: columns `RUN` and history.csv's, a row a step."""
    paths = [RUN_PATH.format(**cell._asdict()) for cell in finished[RUN].itertuples()]
    parts = [_header_and_rows(root / path / "history.csv") for path in paths]
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


def collect_evaluations(history: pa.Table, finished: pd.DataFrame) -> pd.DataFrame:
    """The evaluations of finished cells: `RUN`, epoch, step, split and metrics, a row an epoch.

    Args:
        history: as `collect_history` returns it.
        finished: the finished rows of what collect_runs returns.
    """
    columns = {f"eval_{name}": name for name in METRICS}
    known = [name for name in columns if name in history.column_names]
    rows = history.select([*RUN, "epoch", "step", *known]).to_pandas()
    rows = rows.dropna(subset=known, how="all").rename(columns=columns)
    splits = finished[RUN].assign(split=finished["settings.protocol"].map(EVALUATED))
    return rows.merge(splits, on=RUN, validate="many_to_one")


def _header_and_rows(path: Path) -> tuple[bytes, bytes]:
    """The first line of a CSV of numbers, and the others: each ends, and none is empty."""
    header, *rows = (line for line in path.read_bytes().splitlines() if line)
    return header + b"\n", b"".join(row + b"\n" for row in rows)
