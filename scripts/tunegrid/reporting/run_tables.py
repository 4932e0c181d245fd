"""The runs and their settings, as tables."""

from typing import Any

import pandas as pd

from tunegrid.config.update_settings import UpdateSettings
from tunegrid.metrics import titles
from tunegrid.reporting.number_formats import MINUTES, SCORE
from tunegrid.reporting.report_table import DASH, ReportTable, format_numbers
from tunegrid.reporting.run_links import link_runs
from tunegrid.results import FINISHED, GROUP, RUN
from tunegrid.statistics.measured_tasks import metrics_of_grid
from tunegrid.tuning.tuning_rows import JOINED_BY, tried_settings

#: Settings that the table of hyper-parameters shows, in their order.
SHOWN_SETTINGS = [
    "epochs",
    "batch_size",
    "learning_rate",
    "warmup_ratio",
    "schedule",
    "weight_decay",
    "precision",
    "protocol",
    "select",
    "early_stopping",
]
#: Settings that it shows where a run has another value than the default.
SHOWN_WHERE_SET = [name for name in UpdateSettings.model_fields if name not in SHOWN_SETTINGS]
TUNED_NOTE = (
    "Tuned: the settings whose values were chosen by the score on dev, as the table tuning says;"
    " all others are those of the configuration."
)
#: So many digits of a commit are enough to name it.
COMMIT_DIGITS = 10
RUNS_NOTE = (
    "Settings, versions and files of a run: python scripts/trace.py results/runs/MODEL/TASK/"
    "METHOD/seedN. Its log: results/logs/train/MODEL/TASK/METHOD/seedN.log."
)


def runs_table(runs: pd.DataFrame) -> ReportTable:
    """Every cell of the grid: what its run measured and where, or why there is none.

    Args:
        runs: as collect_runs returns it.
    """
    metrics = metrics_of_grid(runs)
    states = runs["state"].mask(runs["degenerate"].astype(bool), "degenerate")
    why = runs["problem"].where(runs["state"] != FINISHED, runs["degenerate_reason"])
    data = runs[RUN].assign(
        state=states,
        why=why,
        **{name: runs[name] for name in metrics},
        steps=runs["steps"],
        minutes=runs["train_seconds"] / 60,
        commit=runs["provenance.commit"],
        host=runs["provenance.host"],
        slurm_job=runs["provenance.slurm_job"],
    )
    readable = data.assign(
        why=data["why"].fillna(""),
        **{name: format_numbers(data[name], SCORE) for name in metrics},
        steps=format_numbers(data["steps"], "{:.0f}"),
        minutes=format_numbers(data["minutes"], MINUTES),
        commit=data["commit"].map(_shorten_commit),
        host=format_numbers(data["host"], "{}"),
        slurm_job=format_numbers(data["slurm_job"], "{}"),
    ).rename(columns=titles() | {"slurm_job": "Slurm job"})
    links = dict.fromkeys([*titles().values(), "steps", "minutes"], link_runs(runs))
    return ReportTable("Every cell of the grid, and its run", readable, data, RUNS_NOTE, links)


def _shorten_commit(commit: Any) -> str:
    return DASH if pd.isna(commit) else str(commit)[:COMMIT_DIGITS]


def _precisions(runs: pd.DataFrame) -> pd.Series:
    """The precision of each cell; where it is asked for as auto, with what it has become.

    It has become the same in all runs (`tunegrid.statistics.collect`).
    """
    asked = runs["settings.precision"]
    is_auto = asked == "auto"
    if "provenance.precision" not in runs or not is_auto.any():
        return asked
    became = runs.loc[is_auto, "provenance.precision"].dropna()
    return asked if became.empty else asked.mask(is_auto, f"auto ({became.iloc[0]})")


def hyperparameters_table(runs: pd.DataFrame, tuning: pd.DataFrame | None = None) -> ReportTable:
    """How each model was trained on each task by each method, and which settings were tuned.

    Args:
        runs: as collect_runs returns it.
        tuning: as `tunegrid.tuning.tuning_rows.collect_tuning` returns it; None without tuning.
    """
    columns = [f"settings.{name}" for name in [*SHOWN_SETTINGS, *_settings_that_are_set(runs)]]
    data = runs[[*GROUP, "steps", *columns]].assign(**{"settings.precision": _precisions(runs)})
    # A run that is not finished has settings but no steps. It is given those of the other runs of
    # its group, if these are all equal, so that the group keeps one row.
    steps = data.groupby(GROUP, sort=False)["steps"]
    common = steps.transform("first").where(steps.transform("nunique") == 1)
    data = data.assign(steps=data["steps"].fillna(common))
    data = data.drop_duplicates().reset_index(drop=True)
    data.columns = [name.removeprefix("settings.") for name in data.columns]
    if "max_steps" in data:  # stands in place of epochs
        data["epochs"] = data["epochs"].where(data["max_steps"].isna())
    if tuning is not None:
        tuned = {
            key: JOINED_BY.join(tried_settings(of_group))
            for key, of_group in tuning.groupby(GROUP, sort=False)
        }
        keys = data[GROUP].itertuples(index=False, name=None)
        data["tuned"] = [tuned.get(key, "") for key in keys]
    # A rate that was drawn has three digits.
    rate_format = "{:.1e}" if tuning is None else "{:.2e}"
    readable = data.assign(
        learning_rate=format_numbers(data["learning_rate"], rate_format),
        steps=format_numbers(data["steps"], "{:.0f}"),
        early_stopping=format_numbers(data["early_stopping"], "{:.0f}"),
        **{
            name: format_numbers(data[name], "{:.0f}")
            for name in ("epochs", "max_steps", "eval_every")
            if name in data
        },
    )
    note = "" if tuning is None else TUNED_NOTE
    return ReportTable("Hyper-parameters", readable, data, note)


def _settings_that_are_set(runs: pd.DataFrame) -> list[str]:
    """Those of `SHOWN_WHERE_SET` that have another value than the default in some run."""
    fields = UpdateSettings.model_fields
    return [
        name
        for name in SHOWN_WHERE_SET
        if not _is_default(runs[f"settings.{name}"], fields[name].default)
    ]


def _is_default(values: pd.Series, default: Any) -> bool:
    """Whether all runs have the default; None is missing in a table."""
    if default is None:
        return bool(values.isna().all())
    return bool((values == default).all())
