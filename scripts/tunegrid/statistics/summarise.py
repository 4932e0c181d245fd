"""Means and variances over seeds, per model, task and method."""

from collections.abc import Sequence

import pandas as pd

from tunegrid.metrics import METRICS
from tunegrid.results import GROUP
from tunegrid.statistics.bootstrap import t_quantile
from tunegrid.statistics.run_counts import count_runs
from tunegrid.tasks.cards import Card, leaks, word_baselines


def summarise(runs: pd.DataFrame, cards: Sequence[Card], intervals: pd.DataFrame) -> pd.DataFrame:
    """The distribution of every metric over the seeds of a cell group.

    Args:
        runs: as collect_runs returns it.
        cards: of the tasks (check_task).
        intervals: as compare_methods returns them.

    Returns:
        A row for each group and metric, groups in the grid's order: n (runs with a finite
        value), mean, variance and sd (both n-1), low and high (95 % t interval of the mean over
        seeds; as sd missing for n = 1), crossed_low and crossed_high (95 % interval by a crossed
        bootstrap over seeds and test examples, with one seed over examples alone; not of the
        loss), median, min, max; majority_baseline and tfidf_baseline (of the metrics that have
        them); n_runs (cells of the grid), n_degenerate (included in the mean, never dropped),
        n_failed and n_missing (of these n_runs; a group without any finished run has a row all the
        same); steps_min and steps_max (optimizer steps of its runs); trainable_parameters,
        total_parameters and trainable_percent; test_in_train, test_nearly_in_train and
        test_examples (`leaks`).
    """
    long = runs.melt(
        id_vars=[*GROUP, "seed"], value_vars=list(METRICS), var_name="metric", value_name="value"
    )
    values = long.groupby([*GROUP, "metric"], sort=False)["value"]
    table = values.agg(
        n="count", mean="mean", variance="var", sd="std", median="median", min="min", max="max"
    ).reset_index()
    # With one value the quantile is not a number, and so are the ends.
    half = t_quantile(table["n"]) * table["sd"] / table["n"] ** 0.5
    at = table.columns.get_loc("median")
    table.insert(at, "low", table["mean"] - half)
    table.insert(at + 1, "high", table["mean"] + half)
    table = _with_crossed(table, intervals)
    first = runs.groupby(GROUP, sort=False).agg(
        steps_min=("steps", "min"),
        steps_max=("steps", "max"),
        majority_accuracy=("majority_accuracy", "first"),
        majority_macro_f1=("majority_macro_f1", "first"),
        trainable_parameters=("trainable_parameters", "first"),
        total_parameters=("total_parameters", "first"),
    )
    first = count_runs(runs).join(first)
    # A group without a finished run is told its task's by the others.
    baselines = ["majority_accuracy", "majority_macro_f1"]
    first[baselines] = first[baselines].groupby(level="task").transform("first")
    share = first["trainable_parameters"].astype(float) / first["total_parameters"].astype(float)
    first["trainable_percent"] = 100 * share
    table = table.merge(first.reset_index(), on=GROUP, validate="many_to_one")
    baseline = table.pop("majority_accuracy").where(table["metric"].isin(["accuracy", "micro_f1"]))
    macro = table.pop("majority_macro_f1").where(table["metric"] == "macro_f1")
    table.insert(table.columns.get_loc("n_runs"), "majority_baseline", baseline.fillna(macro))
    order = first.reset_index()[GROUP].merge(pd.DataFrame({"metric": list(METRICS)}), how="cross")
    table = order.merge(table, on=[*GROUP, "metric"], validate="one_to_one")
    table = table.merge(
        word_baselines(cards), on=["task", "metric"], how="left", validate="many_to_one"
    )
    beside = table.columns.get_loc("majority_baseline") + 1
    table.insert(beside, "tfidf_baseline", table.pop("tfidf_baseline"))
    return table.merge(leaks(cards), on="task", how="left", validate="many_to_one")


def _with_crossed(table: pd.DataFrame, intervals: pd.DataFrame) -> pd.DataFrame:
    """The table with the crossed intervals after its own; micro-F1 is accuracy, and has its."""
    same = intervals[intervals["metric"] == "accuracy"].assign(metric="micro_f1")
    ends = pd.concat([intervals, same])
    table = table.merge(ends, on=[*GROUP, "metric"], how="left", validate="one_to_one")
    at = table.columns.get_loc("high") + 1
    for name in ("crossed_high", "crossed_low"):
        table.insert(at, name, table.pop(name))
    return table


def unequal_steps(summary: pd.DataFrame) -> list[str]:
    """Where methods that are compared were trained for unequal numbers of optimizer steps.

    Their difference is then one of schedules, too.

    Args:
        summary: as `summarise` returns it.

    Returns:
        A text for each such model and task: `model on task: full 405, adapter-64 210`.
    """
    groups = summary.drop_duplicates(GROUP).dropna(subset="steps_min")
    found = []
    for (model, task), methods in groups.groupby(["model", "task"], sort=False):
        if len(methods[["steps_min", "steps_max"]].drop_duplicates()) > 1:
            steps = ", ".join(
                f"{row.method} {_range(row.steps_min, row.steps_max)}"
                for row in methods.itertuples()
            )
            found.append(f"{model} on {task}: {steps}")
    return found


def _range(least: int, most: int) -> str:
    return str(least) if least == most else f"{least}–{most}"
