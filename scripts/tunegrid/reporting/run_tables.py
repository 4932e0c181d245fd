"""The runs and their settings, as tables."""

import pandas as pd

from tunegrid.metrics import METRICS, titles
from tunegrid.reporting.readable import Table, or_dash
from tunegrid.results import FINISHED, GROUP, RUN

#: Settings that the table of hyper-parameters shows, in order.
SHOWN_SETTINGS = (
    *("epochs", "batch_size", "learning_rate", "warmup_ratio", "schedule", "weight_decay"),
    *("precision", "protocol", "select", "early_stopping"),
)
#: Digits that tell a commit.
COMMIT = 10


def runs_table(runs: pd.DataFrame) -> Table:
    """Every cell of the grid: what its run measured and where, or why there is none."""
    states = runs["state"].mask(runs["degenerate"].astype(bool), "degenerate")
    why = runs["problem"].where(runs["state"] != FINISHED, runs["degenerate_reason"])
    data = runs[RUN].assign(state=states, why=why, **{key: runs[key] for key in METRICS})
    data = data.assign(
        steps=runs["steps"],
        minutes=runs["train_seconds"] / 60,
        commit=runs["provenance.commit"],
        host=runs["provenance.host"],
        slurm_job=runs["provenance.slurm_job"],
    )
    scores = {key: data[key].map(or_dash("{:.4f}")) for key in METRICS}
    readable = data.assign(
        **scores,
        why=data["why"].fillna(""),
        steps=data["steps"].map(or_dash("{:.0f}")),
        minutes=data["minutes"].map(or_dash("{:.2f}")),
        commit=data["commit"].map(lambda commit: "—" if pd.isna(commit) else commit[:COMMIT]),
        host=data["host"].map(or_dash("{}")),
        slurm_job=data["slurm_job"].map(or_dash("{}")),
    ).rename(columns=titles() | {"slurm_job": "Slurm job"})
    note = (
        "Settings, versions and files of a run: python scripts/trace.py results/runs/MODEL/TASK/"
        "METHOD/seedN. Its log: results/logs/train/MODEL/TASK/METHOD/seedN.log."
    )
    return Table("Every cell of the grid, and its run", readable, data, note)


def hyperparameters_table(runs: pd.DataFrame) -> Table:
    """How each model was trained on each task by each method."""
    columns = [f"settings.{key}" for key in SHOWN_SETTINGS]
    # A run that is not finished has settings and no steps: those of its group's others, if equal.
    data = runs[[*GROUP, "steps", *columns]]
    steps = data.groupby(GROUP, sort=False)["steps"]
    known = steps.transform("first").where(steps.transform("nunique") == 1)
    data = data.assign(steps=data["steps"].fillna(known))
    data = data.drop_duplicates().reset_index(drop=True)
    data.columns = [name.removeprefix("settings.") for name in data.columns]
    readable = data.assign(
        learning_rate=data["learning_rate"].map("{:.1e}".format),
        steps=data["steps"].map(or_dash("{:.0f}")),
        early_stopping=data["early_stopping"].map(or_dash("{:.0f}")),
    )
    return Table("Hyper-parameters", readable, data)
