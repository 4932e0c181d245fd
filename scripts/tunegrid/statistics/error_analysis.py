"""What runs get wrong: confusions, classes, agreement of seeds, examples that no run gets right."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from statsmodels.stats.inter_rater import fleiss_kappa

from tunegrid.metrics import Floats, Integers
from tunegrid.results import FINISHED, GROUP, RUN
from tunegrid.statistics.outcomes import Load, Outcomes, load_outcomes, targets_of_tasks
from tunegrid.statistics.run_counts import COUNTS, count_runs

CLASS_SCORES = ["precision", "recall", "f1"]

CONFUSION = [*GROUP, "label", "predicted_label", "count", "share"]
PER_CLASS = [
    *GROUP,
    "label",
    "support",
    "predicted",
    "n",
    *COUNTS,
    *(f"{name}{suffix}" for name in CLASS_SCORES for suffix in ("", "_sd")),
]
AGREEMENT = [*GROUP, "n", *COUNTS, "examples", "always_right", "never_right", "agreement", "kappa"]
HARD = ["task", "id", "label", "runs", "most_predicted", "times"]
#: Columns of per_class and agreement that are counts also where some groups have none.
WHOLE_NUMBERS = ["n", *COUNTS, "support", "examples", "always_right", "never_right"]

Row = dict[str, Any]


def count_errors(runs: pd.DataFrame, load: Load) -> dict[str, pd.DataFrame]:
    """The errors of a grid's runs on the test split, of tasks with one label an example.

    Several labels and numbers have no confusions; their tasks have no rows.

    A group is a model, task and method. One without a finished run has a row in per_class and in
    agreement all the same, with what is known of it: n is 0, and `COUNTS` tell why.

    Args:
        runs: as collect_runs returns it.
        load: reads the predictions of a run.

    Returns:
        Four tables by name.

        confusion: one row for each group, label and predicted_label: count (over the seeds) and
        share (of the label's examples).

        per_class: one row for each group and label: support (test examples), predicted (the mean
        number of examples that are given it), n (runs), `COUNTS` of the group, and precision,
        recall and F1, each with its mean and standard deviation (n−1) over seeds (`class_scores`).

        agreement: one row for each group: n (runs), `COUNTS`, and how far the seeds agree
        (`agreement`).

        hard: one row for each test example that every finished run of the task gets wrong, whatever
        its model and method: id, label, runs, the label that most of them predict, and how often.

    Raises:
        UserError: two runs were not measured on the same examples.
    """
    confusions: list[Row] = []
    per_class: list[Row] = []
    agreements: list[Row] = []
    hard: list[Row] = []
    targets = targets_of_tasks(runs)
    runs = runs[runs["task"].map(targets) == "single_label"]
    finished = runs.loc[runs["state"] == FINISHED, RUN]
    for task, rows in finished.groupby("task", sort=False):
        group = rows.reset_index(drop=True)
        ids, names, outcomes = load_outcomes(load, group)
        for key, runs_here in group.groupby(GROUP, sort=False):
            here = dict(zip(GROUP, key, strict=True))
            outcomes_here = outcomes.of_runs(runs_here.index)
            table = confusion(outcomes_here)
            confusions += [here | row for row in _confusion_rows(table, names)]
            per_class += [here | row for row in _class_rows(table, names)]
            agreements.append(here | agreement(outcomes_here))
        hard += [{"task": task} | row for row in _hard_rows(outcomes, ids, names)]
    counts = count_runs(runs)
    return {
        "confusion": pd.DataFrame(confusions, columns=CONFUSION),
        "per_class": _of_all_groups(pd.DataFrame(per_class, columns=PER_CLASS), counts),
        "agreement": _of_all_groups(pd.DataFrame(agreements, columns=AGREEMENT), counts),
        "hard": pd.DataFrame(hard, columns=HARD),
    }


def _of_all_groups(table: pd.DataFrame, counts: pd.DataFrame) -> pd.DataFrame:
    """The rows in the grid's order with their `COUNTS`, and a row for each group that has none.

    Args:
        table: rows of groups with finished runs.
        counts: of all groups (`count_runs`).
    """
    measured = table.drop(columns=COUNTS)
    whole = counts.reset_index().merge(measured, on=GROUP, how="left")[list(table)]
    whole_numbers = [name for name in WHOLE_NUMBERS if name in whole]
    return whole.fillna({"n": 0}).astype(dict.fromkeys(whole_numbers, "Int64"))


def confusion(outcomes: Outcomes) -> Integers:
    """How often each label is predicted as each label: (runs, labels, predicted labels)."""
    runs, kinds = len(outcomes.predicted), outcomes.kinds
    cells = outcomes.labels * kinds + outcomes.predicted + kinds**2 * np.arange(runs)[:, None]
    return np.bincount(cells.ravel(), minlength=runs * kinds**2).reshape(runs, kinds, kinds)


def class_scores(counts: Integers) -> dict[str, Floats]:
    """Precision, recall and F1 of every label in every run.

    A label that a run never predicts has precision 0 there, and one that never occurs has recall 0,
    as with scikit-learn's `zero_division=0`
    (https://scikit-learn.org/stable/modules/generated/sklearn.metrics.precision_recall_fscore_support.html).

    Args:
        counts: as `confusion` returns them, (runs, labels, predicted labels).

    Returns:
        Each of `CLASS_SCORES` by its name, (runs, labels).
    """
    hits = np.diagonal(counts, axis1=1, axis2=2).astype(float)
    true, predicted = counts.sum(axis=2), counts.sum(axis=1)
    return {
        "precision": _ratio(hits, predicted),
        "recall": _ratio(hits, true),
        "f1": _ratio(2 * hits, true + predicted),
    }


def _ratio(part: Floats, whole: Integers) -> Floats:
    """part / whole, and 0 where the whole is 0."""
    return np.divide(part, whole, out=np.zeros_like(part), where=whole > 0)


def agreement(outcomes: Outcomes) -> Row:
    """How far the runs of a group, one for each seed, agree on single examples.

    Returns:
        n (runs) and examples; always_right and never_right, the examples that all runs, or none,
        get right; and, with several runs, agreement (the share of examples on which two runs agree,
        right or wrong, the mean over pairs) and kappa, the agreement beyond chance (Fleiss 1971,
        https://doi.org/10.1037/h0031619). Kappa is None where all runs always predict the same one
        label, because chance would agree as well. It fails as every kappa does where one label is
        much more frequent than the others: it is then low though the runs nearly always agree.
    """
    predicted, runs = outcomes.predicted, len(outcomes.predicted)
    right = (predicted == outcomes.labels).sum(axis=0)
    found: Row = {
        "n": runs,
        "examples": len(outcomes.labels),
        "always_right": int((right == runs).sum()),
        "never_right": int((right == 0).sum()),
    }
    if runs == 1:
        return found
    votes = np.stack([(predicted == kind).sum(axis=0) for kind in range(outcomes.kinds)], axis=1)
    pairs = (votes * (votes - 1)).sum(axis=1) / (runs * (runs - 1))
    found["agreement"] = pairs.mean()
    several_labels = (votes.sum(axis=0) > 0).sum() > 1
    found["kappa"] = float(fleiss_kappa(votes)) if several_labels else None
    return found


def _confusion_rows(counts: Integers, names: pd.Index) -> Iterator[Row]:
    """The confusions of all runs of a group together; counts as `confusion` returns them."""
    total = counts.sum(axis=0)
    for label in np.flatnonzero(total.sum(axis=1)):
        for predicted in range(len(names)):
            count = total[label, predicted]
            yield {
                "label": names[label],
                "predicted_label": names[predicted],
                "count": int(count),
                "share": count / total[label].sum(),
            }


def _class_rows(counts: Integers, names: pd.Index) -> Iterator[Row]:
    """The scores of each label over the runs of a group; counts as `confusion` returns them."""
    scores = class_scores(counts)
    several = len(counts) > 1
    for at, name in enumerate(names):
        row = {
            "label": name,
            "support": int(counts[0, at].sum()),
            "predicted": counts[:, :, at].sum(axis=1).mean(),
            "n": len(counts),
        }
        for key, values in scores.items():
            row[key] = values[:, at].mean()
            row[f"{key}_sd"] = values[:, at].std(ddof=1) if several else None
        yield row


def _hard_rows(outcomes: Outcomes, ids: pd.Series, names: pd.Index) -> Iterator[Row]:
    """The examples that no run gets right."""
    never = ~(outcomes.predicted == outcomes.labels).any(axis=0)
    for at in np.flatnonzero(never):
        votes = np.bincount(outcomes.predicted[:, at], minlength=outcomes.kinds)
        yield {
            "id": ids.iloc[at],
            "label": names[outcomes.labels[at]],
            "runs": len(outcomes.predicted),
            "most_predicted": names[votes.argmax()],
            "times": int(votes.max()),
        }
