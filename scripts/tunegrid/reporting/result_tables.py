"""All tables of a grid's results."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import pandas as pd

from tunegrid.reporting.answer_table import answer_table, pairs_table
from tunegrid.reporting.comparisons_table import comparisons_table
from tunegrid.reporting.cost_table import cost_table
from tunegrid.reporting.data_tables import data_table, lengths_table, tasks_table
from tunegrid.reporting.error_tables import agreement_table, classes_table, hard_table
from tunegrid.reporting.overall_table import overall_table
from tunegrid.reporting.padding_note import padding_note
from tunegrid.reporting.parts_table import parts_table
from tunegrid.reporting.report_table import ReportTable, join_notes
from tunegrid.reporting.run_tables import hyperparameters_table, runs_table
from tunegrid.reporting.summary_tables import main_metric_table, methods_table, summary_table
from tunegrid.reporting.table_names import QUALITY
from tunegrid.reporting.test_splits_table import has_test_splits, table_of_test_splits
from tunegrid.reporting.tuning_table import tuning_table
from tunegrid.results import JOINED
from tunegrid.tasks.cards import Card


def build_tables(
    runs: pd.DataFrame,
    summary: pd.DataFrame,
    cards: Sequence[Card],
    comparisons: pd.DataFrame,
    overall: pd.DataFrame,
    costs: pd.DataFrame,
    memory: pd.DataFrame,
    errors: Mapping[str, pd.DataFrame],
    tuning: pd.DataFrame | None = None,
) -> dict[str, ReportTable]:
    """Make all tables of a grid.

    Args:
        runs: as collect_runs returns it.
        summary: as summarise returns it.
        cards: the data cards of the tasks (check_task).
        comparisons: as compare_methods returns it.
        overall: as `compare_over_tasks` returns it.
        costs: as `tunegrid.statistics.costs.cost` returns it.
        memory: the table `memory`, unrounded (bytes).
        errors: as count_errors returns them, by name.
        tuning: as `tunegrid.tuning.tuning_rows.collect_tuning` returns it; None without tuning.

    Returns:
        The tables by name: `tunegrid.reporting.table_names.TABLES`, `parts` if the grid has
        aggregated tasks, `test_splits` if a task has several of them, and `tuning` if it is tuned.
    """
    tables = {
        "answer": answer_table(comparisons, overall, summary, memory, tuning),
        "overall": overall_table(overall, comparisons),
        "pairs": pairs_table(comparisons, overall, summary, memory),
        "tasks": tasks_table(runs, cards),
        "data": data_table(cards),
        "lengths": lengths_table(cards),
        "runs": runs_table(runs),
        "hyperparameters": hyperparameters_table(runs, tuning),
        "summary": summary_table(summary),
        QUALITY: main_metric_table(summary),
        "methods": methods_table(summary),
        "comparisons": comparisons_table(comparisons, summary),
        "classes": classes_table(errors["per_class"], cards),
        "agreement": agreement_table(errors["agreement"]),
        "hard": hard_table(errors["hard"]),
        "cost": cost_table(costs),
    }
    if runs["task"].str.contains(JOINED, regex=False).any():
        tables["parts"] = parts_table(runs, summary)
    if has_test_splits(cards):
        tables["test_splits"] = table_of_test_splits(runs, summary, cards)
    if tuning is not None:
        tables["tuning"] = tuning_table(tuning)
    warning = padding_note(summary)
    return {
        name: replace(table, note=join_notes(warning, table.note)) for name, table in tables.items()
    }
