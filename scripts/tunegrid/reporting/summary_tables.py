"""The summary as tables: every metric of every cell group, and quality side by side."""

import pandas as pd

from tunegrid.metrics import titles
from tunegrid.reporting.data_tables import leak_note
from tunegrid.reporting.marks import absence, mark, table_note
from tunegrid.reporting.readable import Table, interval_texts, join_notes, or_dash
from tunegrid.results import GROUP
from tunegrid.statistics.bootstrap import RESAMPLES
from tunegrid.statistics.summarise import unequal_steps

#: The summary's baselines, in words.
BASELINES = {"majority_baseline": "majority class", "tfidf_baseline": "TF-IDF, logistic regression"}
BOLD = "Bold: a task's highest mean; whether it can be told from the others is in comparisons."
TRAINABLE = (
    "Trainable: share of the parameters that receive a gradient, the classification head included."
)
INTERVALS = (
    "Intervals of the mean, 95 %. Over seeds: Student's t, what other seeds would give on this test"
    " split; none with one seed. Over seeds and test examples: a crossed bootstrap of"
    f" {RESAMPLES:,} resamples (with one seed, of examples alone), what other seeds would give on"
    " other examples like these; not of the loss. Each is of its mean alone: how methods differ is"
    " in comparisons."
)


def accuracy_table(summary: pd.DataFrame) -> Table:
    """Mean test accuracy of every model and method on every task; the best of a task in bold."""
    table = summary[summary["metric"] == "accuracy"]
    best = table.groupby("task")["mean"].transform("max")
    cells = [
        f"{_bold(_mean(row), row.mean == top)} {mark(row)}".rstrip()
        for row, top in zip(table.itertuples(index=False, name="Row"), best, strict=True)
    ]
    readable = _wide(table.assign(cell=cells), ["model", "method"])
    for column, name in BASELINES.items():
        scores = table.drop_duplicates("task").set_index("task")[column]
        cells = scores.map(or_dash("{:.4f}")).to_dict()
        readable.loc[len(readable)] = {"model": name, "method": "—"} | cells
    return Table(
        "Test accuracy, mean ± standard deviation over seeds (number of runs)",
        readable,
        table[[*GROUP, "n", "mean", "variance", "sd", "n_degenerate", *BASELINES]],
        join_notes(BOLD, _notes(summary)),
    )


def methods_table(summary: pd.DataFrame) -> Table:
    """Every metric of every method on every task, under the share that the method trains."""
    metrics = summary.assign(
        cell=[
            f"{_mean(row)} {mark(row)}".rstrip()
            for row in summary.itertuples(index=False, name="Row")
        ],
        metric=summary["metric"].map(titles()),
    )
    # A row of its own: a task's number of labels is in its head's size, so the share varies.
    share = summary.drop_duplicates(GROUP)
    trained = share["trainable_percent"].map(or_dash("{:.3f} %"))
    share = share.assign(metric="Trainable", cell=trained)
    rows = pd.concat([share, metrics]).sort_index(kind="stable")
    return Table(
        "Methods: test metrics, mean ± standard deviation over seeds (number of runs)",
        _wide(rows, ["model", "method", "metric"]),
        summary,
        join_notes(TRAINABLE, _notes(summary)),
    )


def summary_table(summary: pd.DataFrame) -> Table:
    """Every metric of every cell group: its distribution over seeds, beside what costs nothing."""
    form = or_dash("{:.4f}")
    shown = summary[GROUP].assign(
        metric=summary["metric"].map(titles()),
        n=[
            f"{row.n}" if row.n == row.n_runs else f"{row.n} of {row.n_runs}"
            for row in summary.itertuples()
        ],
        **{key: summary[key].map(form) for key in ("mean", "sd")},
        variance=summary["variance"].map(or_dash("{:.2e}")),
        seeds=interval_texts(summary, "low", "high"),
        crossed=interval_texts(summary, "crossed_low", "crossed_high"),
        **{key: summary[key].map(form) for key in ("median", "min", "max")},
        **{name: summary[column].map(form) for column, name in BASELINES.items()},
        degenerate=summary["n_degenerate"],
        failed=summary["n_failed"],
        missing=summary["n_missing"],
    )
    words = {"seeds": "over seeds", "crossed": "over seeds and examples"}
    return Table(
        "Summary: every metric on the test split, over seeds",
        shown.rename(columns=words),
        summary,
        join_notes(INTERVALS, _notes(summary)),
    )


def _wide(table: pd.DataFrame, rows: list[str]) -> pd.DataFrame:
    """One row for each of `rows`, one column a task, cells from `cell`; order as it stands."""
    tasks = list(table["task"].unique())
    wide = table.pivot_table(index=rows, columns="task", values="cell", aggfunc="first", sort=False)
    return wide.reindex(columns=tasks).fillna("—").rename_axis(columns=None).reset_index()


def _mean(row: tuple) -> str:
    if pd.isna(row.mean):
        return absence(row) or "not finite"
    spread = f" ± {row.sd:.4f}" if row.n > 1 else ""
    return f"{row.mean:.4f}{spread} ({row.n})"


def _bold(text: str, bold: bool) -> str:
    return f"**{text}**" if bold else text


def steps_note(summary: pd.DataFrame) -> str:
    """A warning where the methods compared took unequal numbers of optimizer steps; else empty."""
    found = unequal_steps(summary)
    if not found:
        return ""
    return (
        "Warning: the methods took unequal numbers of optimizer steps, so they differ in their"
        f" schedules, too ({'; '.join(found)})."
    )


def _notes(summary: pd.DataFrame) -> str:
    """What a reader of these test results is to know, in one paragraph."""
    groups = summary.drop_duplicates(GROUP)
    return join_notes(table_note(groups), steps_note(summary), leak_note(summary))
