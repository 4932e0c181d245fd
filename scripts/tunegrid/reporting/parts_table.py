"""The table of aggregated tasks by their parts."""

from typing import Any

import pandas as pd

from tunegrid.metrics import METRICS, compared_metrics, main_metric
from tunegrid.reporting.data_tables import data_warnings
from tunegrid.reporting.marks import explain_marks, format_run_count
from tunegrid.reporting.number_formats import PERCENT, SCORE
from tunegrid.reporting.report_table import (
    POINTS_NOTE,
    ReportTable,
    format_differences,
    format_mean,
    format_numbers,
    join_notes,
)
from tunegrid.reporting.run_links import link_groups
from tunegrid.results import GROUP, JOINED
from tunegrid.statistics.run_counts import count_runs

NOTE = (
    "Other parts' labels: examples of the part that are given a label of another part; they count"
    " as errors. Trained alone: the mean of the same model and method on that task, where the grid"
    " has it; a few-shot part is compared with the few-shot task. Difference: as a part − alone."
)


def parts_table(runs: pd.DataFrame, summary: pd.DataFrame) -> ReportTable:
    """The parts of aggregated tasks, beside the same model and method trained on a part alone.

    Args:
        runs: as collect_runs returns it.
        summary: as summarise returns it.
    """
    metric = main_metric()
    measured = _measured_metrics(runs)
    rows = [
        _average_part(runs, group, part, measured)
        for group in count_runs(runs).reset_index().to_dict("records")
        if JOINED in group["task"]
        for part in group["task"].split(JOINED)
    ]
    alone = summary[summary["metric"] == metric.name]
    alone = alone.rename(columns={"task": "part", "mean": "alone"})
    data = pd.DataFrame(rows).merge(
        alone[["model", "method", "part", "alone"]], on=["model", "method", "part"], how="left"
    )
    data["gain"] = data[metric.name] - data["alone"]
    columns = {
        "runs": [format_run_count(row) for row in data.itertuples()],
        "examples": format_numbers(data["examples"], "{:.0f}"),
    }
    columns |= {
        METRICS[name].noun: [
            format_mean(mean, deviation)
            for mean, deviation in zip(data[name], data[f"{name}_sd"], strict=True)
        ]
        for name in compared_metrics()
    }
    columns |= {
        "other parts' labels": format_numbers(100 * data["outside"], PERCENT),
        f"{metric.noun}, trained alone": format_numbers(data["alone"], SCORE),
        "difference": format_differences(data["gain"], [metric.name] * len(data)),
    }
    groups = data.drop_duplicates(GROUP)
    return ReportTable(
        "Aggregated tasks by their parts: test metrics, mean ± standard deviation over seeds",
        data[["model", "method", "task", "part"]].assign(**columns),
        data,
        join_notes(NOTE, POINTS_NOTE, explain_marks(groups), data_warnings(summary)),
        dict.fromkeys([METRICS[name].noun for name in compared_metrics()], link_groups(data)),
    )


def _measured_metrics(runs: pd.DataFrame) -> list[str]:
    """The metrics that some run states of a part, and those compared, which a table must name."""
    stated = {column.rpartition(".")[2] for column in runs if column.startswith("parts.")}
    return [name for name in METRICS if name in compared_metrics() or name in stated]


def _average_part(
    runs: pd.DataFrame, group: dict[str, Any], part: str, metrics: list[str]
) -> dict[str, Any]:
    """The means of one part over the runs of a group; missing if no run states them.

    Args:
        runs: as collect_runs returns it.
        group: the group's `GROUP` and `COUNTS`.
        part: the part's name.
        metrics: the metrics to average.

    Returns:
        The group's values and part, n (runs that state the part), the mean of `examples`, of
        every metric and of `outside` (the share of examples that are given a label of another
        part), and `<metric>_sd` of the compared metrics (n−1).
    """
    in_group = (runs[GROUP] == [group[key] for key in GROUP]).all(axis=1)
    keys = ["examples", *metrics, "outside"]
    values = runs[in_group].reindex(columns=[f"parts.{part}.{key}" for key in keys]).astype(float)
    values.columns = keys
    means, deviations = values.mean(), values.std()
    row = group | {"part": part, "n": int(values["examples"].count())}
    row |= {key: means[key] for key in keys}
    return row | {f"{name}_sd": deviations[name] for name in metrics if name in compared_metrics()}
