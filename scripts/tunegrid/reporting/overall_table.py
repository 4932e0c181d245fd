"""Everything that is compared, over all tasks: one row for each pair and metric."""

import pandas as pd

from tunegrid.metrics import MAIN_METRICS, titles
from tunegrid.reporting.answer_sentences import describe_unlike_metrics, name_sides
from tunegrid.reporting.comparisons_table import format_p
from tunegrid.reporting.report_table import (
    POINTS_NOTE,
    ReportTable,
    format_difference_intervals,
    format_differences,
    format_numbers,
    join_notes,
)

NOTE = (
    "Difference: the method − what it is compared with, the mean over the tasks, each counting the"
    " same. Verdict, interval, of, alone and p: as in the table comparisons. Speaks of: the"
    " interval is one of the mean of these tasks, or, from five tasks on, of tasks like these."
    " Better, same, worse, not told: on how many of the tasks; runs of one seed are left out."
)
NOTHING_NOTE = (
    "Nothing is compared on two or more tasks by two or more seeds: the table comparisons has what"
    " there is."
)


def overall_table(overall: pd.DataFrame, comparisons: pd.DataFrame) -> ReportTable:
    """Every pair over all tasks, by every metric that is compared.

    Args:
        overall: as `compare_over_tasks` returns it.
        comparisons: as compare_methods returns them, of which it is made.
    """
    data = overall.reset_index(drop=True)
    columns = {
        "compared with": [name_sides(row).other for row in data.itertuples()],
        "metric": data["metric"].map(titles() | {MAIN_METRICS.name: MAIN_METRICS.title}),
        "verdict": data["verdict"],
        "tasks": data["tasks"],
        "difference": format_differences(data["difference"], data["metric"]),
        "interval": format_difference_intervals(
            data["verdict_low"], data["verdict_high"], data["metric"]
        ),
        "of": format_numbers(data["family"], "{}"),
        "alone": format_difference_intervals(data["low"], data["high"], data["metric"]),
        "p (Holm)": data["p_holm"].map(format_p),
        "speaks of": data["speaks_of"],
        "better": data["wins"],
        "same": data["ties"],
        "worse": data["losses"],
        "not told": data["untold"],
    }
    return ReportTable(
        "Methods and models compared, over all tasks",
        data[["model", "method"]].assign(**columns),
        data,
        join_notes(
            NOTHING_NOTE if data.empty else join_notes(NOTE, POINTS_NOTE),
            describe_unlike_metrics(comparisons),
        ),
    )
