"""The numbers behind the answer: every method against the one that trains most."""

from typing import Any

import pandas as pd

from tunegrid.metrics import titles
from tunegrid.reporting.data_tables import leak_note
from tunegrid.reporting.report_table import (
    DASH,
    ReportTable,
    format_intervals,
    format_numbers,
    join_notes,
)
from tunegrid.statistics.bootstrap import RESAMPLES
from tunegrid.statistics.dominance import THRESHOLD

NOTHING_NOTE = "The grid has one method for each model and task: there is nothing to compare."
NOTE = (
    "Degenerate: how many runs of the method / of the reference predict one class or have a loss"
    " that is not finite. Difference: method − reference, the mean over the seeds that both have."
    f" Interval: its 95 % interval by a crossed bootstrap of {RESAMPLES:,} resamples over seeds and"
    " test examples (with one seed, over the examples alone). p: two-sided, of seeds and examples"
    " together, corrected by Holm's method for all comparisons of the metric. d: the mean of the"
    " seeds' differences, divided by their standard deviation. Seeds needed: with so many seeds a"
    " paired t test would find such a d with power 80 %. Shown from: a difference of this size"
    " would be found with these seeds and examples with power 80 %, before Holm's correction. One"
    " example: the share of the test split that one example is; a smaller difference of a metric"
    " that counts examples lies between the means over seeds only. ASO: almost stochastic order of"
    " the better mean over the worse, of the seeds' scores alone: the upper bound of its violation"
    f" ratio, which is said to tell the two apart below {THRESHOLD}. ASO's false positives: how"
    " often it would do so with as many seeds where there is no difference."
)


def comparisons_table(comparisons: pd.DataFrame, summary: pd.DataFrame) -> ReportTable:
    """The numbers behind the answer, for every metric that is compared.

    Args:
        comparisons: as compare_methods returns it.
        summary: as summarise returns it.
    """
    data = comparisons.reset_index(drop=True)
    columns = {
        "reference": format_numbers(data["reference"], "{}"),
        "metric": data["metric"].map(titles()),
        "seeds": [_format_seeds(row) for row in data.itertuples()],
        "degenerate": [_format_degenerate(row) for row in data.itertuples()],
        "difference": format_numbers(data["difference"], "{:+.4f}"),
        "interval": format_intervals(data, "low", "high", "{:+.4f}"),
        "p (Holm)": data["p_holm"].map(_format_p),
        "d": format_numbers(data["effect_size"], "{:+.2f}"),
        "seeds needed": format_numbers(data["seeds_needed"], "{:.0f}"),
        "shown from": format_numbers(data["detectable"], "{:.4f}"),
        "one example": format_numbers(1 / data["examples"].astype(float), "{:.4f}"),
        "ASO": format_numbers(data["aso"], "{:.2f}"),
        "ASO's false positives": format_numbers(data["aso_false_positives"], "{:.0%}"),
    }
    note = NOTHING_NOTE if data.empty else join_notes(NOTE, leak_note(summary))
    return ReportTable(
        "Methods compared, by seed and test example",
        data[["model", "task", "method"]].assign(**columns),
        data,
        note,
    )


def _format_seeds(row: Any) -> str:
    """The seeds compared, and of how many if some are not."""
    if row.seeds == row.seeds_planned:
        return f"{row.seeds}"
    return f"{row.seeds} of {row.seeds_planned}"


def _format_degenerate(row: Any) -> str:
    return f"{row.degenerate} / {row.reference_degenerate}" if row.seeds else DASH


def _format_p(p: float) -> str:
    if pd.isna(p):
        return DASH
    return "< 0.0001" if p < 1e-4 else f"{p:.4f}"
