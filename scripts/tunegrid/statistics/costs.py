"""What a method costs beside what it scores: parameters, time, memory, energy."""

import numpy as np
import pandas as pd

from tunegrid.metrics import compared_metrics
from tunegrid.results import FINISHED, GROUP
from tunegrid.statistics.run_counts import count_runs

#: What is measured of a run, and averaged over seeds.
MEASURED = ["train_seconds", "peak_memory", "train_joules"]


def cost(runs: pd.DataFrame, memory: pd.DataFrame) -> pd.DataFrame:
    """The cost of every cell group.

    Args:
        runs: as collect_runs returns it.
        memory: the table `memory`: columns model, method, batch, tokens and traced (bytes).

    Returns:
        A row a cell group, in the grid's order: n (finished runs) and `COUNTS`; the mean of
        every compared metric; trainable_parameters and trainable_percent; of each of `MEASURED` the
        mean over the runs that tell it (seconds, bytes, joules), of the first also
        train_seconds_sd (n-1); peak_memory_of ("tensors" or "process"); devices (the kinds that
        its runs were made on); batch, tokens and traced (bytes of a training step, at the method's
        largest batch and length; missing where it cannot be traced).
    """
    finished = runs[runs["state"] == FINISHED]
    groups = finished.groupby(GROUP, sort=False)
    table = groups[[*compared_metrics(), *MEASURED]].mean()
    table.insert(0, "n", groups.size())
    table.insert(table.columns.get_loc("train_seconds") + 1, "train_seconds_sd",
                 groups["train_seconds"].std())  # fmt: skip
    first = groups[["trainable_parameters", "total_parameters", "peak_memory_of"]].first()
    table["peak_memory_of"] = first["peak_memory_of"]
    trained = first["trainable_parameters"].astype(float)
    table.insert(3, "trainable_parameters", trained)
    table.insert(4, "trainable_percent", 100 * trained / first["total_parameters"].astype(float))
    table["devices"] = groups["provenance.device"].agg(lambda kinds: ", ".join(sorted(set(kinds))))
    whole = count_runs(runs).join(table).reset_index()
    whole = whole.assign(n=whole["n"].fillna(0).astype(int))
    whole = whole[[*GROUP, "n", *whole.columns.drop([*GROUP, "n"])]]
    traced = memory[["model", "method", "batch", "tokens", "traced"]].drop_duplicates(
        ["model", "method"]
    )
    return whole.merge(traced, on=["model", "method"], how="left")


def pareto_front(costs: pd.Series, scores: pd.Series) -> list[int]:
    """Of which rows no other is both at most as costly and at least as good, and better in one.

    Args:
        costs: the less the better.
        scores: the more the better; rows where either is missing are left out.

    Returns:
        Their positions, by rising cost.
    """
    known = np.flatnonzero(costs.notna() & scores.notna())
    order = sorted(known, key=lambda at: (costs.iloc[at], -scores.iloc[at]))
    front, best = [], float("-inf")
    for at in order:
        if scores.iloc[at] > best:
            front.append(int(at))
            best = scores.iloc[at]
    return front
