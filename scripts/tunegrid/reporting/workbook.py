"""The workbook: summary, comparisons, memory, data, runs, settings and provenance, a sheet each."""

import math
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import xlsxwriter
from xlsxwriter.format import Format
from xlsxwriter.worksheet import Worksheet

from tunegrid.memory import KINDS
from tunegrid.results import GROUP, METRICS, RUN

#: Number formats by column; a column that is not here takes the general format.
FORMATS = {
    **dict.fromkeys(
        [*METRICS, "mean", "sd", "median", "min", "max", "majority_baseline", "tfidf_baseline"],
        "0.0000",
    ),
    **dict.fromkeys(["majority_accuracy", "majority_macro_f1"], "0.0000"),
    **dict.fromkeys(["reference_mean", "difference", "low", "high", "p", "p_holm"], "0.0000"),
    "effect_size": "0.00",
    "variance": "0.00E+00",
    "learning_rate": "0.0E+00",
    "trainable_percent": "0.000",
    **dict.fromkeys(["trainable_parameters", "total_parameters", *KINDS], "#,##0"),
    **dict.fromkeys(["closed_form", "traced", "traced_for_device"], "#,##0"),
    **dict.fromkeys(["measured", "reserved"], "#,##0"),
    "error_percent": "0.000",
    **dict.fromkeys(["train_seconds", "seconds"], "#,##0.0"),
}
WIDEST = 60

Sheets = Mapping[str, tuple[pd.DataFrame, int]]


def workbook_sheets(
    runs: pd.DataFrame,
    summary: pd.DataFrame,
    comparisons: pd.DataFrame,
    memory: pd.DataFrame,
    data: pd.DataFrame,
) -> Sheets:
    """The sheets by name: each a table and how many of its columns stay in view."""

    def part(prefix: str) -> pd.DataFrame:
        chosen = runs[[*RUN, "hash", *(name for name in runs if name.startswith(prefix))]]
        return chosen.rename(columns=lambda name: name.removeprefix(prefix))

    spread = ("settings.", "provenance.")
    return {
        "summary": (summary, len(GROUP) + 1),
        "comparisons": (comparisons, len(GROUP) + 1),
        "memory": (memory, 2),
        "data": (data, 2),
        "runs": (runs[[name for name in runs if not name.startswith(spread)]], len(RUN)),
        "settings": (part("settings."), len(RUN)),
        "provenance": (part("provenance."), len(RUN)),
    }


def write_workbook(
    runs: pd.DataFrame,
    summary: pd.DataFrame,
    comparisons: pd.DataFrame,
    memory: pd.DataFrame,
    data: pd.DataFrame,
    path: Path,
) -> None:
    """Write results.xlsx: frozen headers, filters, number formats, fitted column widths.

    Missing values are empty cells, text that begins with `=` stays text, and equal tables give
    equal files: the creation date is that of the last run.

    Args:
        runs: as collect_runs returns it.
        summary: as summarise returns it.
        comparisons: as compare_methods returns it.
        memory: the table `memory` of the memory analysis, unrounded, in bytes.
        data: the table `data` of the tasks' splits.
        path: file to write.
    """
    options = {"strings_to_formulas": False, "strings_to_urls": False, "constant_memory": True}
    created = datetime.fromisoformat(runs["provenance.started"].dropna().max()).astimezone(UTC)
    with xlsxwriter.Workbook(path, options) as workbook:
        workbook.set_properties(
            {"title": "tunegrid results", "created": created.replace(tzinfo=None)}
        )
        styles = _Styles(workbook)
        for name, (table, frozen) in workbook_sheets(
            runs, summary, comparisons, memory, data
        ).items():
            _write_sheet(workbook.add_worksheet(name), table, frozen, styles)


class _Styles:
    """The workbook's cell formats, each made once."""

    def __init__(self, workbook: xlsxwriter.Workbook) -> None:
        header = {"bold": True, "bg_color": "#DCE6F1", "bottom": 1}
        # Indented, so that a text does not touch the number to its left.
        self.text_header = workbook.add_format(header | {"indent": 1})
        self.text = workbook.add_format({"indent": 1})
        self.truth = workbook.add_format({"num_format": '"true";"true";"false"'})
        self.number_header = workbook.add_format(header | {"align": "right"})
        self.flagged = workbook.add_format({"bg_color": "#FCE4D6"})
        self._numbers = {
            text: workbook.add_format({"num_format": text}) for text in set(FORMATS.values())
        }

    def number(self, column: str) -> Format | None:
        return self._numbers.get(FORMATS.get(column, ""))


def _write_sheet(sheet: Worksheet, table: pd.DataFrame, frozen: int, styles: _Styles) -> None:
    for index, column in enumerate(table.columns):
        shown = [len(_shown(value, FORMATS.get(column))) for value in table[column].head(500)]
        width = min(WIDEST, max([len(column) + 3, *(length + 1 for length in shown)]))
        sheet.set_column(index, index, width)
        numeric = pd.api.types.is_numeric_dtype(table[column])
        header = styles.number_header if numeric else styles.text_header
        sheet.write_string(0, index, column, header)
    for row, values in enumerate(table.itertuples(index=False, name=None), start=1):
        for index, (column, value) in enumerate(zip(table.columns, values, strict=True)):
            _write_cell(sheet, row, index, value, column, styles)
    sheet.freeze_panes(1, frozen)
    sheet.set_landscape()
    sheet.fit_to_pages(1, 0)  # printed: as wide as one page, the header on each
    sheet.repeat_rows(0)
    sheet.autofilter(0, 0, len(table), len(table.columns) - 1)
    for flag in {"degenerate", "n_degenerate"} & set(table.columns):
        letter = xlsxwriter.utility.xl_col_to_name(table.columns.get_loc(flag))
        sheet.conditional_format(
            *(1, 0, len(table), len(table.columns) - 1),
            {"type": "formula", "criteria": f"=${letter}2*1>0", "format": styles.flagged},
        )


def _write_cell(
    sheet: Worksheet, row: int, index: int, value: Any, column: str, styles: _Styles
) -> None:
    if value is None or value is pd.NA or (isinstance(value, float) and math.isnan(value)):
        sheet.write_blank(row, index, None)
    elif isinstance(value, str):
        sheet.write_string(row, index, value, styles.text)
    elif isinstance(value, bool):
        sheet.write_boolean(row, index, value, styles.truth)
    else:
        sheet.write_number(row, index, value, styles.number(column))


def _shown(value: Any, number_format: str | None) -> str:
    """About what a reader sees of a value, for the width of its column."""
    if value is None or value is pd.NA:
        return ""
    if isinstance(value, str):
        return value
    return f"{value:,.4f}" if number_format else str(value)
