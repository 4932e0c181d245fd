"""Papers' numbers beside the grid's, what is wrong with them, and what the papers conclude."""

import pandas as pd

from tunegrid.published.number_comparison import EXPECTED
from tunegrid.published.number_file import MEAN_OF
from tunegrid.reporting.marks import explain_marks, format_run_count
from tunegrid.reporting.report_table import (
    ReportTable,
    format_intervals,
    format_numbers,
    join_notes,
)
from tunegrid.reporting.run_links import link_groups
from tunegrid.results import GROUP
from tunegrid.statistics.run_counts import COUNTS

NOTE = (
    "Ours: mean over the runs; interval: its 95 % t interval over seeds; expected: where a mean of"
    " as many runs as the paper's (mean of) falls in 95 of 100 cases, were its runs like ours."
    " Within: the published number lies in the interval, as far as it was printed; within chance:"
    " in what is expected. Where the paper does not tell of how many runs a number is the mean, the"
    " interval alone is asked: with five seeds of ours a single run lies outside by chance in one"
    " of three. Published schedules and software differ; so may the numbers."
)
FINDINGS_NOTE = (
    "±: half of the 95 % interval over seeds and test examples. A finding holds, or does not, only"
    " where its differences are larger than these leave open, the means taken as independent."
)
NONE = "None of these models, tasks and methods is in this grid."
PLACE = ["source", "model", "task", "method"]


def published_tables(compared: pd.DataFrame, audit: pd.DataFrame) -> dict[str, ReportTable]:
    """Both tables of numbers by name (`tunegrid.reporting.table_names.PUBLISHED_TABLES`).

    Args:
        compared: as compare_published returns it.
        audit: as audit_published returns it.
    """
    numbers = ["published", MEAN_OF, "ours", "n", *COUNTS, "low", "high", *EXPECTED, "difference"]
    data = compared.reindex(columns=[*PLACE, "metric", *numbers, "verdict"])
    readable = data[[*PLACE, "metric", "verdict"]].assign(
        ours=format_numbers(data["ours"], "{:.4f}"),
        difference=format_numbers(data["difference"], "{:+.4f}"),
        runs=["—" if pd.isna(row.n_runs) else format_run_count(row) for row in data.itertuples()],
        published=compared["printed"],
        interval=format_intervals(data, "low", "high"),
        expected=format_intervals(data, *EXPECTED),
        **{"mean of": format_numbers(data[MEAN_OF], "{:.0f}")},
    )
    none = (data["verdict"] == "not in the grid").all()
    groups = data.drop_duplicates(GROUP)
    order = [*PLACE, "metric", "published", "mean of", "ours", "runs", "interval", "expected"]
    order += ["difference", "verdict"]
    notes = [NONE if none else "", NOTE, explain_marks(groups[COUNTS].fillna(0))]
    return {
        "published": ReportTable(
            "Published beside reproduced",
            readable[order],
            data,
            join_notes(*notes),
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
