"""Reading what runs predicted, as long as they were measured on the same test examples."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

from tunegrid.errors import UserError
from tunegrid.results import RUN, RUN_PATH
from tunegrid.statistics.bootstrap import Outcomes

#: (model, task, method, seed) → id, label and predicted of that run's predictions.parquet
Load = Callable[[str, str, str, int], pd.DataFrame]


def predictions_below(root: Path) -> Load:
    """The loader of the runs below the folder `results/runs`."""

    def load(*run: str | int) -> pd.DataFrame:
        path = RUN_PATH.format(**dict(zip(RUN, run, strict=True)))
        columns = ["id", "label", "predicted"]
        return pd.read_parquet(root / path / "predictions.parquet", columns=columns)

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
    shared, names, predicted = None, pd.Index([], dtype=object), []
    for run in runs[RUN].itertuples():
        frame = load(*run[1:])
        if shared is None:
            shared, first = frame[["id", "label"]], run
            names = pd.Index(frame["label"].unique())
        elif not shared.equals(frame[["id", "label"]]):
            raise UserError(
                f"task {run.task}: {_name(first)} and {_name(run)} were not measured on the same"
                " test examples; run them again with the same data settings"
            )
        names = names.append(pd.Index(frame["predicted"].unique()).difference(names))
        predicted.append(names.get_indexer(frame["predicted"]).astype(np.int16))
    order = names.argsort()
    place = np.empty_like(order)
    place[order] = np.arange(len(order))
    labels = place[names.get_indexer(shared["label"])]
    return shared["id"], names[order], Outcomes(labels, place[np.array(predicted)], len(names))


def _name(run: tuple) -> str:
    return f"{run.model} {run.method} seed {run.seed}"
