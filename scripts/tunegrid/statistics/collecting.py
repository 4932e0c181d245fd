"""Collecting a grid's runs into one table, a row a run."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd

from tunegrid.errors import UserError
from tunegrid.files import read_json
from tunegrid.results import RUN


def collect_runs(cells: pd.DataFrame, root: Path) -> pd.DataFrame:
    """What every run measured, was set to, and was made by.

    Args:
        cells: the grid, as expand_grid writes it (columns `RUN`, hash, path).
        root: the folder `results/runs`.

    Returns:
        A row a cell, in the grid's order: metrics.json's keys (out_of_memory: how many times the
        micro-batch was halved); `settings.*` (the training and split
        settings, each a column), `provenance.*`; `examples.train` … of each split;
        `parts.<part>.<metric>` of each part of an aggregated task.

    Raises:
        UserError: a run is missing, was not made by its cell's settings, or breaks accuracy =
            micro-F1.
    """
    rows, problems = [], []
    for cell in cells.itertuples():
        folder = root / cell.path
        try:
            metrics, made = (
                read_json(folder / "metrics.json"),
                read_json(folder / "provenance.json"),
            )
        except OSError as error:
            problems.append(f"{error.filename}: is missing; run the workflow to make it")
            continue
        if problem := _problem(cell, metrics, made):
            problems.append(f"{folder}/metrics.json: {problem}")
        else:
            rows.append(_row(metrics, made))
    if problems:
        raise UserError("\nerror: ".join(problems))
    return pd.DataFrame(rows)


def _problem(cell: Any, metrics: dict[str, Any], made: dict[str, Any]) -> str | None:
    """Why a run's files are not those of its cell, or of no run; None if they are."""
    for found in (metrics["hash"], made["hash"]):
        if found != cell.hash:
            return (
                f"was made by settings {found}, the grid has {cell.hash}; delete it and run again"
            )
    if abs(metrics["accuracy"] - metrics["micro_f1"]) > 1e-9:
        return (
            f"accuracy {metrics['accuracy']} differs from micro-F1 {metrics['micro_f1']}, which"
            " single labels cannot; it was not written by a run"
        )
    return None


def _row(metrics: dict[str, Any], made: dict[str, Any]) -> dict[str, Any]:
    data = made["settings"]["data"]
    settings = {key: data[key] for key in data if key != "parts"} | made["settings"]["train"]
    settings["micro_batch"] = str(settings["micro_batch"])  # a number or auto: one type a column
    measured = {key: value for key, value in metrics.items() if key != "parts"}
    return (
        measured
        | {"out_of_memory": len(metrics["out_of_memory"])}
        | {
            f"parts.{part}.{key}": value
            for part, own in metrics["parts"].items()
            for key, value in own.items()
        }
        | {f"examples.{split}": counts["examples"] for split, counts in made["splits"].items()}
        | {f"labels.{split}": len(counts["labels"]) for split, counts in made["splits"].items()}
        | {f"truncated.{split}": counts["truncated"] for split, counts in made["splits"].items()}
        | {f"settings.{key}": value for key, value in settings.items()}
        | {f"provenance.{key}": value for key, value in _flat_provenance(made)}
    )


def _flat_provenance(made: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    yield from (("commit", made["git"]["commit"]), ("dirty", made["git"]["dirty"]))
    for key in ("code", "device", "threads", "deterministic", "host", "slurm_job"):
        yield key, made[key]
    for key in ("started", "seconds", "python"):
        yield key, made[key]
    yield from made["versions"].items()


def collect_history(cells: pd.DataFrame, root: Path) -> pd.DataFrame:
    """The training curves of all cells: columns `RUN` and those of history.csv, a row a step."""
    curves = []
    for cell in cells.itertuples():
        curve = pd.read_csv(root / cell.path / "history.csv", float_precision="round_trip")
        for position, key in enumerate(RUN):
            curve.insert(position, key, getattr(cell, key))
        curves.append(curve)
    return pd.concat(curves, ignore_index=True)
