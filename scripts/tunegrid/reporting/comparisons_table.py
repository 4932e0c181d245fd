"""The numbers behind the answer: everything that is compared with something."""

from typing import Any

import pandas as pd

from tunegrid.metrics import titles
from tunegrid.reporting.answer_sentences import name_sides
from tunegrid.reporting.data_tables import data_warnings
from tunegrid.reporting.report_table import (
    DASH,
    POINTS_NOTE,
    ReportTable,
    format_difference_intervals,
    format_differences,
    format_numbers,
    join_notes,
)
from tunegrid.reporting.run_links import link_comparisons
from tunegrid.statistics.verdicts import Verdict

NOTHING_NOTE = "The grid has one method for each model and task: there is nothing to compare."
NOTE = (
    "Difference: the method − what it is compared with, the mean over the seeds. Verdict: better or"
    " worse where p, corrected, is below 5 %; same where the difference is shown to be smaller than"
    " the margin; else it cannot be told. Interval: the one that the verdict is read from, wider"
    " than 95 % where several differences are judged together (of one: how many). Alone: the 95 %"
    " interval of this difference alone. p: two-sided, of seeds and examples together, corrected by"
    " Holm's method for all comparisons that answer the same question of one model by one metric."
    " Shown from: a difference of this size would be found with these seeds and examples with power"
    " 80 %. Needed: so many seeds, or so many test examples, would find this difference."
    " Degenerate: how many runs of the method / of the other predict one class or have a loss that"
    " is not finite. docs/statistics.md explains how each is computed."
)


def comparisons_table(comparisons: pd.DataFrame, summary: pd.DataFrame) -> ReportTable:
    """The numbers behind the answer, for every metric that is compared.

    Args:
        comparisons: as compare_methods returns it.
        summary: as summarise returns it.
    """
    data = comparisons.reset_index(drop=True)
    columns = {
        "compared with": [name_sides(row).other or DASH for row in data.itertuples()],
        "metric": data["metric"].map(titles()),
        "verdict": data["verdict"],
        "seeds": [_format_seeds(row) for row in data.itertuples()],
        "difference": format_differences(data["difference"], data["metric"]),
        "interval": format_difference_intervals(
            data["verdict_low"], data["verdict_high"], data["metric"]
        ),
        "of": format_numbers(data["family"], "{}"),
        "alone": format_difference_intervals(data["low"], data["high"], data["metric"]),
        "p (Holm)": data["p_holm"].map(format_p),
        "shown from": format_differences(data["detectable"], data["metric"], signed=False),
        "needed": [_format_needed(row) for row in data.itertuples()],
        "degenerate": [_format_degenerate(row) for row in data.itertuples()],
    }
    note = NOTHING_NOTE if data.empty else join_notes(NOTE, POINTS_NOTE, data_warnings(summary))
    return ReportTable(
        "Methods and models compared, over seeds and test examples",
        data[["model", "task", "method"]].assign(**columns),
        data,
        note,
        {"difference": link_comparisons(data)},
    )


def _format_needed(row: Any) -> str:
    """How many seeds or test examples would tell a difference; a dash where it is told."""
    if row.verdict != Verdict.UNTOLD:
        return DASH
    needed = []
    if not pd.isna(row.seeds_needed):
        needed.append(f"{row.seeds_needed:.0f} seeds")
    if not pd.isna(row.examples_needed):
        needed.append(f"{row.examples_needed:,.0f} examples")
    return " or ".join(needed) or "more of both"


def _format_seeds(row: Any) -> str:
    """The seeds compared, and of how many if some are not."""
    if row.seeds == row.seeds_planned:
        return f"{row.seeds}"
    return f"{row.seeds} of {row.seeds_planned}"


def _format_degenerate(row: Any) -> str:
    return f"{row.degenerate} / {row.reference_degenerate}" if row.seeds else DASH


def format_p(p: float) -> str:
    """A p value with four digits, or that it is less; a dash if it is missing."""
    if pd.isna(p):
        return DASH
    return "< 0.0001" if p < 1e-4 else f"{p:.4f}"
