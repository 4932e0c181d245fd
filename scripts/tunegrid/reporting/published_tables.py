"""Papers' numbers beside the grid's, what is wrong with them, and what the papers conclude."""

from collections.abc import Sequence
from typing import Any

import pandas as pd

from tunegrid.published.number_comparison import EXPECTED, NARROW_POINTS, NARROW_SHARE
from tunegrid.published.number_file import MEAN_OF, TRAINABLE_PERCENT, WHERE
from tunegrid.published.number_file import NOTE as NOTE_OF_NUMBER
from tunegrid.reporting.marks import explain_marks, format_run_count
from tunegrid.reporting.report_table import (
    DASH,
    ReportTable,
    format_intervals,
    format_number,
    format_numbers,
    join_notes,
)
from tunegrid.reporting.run_links import link_groups
from tunegrid.results import GROUP
from tunegrid.statistics.run_counts import COUNTS

NOTE = (
    "Ours: mean over the runs. Interval: its 95 % t interval over seeds alone, because the paper's"
    " test examples are the same. Expected: where a mean of as many runs as the paper's (mean of)"
    " falls in 95 of 100 cases, were its runs like ours; with the paper's own spread, where Welch's"
    " test does not tell its mean from ours. Within: the published number lies in the interval, as"
    " far as it was printed; within chance: in what is expected. Too wide to tell: in one of both,"
    f" but that reaches more than {NARROW_POINTS:g} points (of the loss: {100 * NARROW_SHARE:g} %"
    " of our mean) to either side, and would contradict hardly any number. Equal, differs: of what"
    " does not vary, as printed. Where the paper does not tell of how many runs a number is the"
    " mean, the interval alone is asked: with five seeds of ours a single run lies outside by"
    " chance in one of three. Published schedules and software differ; so may the numbers."
)
FINDINGS_NOTE = (
    "±: half of the 95 % interval over seeds and test examples, by Student's t. A finding holds, or"
    " does not, only where its differences are larger than these leave open, the means taken as"
    " independent."
)
NONE = "None of these models, tasks and methods is in this grid."
PLACE = ["source", "model", "task", "method"]
#: The paper's own spread, as `compare_published` names it.
PUBLISHED_SD, PUBLISHED_STANDARD_ERROR = "published_sd", "published_standard_error"


def published_tables(
    compared: pd.DataFrame, audit: pd.DataFrame, notes: Sequence[str] = ()
) -> dict[str, ReportTable]:
    """Both tables of numbers by name (`tunegrid.reporting.table_names.PUBLISHED_TABLES`).

    Args:
        compared: as compare_published returns it.
        audit: as audit_published returns it.
        notes: what must be known of the papers' numbers (`sourced_notes`).
    """
    numbers = ["published", MEAN_OF, PUBLISHED_SD, PUBLISHED_STANDARD_ERROR, "ours", "n", *COUNTS]
    numbers += ["low", "high", *EXPECTED, "difference"]
    data = compared.reindex(columns=[*PLACE, "metric", WHERE, *numbers, "verdict", NOTE_OF_NUMBER])
    readable = data[[*PLACE, "metric", WHERE, "verdict", NOTE_OF_NUMBER]].assign(
        ours=_format_values(data, "ours"),
        difference=_format_values(data, "difference", sign="+"),
        spread=[_format_spread(row) for row in data.itertuples()],
        runs=["—" if pd.isna(row.n_runs) else format_run_count(row) for row in data.itertuples()],
        published=compared["printed"],
        interval=format_intervals(data, "low", "high"),
        expected=format_intervals(data, *EXPECTED),
        **{"mean of": format_numbers(data[MEAN_OF], "{:.0f}")},
    )
    none = (data["verdict"] == "not in the grid").all()
    groups = data.drop_duplicates(GROUP)
    order = [*PLACE, "metric", WHERE, "published", "mean of", "spread", "ours", "runs"]
    order += ["interval", "expected", "difference", "verdict", NOTE_OF_NUMBER]
    # Few papers need these columns.
    few = (WHERE, "spread", NOTE_OF_NUMBER)
    empty = [name for name in few if readable[name].isin(["", DASH]).all()]
    marks = explain_marks(groups[COUNTS].fillna(0))
    return {
        "published": ReportTable(
            "Published beside reproduced",
            readable[order].drop(columns=empty),
            data,
            join_notes(NONE if none else "", *notes, NOTE, marks),
            {"ours": link_groups(data)},
        ),
        "published_audit": ReportTable(
            "Published numbers that cannot be, or say another thing than they seem to",
            audit,
            audit,
            "Only numbers of tasks and models in this grid can be audited by their data and sizes."
            if len(audit)
            else "None was found among those whose tasks and models are in this grid.",
        ),
    }


def _format_values(data: pd.DataFrame, column: str, sign: str = "") -> list[str]:
    """The values of a column, each as its metric is written: scores, or percent of parameters.

    Args:
        data: the rows, with `metric`.
        column: of the values.
        sign: "+" writes the sign of positive values, too.
    """
    percent, score = f"{{:{sign}.3f}} %", f"{{:{sign}.4f}}"
    return [
        format_number(value, percent if metric == TRAINABLE_PERCENT else score)
        for metric, value in zip(data["metric"], data[column], strict=True)
    ]


def _format_spread(row: Any) -> str:
    """The paper's own spread: `sd 0.0120`, or `se 0.0054` for a standard error of its mean."""
    if not pd.isna(row.published_sd):
        return f"sd {row.published_sd:.4f}"
    return format_number(row.published_standard_error, "se {:.4f}")


def findings_table(findings: pd.DataFrame) -> ReportTable:
    """The papers' conclusions, held against the grid's numbers.

    Args:
        findings: as check_findings returns it.
    """
    return ReportTable(
        title="Published findings, held against these results",
        readable=findings,
        data=findings,
        note=FINDINGS_NOTE,
    )
