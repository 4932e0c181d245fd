"""What runs get wrong: confusions, classes, agreement of seeds, examples that none gets right."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from statsmodels.stats.inter_rater import fleiss_kappa

from tunegrid.results import FINISHED, GROUP, RUN
from tunegrid.statistics.bootstrap import Outcomes
from tunegrid.statistics.outcomes import Load, load_outcomes
from tunegrid.statistics.run_counts import COUNTS, count_runs

CONFUSION = [*GROUP, "label", "predicted_label", "count", "share"]
PER_CLASS = [*GROUP, "label", "support", "predicted", "n", *COUNTS]
PER_CLASS += [f"{name}{suffix}" for name in ("precision", "recall", "f1") for suffix in ("", "_sd")]
AGREEMENT = [*GROUP, "n", *COUNTS, "examples", "always_right", "never_right", "agreement", "kappa"]
HARD = ["task", "id", "label", "runs", "most_predicted", "times"]


def count_errors(runs: pd.DataFrame, load: Load) -> dict[str, pd.DataFrame]:
    """The errors of a grid's runs on the test split.

    A cell group without a finished run has a row of its own in per_class and agreement, with what
    is known of it: n is 0, and `COUNTS` tell why.

    Args:
        runs: as collect_runs returns it.
        load: of the predictions of a run.

    Returns:
        confusion: a row a cell group, label and predicted_label: count (over the seeds) and share
            (of the label's examples).
        per_class: a row a cell group and label: support (test examples), predicted (the mean
            number of examples that are given it), n (runs), and precision, recall and F1, each its
            mean and standard deviation (n-1) over seeds; precision of a run that never predicts
            the label is 0. `COUNTS` of the group.
        agreement: a row a cell group: n (runs), examples, always_right and never_right (examples
            that all seeds, or none, get right), agreement (the share of examples on which two
            seeds agree, the mean over pairs) and kappa (Fleiss' 1971, over seeds; missing for one
            seed). `COUNTS` of the group.
        hard: a row a test example that every finished run of the task gets wrong, whatever its
            model and method: id, label, runs, and the label that most of them predict, how often.

    Raises:
        UserError: two runs were not measured on the same examples.
    """
    found = {name: [] for name in ("confusion", "per_class", "agreement", "hard")}
    finished = runs.loc[runs["state"] == FINISHED, RUN]
    counts = count_runs(runs)
    for task, rows in finished.groupby("task", sort=False):
        group = rows.reset_index(drop=True)
        ids, names, outcomes = load_outcomes(load, group)
        for key, own in group.groupby(GROUP, sort=False):
            here = dict(zip(GROUP, key, strict=True))
            mine = Outcomes(outcomes.labels, outcomes.predicted[own.index], outcomes.kinds)
            table = confusion(mine)
            found["confusion"] += [here | row for row in _confusion_rows(table, names)]
            found["per_class"] += [here | row for row in _class_rows(table, names)]
            found["agreement"].append(here | agreement(mine))
        found["hard"] += [{"task": task} | row for row in _hard_rows(outcomes, ids, names)]
    columns = {"confusion": CONFUSION, "per_class": PER_CLASS, "agreement": AGREEMENT, "hard": HARD}
    tables = {name: pd.DataFrame(rows, columns=columns[name]) for name, rows in found.items()}
    return tables | {name: _whole(tables[name], counts) for name in ("per_class", "agreement")}


def _whole(table: pd.DataFrame, counts: pd.DataFrame) -> pd.DataFrame:
    """The rows in the grid's order with their `COUNTS`, and a row for each group that has none."""
    own = table.drop(columns=COUNTS)
    whole = counts.reset_index().merge(own, on=GROUP, how="left")[list(table)]
    names = ["n", *COUNTS, *{"support", "examples", "always_right", "never_right"} & {*whole}]
    return whole.fillna({"n": 0}).astype(dict.fromkeys(names, "Int64"))


def confusion(outcomes: Outcomes) -> np.ndarray:
    """How often each label is predicted as each: (runs, labels, predicted labels)."""
    runs, kinds = len(outcomes.predicted), outcomes.kinds
    cells = outcomes.labels * kinds + outcomes.predicted + kinds**2 * np.arange(runs)[:, None]
    return np.bincount(cells.ravel(), minlength=runs * kinds**2).reshape(runs, kinds, kinds)


def class_scores(counts: np.ndarray) -> dict[str, np.ndarray]:
    """Precision, recall and F1 of each run and label, (runs, labels), of `confusion`'s counts.

    0 where a label is never predicted, or never occurs, as scikit-learn's `zero_division=0`.
    """
    hits = np.diagonal(counts, axis1=1, axis2=2).astype(float)
    true, given = counts.sum(axis=2), counts.sum(axis=1)

    def share(of: np.ndarray, part: np.ndarray = hits) -> np.ndarray:
        return np.divide(part, of, out=np.zeros_like(hits), where=of > 0)

    return {"precision": share(given), "recall": share(true), "f1": share(true + given, 2 * hits)}


def agreement(outcomes: Outcomes) -> dict[str, Any]:
    """How far the runs agree on single examples (columns of `AGREEMENT`)."""
    predicted, runs = outcomes.predicted, len(outcomes.predicted)
    right = (predicted == outcomes.labels).sum(axis=0)
    found = {
        "n": runs,
        "examples": len(outcomes.labels),
        "always_right": int((right == runs).sum()),
        "never_right": int((right == 0).sum()),
    }
    if runs == 1:
        return found
    votes = np.stack([(predicted == kind).sum(axis=0) for kind in range(outcomes.kinds)], axis=1)
    pairs = (votes * (votes - 1)).sum(axis=1) / (runs * (runs - 1))
    # All runs always say the same one label: there is no agreement beyond chance to speak of.
    several = (votes.sum(axis=0) > 0).sum() > 1
    return found | {
        "agreement": pairs.mean(),
        "kappa": float(fleiss_kappa(votes)) if several else None,
    }


def _confusion_rows(counts: np.ndarray, names: pd.Index) -> Iterator[dict[str, Any]]:
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


def _class_rows(counts: np.ndarray, names: pd.Index) -> Iterator[dict[str, Any]]:
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


def _hard_rows(outcomes: Outcomes, ids: pd.Series, names: pd.Index) -> Iterator[dict[str, Any]]:
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
