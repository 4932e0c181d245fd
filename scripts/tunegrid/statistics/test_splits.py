"""The rows of predictions that are of single test splits, of tasks that have several.

A task's own scores, and all comparisons, are of the examples of all its test splits (pooled), or of
those of the first alone, as its entry says (`test_score`). Each test split is scored beside that.
"""

from collections.abc import Iterator
from typing import Literal

import pandas as pd
import pyarrow as pa
from pyarrow import compute

from tunegrid.results import TEST_SPLIT

#: What the scores of a task with several test splits are of.
TestScore = Literal["pooled", "first"]
#: What stands before the name of a test split in a column of its scores.
PREFIX = "test_splits."


def names_of_test_splits(table: pa.Table) -> list[str]:
    """The test splits in their order; none of a task with one.

    Args:
        table: the columns of predictions.parquet.
    """
    if TEST_SPLIT not in table.column_names:
        return []
    names: list[str] = table[TEST_SPLIT].unique().to_pylist()
    return names


def rows_of_test_splits(table: pa.Table) -> Iterator[tuple[str, pa.Table]]:
    """Each of several test splits with its rows of predictions.parquet; none of a task with one."""
    for name in names_of_test_splits(table):
        yield name, _rows_of(table, name)


def scored_rows(table: pa.Table, test_score: TestScore) -> pa.Table:
    """The rows of predictions.parquet that a task's own scores are of."""
    names = names_of_test_splits(table)
    return _rows_of(table, names[0]) if names and test_score == "first" else table


def _rows_of(table: pa.Table, test_split: str) -> pa.Table:
    names = table[TEST_SPLIT].cast(pa.string())
    return table.filter(compute.equal(names, test_split))


def tasks_scored_by_first(runs: pd.DataFrame) -> set[str]:
    """The tasks whose own scores are of their first test split alone.

    Args:
        runs: as collect_runs returns it.
    """
    if "test_score" not in runs:
        return set()
    return set(runs.loc[runs["test_score"] == "first", "task"])
