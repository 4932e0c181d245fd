"""What a method costs beside what it scores: parameters, time, memory, energy."""

import numpy as np
import pandas as pd

from tunegrid.metrics import METRICS
from tunegrid.results import FINISHED, GROUP
from tunegrid.statistics.measured_tasks import measured_tasks
from tunegrid.statistics.run_counts import COUNTS, count_runs

#: What is measured of a run and averaged over seeds: seconds, bytes and joules.
MEASURED = ["train_seconds", "peak_memory", "train_joules"]
#: What is measured of a trained model at use and averaged over seeds: seconds for one example and
#: examples a second in a batch, as trained and merged into the pretrained weights.
INFERENCE = [
    "latency_seconds",
    "examples_per_second",
    "merged_latency_seconds",
    "merged_examples_per_second",
]
#: The latency of a method at use, merged where it can be: its mean, and its spread over seeds.
AT_USE = ["latency_at_use", "latency_at_use_sd"]
#: What is known of a training step of a method: its size, and its memory as traced.
TRACED = ["batch", "tokens", "traced"]


#: What tuning took of a group, all its runs together, and with a run at the chosen settings.
TUNING = ["tuning_runs", "tuning_seconds", "tuning_joules", "tuned_seconds", "tuned_joules"]


def cost(
    runs: pd.DataFrame, memory: pd.DataFrame, tuning: pd.DataFrame | None = None
) -> pd.DataFrame:
    """The cost of every model, task and method.

    Args:
        runs: as collect_runs returns it.
        memory: the table `memory`: columns model, method, batch, tokens and traced (bytes).
        tuning: as `tunegrid.tuning.tuning_rows.collect_tuning` returns it; None without tuning.

    Returns:
        One row for each group, in the grid's order: n (finished runs) and `COUNTS`; the mean of
        every metric by which some task's methods are compared; main_metric, the name of the task's
        main one, and quality, its mean; trainable_parameters and trainable_percent; of each of
        `MEASURED` the mean over the runs that have it, and of the first train_seconds_sd (with
        n−1), too; stored_bytes, what must be stored for a task beside the pretrained model; where a
        run has measured it, the means of `INFERENCE`, and `AT_USE`; peak_memory_of ("tensors" or
        "process"); devices (the kinds that its runs were made on); and `TRACED`: the bytes of a
        training step at the method's largest batch and length, missing where it cannot be traced.
        With `tuning` also `TUNING`: the runs that tried candidates, their seconds and joules, and
        the same with the mean of a run: what a tuned model takes in all.
    """
    measured = measured_tasks(runs)
    compared = {metric.name for of_task in measured.values() for metric in of_task.compared}
    metrics = [name for name in METRICS if name in compared]
    finished = runs[runs["state"] == FINISHED]
    groups = finished.groupby(GROUP, sort=False)
    table = groups[[*metrics, *MEASURED]].mean()
    table["n"] = groups.size()
    table["train_seconds_sd"] = groups["train_seconds"].std()
    first = groups[
        ["trainable_parameters", "total_parameters", "peak_memory_of", "stored_bytes"]
    ].first()
    table["stored_bytes"] = first["stored_bytes"].astype(float)
    has_cost_at_use = finished[INFERENCE].notna().any(axis=None)
    if has_cost_at_use:
        table = table.join(_cost_at_use(finished))
    table["trainable_parameters"] = first["trainable_parameters"].astype(float)
    table["trainable_percent"] = (
        100 * table["trainable_parameters"] / first["total_parameters"].astype(float)
    )
    table["peak_memory_of"] = first["peak_memory_of"]
    table["devices"] = groups["provenance.device"].agg(lambda kinds: ", ".join(sorted(set(kinds))))
    whole = count_runs(runs).join(table).reset_index()
    whole["n"] = whole["n"].fillna(0).astype(int)
    whole["main_metric"] = whole["task"].map(lambda task: measured[task].main.name)
    whole["quality"] = [row[row["main_metric"]] for row in whole.to_dict("records")]
    steps = memory[["model", "method", *TRACED]].drop_duplicates(["model", "method"])
    whole = whole.merge(steps, on=["model", "method"], how="left")
    if tuning is not None:
        whole = whole.merge(_cost_of_tuning(tuning), on=GROUP, how="left")
        whole["tuned_seconds"] = whole["tuning_seconds"] + whole["train_seconds"]
        whole["tuned_joules"] = whole["tuning_joules"] + whole["train_joules"]
    return whole[
        [
            *GROUP,
            "n",
            *COUNTS,
            *metrics,
            "main_metric",
            "quality",
            "trainable_parameters",
            "trainable_percent",
            "train_seconds",
            "train_seconds_sd",
            "peak_memory",
            "train_joules",
            "peak_memory_of",
            "devices",
            "stored_bytes",
            *([*INFERENCE, *AT_USE] if has_cost_at_use else []),
            *TRACED,
            *(TUNING if tuning is not None else []),
        ]
    ]


def _cost_at_use(finished: pd.DataFrame) -> pd.DataFrame:
    """By group the means of `INFERENCE`, and `AT_USE`."""
    values = finished[[*GROUP, *INFERENCE]].astype(dict.fromkeys(INFERENCE, float))
    best = values["merged_latency_seconds"].fillna(values["latency_seconds"])
    groups = values.assign(latency_at_use=best).groupby(GROUP, sort=False)
    means = groups[[*INFERENCE, "latency_at_use"]].mean()
    return means.assign(latency_at_use_sd=groups["latency_at_use"].std())


def _cost_of_tuning(tuning: pd.DataFrame) -> pd.DataFrame:
    """`GROUP`, and of all runs that tried its candidates the number, the seconds and the joules.

    Joules are missing where some of these runs do not tell theirs.
    """
    groups = tuning.groupby(GROUP, sort=False)
    table = groups.agg(tuning_runs=("seed", "size"), tuning_seconds=("train_seconds", "sum"))
    joules = groups["train_joules"].agg(lambda values: values.sum(skipna=False))
    return table.assign(tuning_joules=joules.astype(float)).reset_index()


def pareto_front(costs: pd.Series, scores: pd.Series) -> list[int]:
    """The rows that no other row beats: at most as costly, at least as good, and better in one.

    Args:
        costs: of each row; less is better.
        scores: of each row; more is better. Rows where either is missing are left out.

    Returns:
        The positions of these rows, by rising cost.
    """
    known = np.flatnonzero(costs.notna() & scores.notna())
    order = sorted(known, key=lambda at: (costs.iloc[at], -scores.iloc[at]))
    front, best = [], float("-inf")
    for at in order:
        if scores.iloc[at] > best:
            front.append(int(at))
            best = scores.iloc[at]
    return front
