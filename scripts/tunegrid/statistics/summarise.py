"""The distribution of every metric over the seeds of a model, task and method."""

from collections.abc import Sequence
from typing import Any

import pandas as pd

from tunegrid.metrics import default_metrics
from tunegrid.results import GROUP
from tunegrid.statistics.run_counts import COUNTS, count_runs
from tunegrid.statistics.undertrained import GAINS, last_epoch_gains
from tunegrid.statistics.verdicts import t_quantile
from tunegrid.tasks.cards import Card, leaks, word_baselines

#: What names a row of the summary.
KEY = [*GROUP, "metric"]
#: The columns of the summary, in their order.
COLUMNS = [
    *KEY,
    "n",
    "mean",
    "variance",
    "sd",
    "low",
    "high",
    "standard_error",
    "crossed_low",
    "crossed_high",
    "median",
    "min",
    "max",
    "majority_baseline",
    "tfidf_baseline",
    *COUNTS,
    "steps_min",
    "steps_max",
    "last_epoch_gain",
    "still_rising",
    "trainable_parameters",
    "total_parameters",
    "trainable_percent",
    "test_in_train",
    "test_nearly_in_train",
    "test_examples",
    "unseen_labels",
    "test_unseen",
    "padding_dependent",
]


def summarise(
    runs: pd.DataFrame,
    cards: Sequence[Card],
    intervals: pd.DataFrame,
    evaluations: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """The distribution of every metric of the registry over the seeds of a group.

    A group is a model, task and method.

    Args:
        runs: as collect_runs returns it.
        cards: the data cards of the tasks (check_task).
        intervals: as compare_methods returns them.
        evaluations: as `tunegrid.statistics.score_grid.score_grid` returns them; None: nothing is
            said of the last epoch.

    Returns:
        One row for each group and metric, the groups in the grid's order, with `COLUMNS`:

        - n (runs with a finite value), mean, variance and sd (with n−1), median, min and max;
        - low and high, the 95 % interval of the mean over seeds by Student's t; missing, as sd is,
          with one run;
        - standard_error, crossed_low and crossed_high, of the compared metrics: the standard error
          of the mean over seeds and test examples, and its 95 % interval by variance components
          (with one seed over the examples alone);
        - majority_baseline and tfidf_baseline, of the metrics that have them;
        - n_runs (cells of the grid), n_degenerate (which the mean includes), n_failed and n_missing
          of these; a group without any finished run has its rows all the same;
        - steps_min and steps_max, the optimizer steps of its runs; last_epoch_gain and
          still_rising (`last_epoch_gains`), missing where there was one epoch;
        - trainable_parameters, total_parameters and trainable_percent;
        - test_in_train, test_nearly_in_train, test_examples, unseen_labels and test_unseen
          (`leaks`);
        - padding_dependent: whether the model's predictions depend on the padding of their batch,
          which the configuration has accepted.
    """
    metrics = pd.DataFrame({"metric": default_metrics("single_label").names})
    order = runs[GROUP].drop_duplicates().merge(metrics, how="cross")
    table = order.merge(_distributions(runs), on=KEY, validate="one_to_one")
    table = table.merge(intervals, on=KEY, how="left", validate="one_to_one")
    table = table.merge(_majority_baselines(runs), on=KEY, how="left", validate="one_to_one")
    table = table.merge(
        word_baselines(cards), on=["task", "metric"], how="left", validate="many_to_one"
    )
    table = table.merge(_runs_of_groups(runs), on=GROUP, validate="many_to_one")
    gains = pd.DataFrame(columns=GAINS)
    if evaluations is not None:
        gains = last_epoch_gains(evaluations)
    table = table.merge(gains, on=GROUP, how="left", validate="many_to_one")
    table = table.merge(leaks(cards), on="task", how="left", validate="many_to_one")
    return table[COLUMNS].astype({"still_rising": "boolean"})


def _distributions(runs: pd.DataFrame) -> pd.DataFrame:
    """Mean, spread and t interval of every metric of every group: `KEY`, n … max."""
    long = runs.melt(
        id_vars=[*GROUP, "seed"],
        value_vars=list(default_metrics("single_label").names),
        var_name="metric",
        value_name="value",
    )
    table = (
        long.groupby(KEY, sort=False)["value"]
        .agg(
            n="count",
            mean="mean",
            variance="var",
            sd="std",
            median="median",
            min="min",
            max="max",
        )
        .reset_index()
    )
    # With one value the quantile is not a number, and so are the ends.
    half = t_quantile(table["n"]) * table["sd"] / table["n"] ** 0.5
    return table.assign(low=table["mean"] - half, high=table["mean"] + half)


def _majority_baselines(runs: pd.DataFrame) -> pd.DataFrame:
    """What predicting train's most frequent label scores: `KEY`, majority_baseline.

    A run states it as `majority_<metric>`. It is the task's, so a group without a finished run has
    that of the others.
    """
    columns = {f"majority_{name}": name for name in default_metrics("single_label").names}
    found = [column for column in columns if column in runs]
    first = runs.groupby(GROUP, sort=False)[found].first()
    first = first.groupby(level="task").transform("first").rename(columns=columns)
    return first.reset_index().melt(
        id_vars=GROUP, var_name="metric", value_name="majority_baseline"
    )


def _runs_of_groups(runs: pd.DataFrame) -> pd.DataFrame:
    """What the runs of a group share, and how many there are: `GROUP`, n_runs … parameters."""
    table = count_runs(runs).join(
        runs.groupby(GROUP, sort=False).agg(
            steps_min=("steps", "min"),
            steps_max=("steps", "max"),
            trainable_parameters=("trainable_parameters", "first"),
            total_parameters=("total_parameters", "first"),
            padding_dependent=("settings.padding_dependent", "first"),
        )
    )
    trained = table["trainable_parameters"].astype(float)
    table["trainable_percent"] = 100 * (trained / table["total_parameters"].astype(float))
    return table.reset_index()


def unequal_steps(summary: pd.DataFrame) -> list[str]:
    """Where methods that are compared were trained for unequal numbers of optimizer steps.

    Their difference is then one of schedules, too.

    Args:
        summary: as `summarise` returns it.

    Returns:
        A text for each such model and task, such as `model on task: full 405, adapter-64 210`.
    """
    groups = summary.drop_duplicates(GROUP).dropna(subset="steps_min")
    found = []
    for (model, task), methods in groups.groupby(["model", "task"], sort=False):
        if len(methods[["steps_min", "steps_max"]].drop_duplicates()) > 1:
            steps = ", ".join(f"{row.method} {_step_range(row)}" for row in methods.itertuples())
            found.append(f"{model} on {task}: {steps}")
    return found


def _step_range(row: Any) -> str:
    if row.steps_min == row.steps_max:
        return str(row.steps_min)
    return f"{row.steps_min}–{row.steps_max}"
