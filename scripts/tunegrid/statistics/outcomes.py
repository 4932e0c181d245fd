"""Reading what runs predicted, as long as they were measured on the same test examples."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
from pyarrow.parquet import ParquetFile

from tunegrid.errors import UserError
from tunegrid.results import RUN, RUN_PATH
from tunegrid.statistics.bootstrap import Outcomes

COLUMNS = ["id", "label", "predicted"]
#: (model, task, method, seed) → `COLUMNS` of that run's predictions.parquet, text each.
Load = Callable[[str, str, str, int], pa.Table]


def predictions_below(root: Path) -> Load:
    """The loader of the runs below the folder `results/runs`."""

    def load(*run: str | int) -> pa.Table:
        path = root / RUN_PATH.format(**dict(zip(RUN, run, strict=True))) / "predictions.parquet"
        # A file a run: what is not needed of each (threads, pandas) would take most of the time.
        with ParquetFile(path, read_dictionary=["predicted"]) as file:
            return file.read(columns=COLUMNS, use_threads=False)

    return load


def load_outcomes(load: Load, runs: pd.DataFrame) -> tuple[pd.Series, pd.Index, Outcomes]:
    """What runs of one task predicted, on examples and labels that all share.

    Args:
        load: of the predictions of a run.
        runs: at least one row of collect_runs, finished.

    Returns:
        The examples' ids, (n,); the labels' names; the outcomes, a run in each row of `runs`.

    Raises:
        UserError: two runs were not measured on the same examples.
    """
    codes: dict[str, int] = {}
    shared, predicted = None, []
    for run in runs[RUN].itertuples():
        table = load(*run[1:])
        examples = table.select(["id", "label"])
        if shared is None:
            shared, first = examples, run
            labels = _encode(table["label"], codes)
        elif not shared.equals(examples):
            raise UserError(
                f"task {run.task}: {_name(first)} and {_name(run)} were not measured on the same"
                " test examples; run them again with the same data settings"
            )
        predicted.append(_encode(table["predicted"], codes))
    names = pd.Index(codes, dtype=object)
    order = names.argsort()
    place = np.empty_like(order)
    place[order] = np.arange(len(order))
    outcomes = Outcomes(place[labels], place[np.array(predicted)], len(names))
    return shared["id"].to_pandas(), names[order], outcomes


def _encode(column: pa.ChunkedArray, codes: dict[str, int]) -> np.ndarray:
    """A number for each text, the same in all columns; new texts get new ones."""
    array = column.combine_chunks().dictionary_encode()
    places = [codes.setdefault(name, len(codes)) for name in array.dictionary.to_pylist()]
    return np.array(places, dtype=np.int16)[array.indices.to_numpy()]


def _name(run: tuple) -> str:
    return f"{run.model} {run.method} seed {run.seed}"
