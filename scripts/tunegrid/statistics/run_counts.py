"""How many runs a model, task and method has, and what became of them."""

import pandas as pd

from tunegrid.results import FAILED, GROUP, MISSING

COUNTS = ["n_runs", "n_degenerate", "n_failed", "n_missing"]


def count_runs(runs: pd.DataFrame) -> pd.DataFrame:
    """The runs of every group.

    Args:
        runs: as collect_runs returns it.

    Returns:
        One row for each group, indexed by `GROUP` in the grid's order, with `COUNTS`: n_runs (cells
        of the grid), and of these n_degenerate (which are finished all the same), n_failed and
        n_missing.
    """
    return runs.groupby(GROUP, sort=False).agg(
        n_runs=("seed", "size"),
        n_degenerate=("degenerate", "sum"),
        n_failed=("state", lambda states: (states == FAILED).sum()),
        n_missing=("state", lambda states: (states == MISSING).sum()),
    )
