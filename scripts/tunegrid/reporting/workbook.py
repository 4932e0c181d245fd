"""The workbook: the answer, then all results, a sheet each, linked to their runs; a glossary."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xlsxwriter
from xlsxwriter.format import Format
from xlsxwriter.utility import xl_col_to_name
from xlsxwriter.worksheet import Worksheet

from tunegrid.reporting.answer_sheet import answer_sheet
from tunegrid.reporting.sheet_layout import (
    LINE,
    WIDEST,
    column_widths,
    head_height,
    print_pages,
)
from tunegrid.reporting.workbook_columns import describe_column
from tunegrid.reporting.workbook_links import Links, sheet_links
from tunegrid.results import FAILED, MISSING, RUN

#: The sheets in their order → what each is.
SHEETS = {
    "answer": (
        "A row for each model, task and method: what it wins or loses by the main metric against"
        " the reference, and what it costs. A difference leads to the row that it is taken from, a"
        " mean to its distribution."
    ),
    "overall": "A row for each method and metric: its differences, the mean over all tasks.",
    "comparisons": (
        "A row for each method (or model) and metric: the method − what it is compared with, on one"
        " task."
    ),
    "summary": (
        "A row for each cell group (model, task, method) and metric: its distribution over seeds."
        " Mean, min and max lead to their runs."
    ),
    "cost": "A row for each cell group: what it costs, beside what it scores.",
    "tuning": (
        "A row for each model, task and method: the settings that were chosen by the score on dev,"
        " and what tuning took."
    ),
    "published": "A row for each published number, and beside it the grid's own.",
    "memory": "A row for each model and method: the memory of one training step, in bytes.",
    "per class": "A row for each cell group and label: its test scores.",
    "test splits": (
        "A row for each cell group and test split, of tasks that have several: its scores. Those of"
        " all test splits pooled are in the row above them."
    ),
    "data": "A row for each task and split: what it holds, and what is wrong with it.",
    "runs": "A row for each cell of the grid: what its run measured, or why there is none.",
    "settings": "A row for each cell: every setting of its run.",
    "provenance": "A row for each cell: what made its run.",
    "glossary": "This page: what each sheet and column is.",
}
#: How many columns at the left of each sheet name a row: they stay in view.
NAMES = {
    "answer": 3,
    "overall": 3,
    "comparisons": 4,
    "summary": 4,
    "cost": 3,
    "tuning": 3,
    "published": 4,
    "memory": 2,
    "per class": 4,
    "test splits": 4,
    "data": 2,
    "runs": 4,
    "settings": 4,
    "provenance": 4,
}
DEGENERATE = "degenerate"
#: The colour of a row by what it holds.
COLOURS = {DEGENERATE: "#FCE4D6", FAILED: "#F4B6B6", MISSING: "#D9D9D9"}
#: The same in words, for the glossary.
COLOUR_MEANINGS = {
    DEGENERATE: "holds a run that predicts one class, or whose loss is not finite",
    FAILED: "holds a run that failed",
    MISSING: "holds a cell without a run",
}


@dataclass(frozen=True)
class Highlight:
    """Which rows of a sheet are coloured.

    Attributes:
        columns: a sheet that has all of these columns is coloured.
        formula: what is true of a coloured row, as Excel writes it; `{}` stands for the cell of
            each of the columns.
        colour: a key of `COLOURS`.
    """

    columns: tuple[str, ...]
    formula: str
    colour: str


HIGHLIGHTS = [
    Highlight(columns=("n_degenerate",), formula="{}>0", colour=DEGENERATE),
    # A truth becomes the number 1: in Excel every truth is larger than every number.
    Highlight(columns=("degenerate",), formula="{}*1>0", colour=DEGENERATE),
    Highlight(columns=("reference_degenerate",), formula="{}>0", colour=DEGENERATE),
    Highlight(columns=("n_failed",), formula="{}>0", colour=FAILED),
    Highlight(columns=("failed",), formula="{}>0", colour=FAILED),
    Highlight(columns=("missing",), formula="{}>0", colour=MISSING),
    Highlight(columns=("n_missing",), formula="{}>0", colour=MISSING),
    Highlight(columns=("state",), formula=f'{{}}="{FAILED}"', colour=FAILED),
    Highlight(columns=("state",), formula=f'{{}}="{MISSING}"', colour=MISSING),
    Highlight(columns=("seeds", "seeds_planned"), formula="{}<{}", colour=MISSING),
]
#: The widths of the glossary's columns, in characters: sheets, their columns, and meanings.
GLOSSARY_WIDTHS = [14, 24, 100]
LINK_COLOUR = "#1F4E9E"
#: The last sheet.
GLOSSARY = "glossary"


def workbook_sheets(
    runs: pd.DataFrame, summary: pd.DataFrame, tables: Mapping[str, pd.DataFrame]
) -> dict[str, pd.DataFrame]:
    """The sheets of results that there are, by name, in the order of `SHEETS`.

    Args:
        runs: as collect_runs returns it.
        summary: as summarise returns it.
        tables: the other sheets, by name, unrounded; among them comparisons, overall and cost, of
            which the answer is made.
    """
    spread = ("settings.", "provenance.")
    sheets = {
        "answer": answer_sheet(tables["comparisons"], tables["overall"], tables["cost"]),
        "summary": summary,
        "runs": runs[[name for name in runs if not name.startswith(spread)]],
        "settings": _columns_below(runs, "settings."),
        "provenance": _columns_below(runs, "provenance."),
        **tables,
    }
    return {name: sheets[name] for name in SHEETS if name in sheets}


def _columns_below(runs: pd.DataFrame, prefix: str) -> pd.DataFrame:
    """What names a run, and its columns that begin with the prefix, without it."""
    chosen = [name for name in runs if name.startswith(prefix)]
    return runs[[*RUN, "hash", *chosen]].rename(columns=lambda name: name.removeprefix(prefix))


def write_workbook(
    runs: pd.DataFrame, summary: pd.DataFrame, tables: Mapping[str, pd.DataFrame], path: Path
) -> None:
    """Write results.xlsx: frozen headers, filters, number formats, fitted widths, printed pages.

    Missing values are empty cells, text that begins with `=` stays text, rows that are degenerate,
    failed or missing have a colour, and numbers lead to the rows of their runs. Equal tables give
    equal files: the creation date is that of the last run.

    Args:
        runs, summary, tables: as of `workbook_sheets`.
        path: the file to write.
    """
    options = {"strings_to_formulas": False, "strings_to_urls": False, "constant_memory": True}
    created = datetime.fromisoformat(runs["provenance.started"].dropna().max()).astimezone(UTC)
    sheets = workbook_sheets(runs, summary, tables)
    links = sheet_links(sheets, runs)
    with xlsxwriter.Workbook(path, options) as workbook:
        workbook.set_properties(
            {"title": "tunegrid results", "created": created.replace(tzinfo=None)}
        )
        formats = _CellFormats(workbook)
        for name, table in sheets.items():
            sheet = workbook.add_worksheet(name)
            _write_sheet(sheet, name, table, links.get(name, {}), formats)
        _write_glossary(workbook.add_worksheet(GLOSSARY), sheets, formats)


class _CellFormats:
    """The cell formats of one workbook.

    Excel keeps a list of formats, to which cells refer: each look is made once and given to all
    cells that have it.

    Attributes:
        text_header: of the head of a column of text. Text is indented, so that it does not touch
            the number to its left.
        number_header: of the head of a column of numbers.
        text: of a text.
        long_text: of a text that is broken into lines.
        linked_text: of a text that leads somewhere.
        truth: of a truth, which is shown in small letters.
        title, strong, wrapped, top: of the glossary: its title, names of sheets, meanings, and
            names of columns.
        highlights: of rows, by the keys of `COLOURS`.
    """

    def __init__(self, workbook: xlsxwriter.Workbook) -> None:
        self._workbook = workbook
        self._numbers: dict[tuple[str, bool], Format] = {}
        header = {"bold": True, "bg_color": "#DCE6F1", "bottom": 1, "text_wrap": True}
        self.text_header = workbook.add_format(header | {"indent": 1})
        self.number_header = workbook.add_format(header | {"align": "right"})
        self.text = workbook.add_format({"indent": 1})
        self.long_text = workbook.add_format({"indent": 1, "text_wrap": True})
        self.linked_text = workbook.add_format({"indent": 1, "font_color": LINK_COLOUR})
        self.truth = workbook.add_format({"num_format": '"true";"true";"false"'})
        self.title = workbook.add_format({"bold": True, "font_size": 14})
        self.strong = workbook.add_format({"bold": True})
        self.wrapped = workbook.add_format({"text_wrap": True, "valign": "top"})
        self.top = workbook.add_format({"valign": "top"})
        self.highlights = {
            name: workbook.add_format({"bg_color": colour}) for name, colour in COLOURS.items()
        }

    def number(self, number_format: str, *, linked: bool) -> Format | None:
        """The format of a number; None for the general one."""
        if not number_format and not linked:
            return None
        key = (number_format, linked)
        if key not in self._numbers:
            look = {}
            if number_format:
                look["num_format"] = number_format
            if linked:
                look["font_color"] = LINK_COLOUR
            self._numbers[key] = self._workbook.add_format(look)
        return self._numbers[key]


def _write_glossary(
    sheet: Worksheet, sheets: Mapping[str, pd.DataFrame], formats: _CellFormats
) -> None:
    """Write the last sheet: what the colours, the sheets and their columns are."""
    for index, width in enumerate(GLOSSARY_WIDTHS):
        sheet.set_column(index, index, width)
    sheet.write_string(0, 0, "tunegrid: results of a grid of fine-tuning runs", formats.title)
    row = 2
    for colour, meaning in COLOUR_MEANINGS.items():
        sheet.write_string(row, 0, colour, formats.highlights[colour])
        sheet.write_string(row, 1, f"A row of this colour {meaning}.")
        row += 1
    for name, table in sheets.items():
        row += 1
        sheet.write_url(row, 0, f"internal:'{name}'!A1", formats.strong, name)
        sheet.write_string(row, 1, SHEETS[name], formats.strong)
        row += 1
        for column in table.columns:
            meaning = describe_column(name, column).meaning
            sheet.set_row(row, LINE * math.ceil(len(meaning) / GLOSSARY_WIDTHS[-1]))
            sheet.write_string(row, 1, column, formats.top)
            sheet.write_string(row, 2, meaning, formats.wrapped)
            row += 1
    print_pages(sheet, SHEETS[GLOSSARY], GLOSSARY_WIDTHS, names=1)
    sheet.hide_gridlines(2)  # neither on the screen nor on paper


def _write_sheet(
    sheet: Worksheet, name: str, table: pd.DataFrame, links: Links, formats: _CellFormats
) -> None:
    """Write one table: its head, its cells with their links, filters and colours."""
    number_formats = [describe_column(name, column).number_format for column in table.columns]
    widths = column_widths(table, number_formats)
    sheet.set_row(0, head_height(table, widths))
    for index, column in enumerate(table.columns):
        sheet.set_column(index, index, widths[index])
        numeric = pd.api.types.is_numeric_dtype(table[column])
        header = formats.number_header if numeric else formats.text_header
        sheet.write_string(0, index, column, header)
    links_of_columns = [links.get(column, {}) for column in table.columns]
    for row, values in enumerate(table.itertuples(index=False, name=None)):
        for index, value in enumerate(values):
            link = links_of_columns[index].get(row)
            _write_cell(sheet, row + 1, index, value, number_formats[index], link, formats)
    sheet.freeze_panes(1, NAMES[name])
    sheet.repeat_rows(0)
    print_pages(sheet, SHEETS[name], widths, names=NAMES[name])
    sheet.autofilter(0, 0, len(table), len(table.columns) - 1)
    _highlight_rows(sheet, table, formats)


def _highlight_rows(sheet: Worksheet, table: pd.DataFrame, formats: _CellFormats) -> None:
    """Colour the rows that hold degenerate, failed or missing runs."""
    for highlight in HIGHLIGHTS:
        if not set(highlight.columns) <= set(table.columns):
            continue
        # The column is fixed, and the row is that of the cell which is coloured.
        cells = [
            f"${xl_col_to_name(table.columns.get_loc(column))}2" for column in highlight.columns
        ]
        sheet.conditional_format(
            first_row=1,
            first_col=0,
            last_row=max(1, len(table)),
            last_col=len(table.columns) - 1,
            options={
                "type": "formula",
                "criteria": f"={highlight.formula.format(*cells)}",
                "format": formats.highlights[highlight.colour],
            },
        )


def _write_cell(
    sheet: Worksheet,
    row: int,
    index: int,
    value: Any,
    number_format: str,
    link: str | None,
    formats: _CellFormats,
) -> None:
    """Write one cell.

    Args:
        sheet: where it is written.
        row: of the sheet, from 0.
        index: of the column, from 0.
        value: a text, a number, a truth, or missing.
        number_format: of the column.
        link: the address that the cell leads to, if it leads anywhere.
        formats: of the workbook.
    """
    if _is_missing(value):
        sheet.write_blank(row, index, None)
        return
    is_text = isinstance(value, str)
    if is_text:
        plain = formats.long_text if len(value) > WIDEST else formats.text
        cell_format = formats.linked_text if link else plain
    else:
        cell_format = formats.number(number_format, linked=link is not None)
    if link:
        # This writes the link and an empty text, over which the value is written.
        sheet.write_url(row, index, link, cell_format, string="")
    if is_text:
        sheet.write_string(row, index, value, cell_format)
    elif isinstance(value, bool | np.bool_):
        sheet.write_boolean(row, index, bool(value), formats.truth)
    else:
        sheet.write_number(row, index, value, cell_format)


def _is_missing(value: Any) -> bool:
    return value is None or value is pd.NA or (isinstance(value, float) and math.isnan(value))
