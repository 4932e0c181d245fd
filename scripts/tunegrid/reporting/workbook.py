"""The workbook: what each column is, then the results, a sheet each, linked to their runs."""

import math
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import xlsxwriter
from xlsxwriter.format import Format
from xlsxwriter.utility import xl_col_to_name
from xlsxwriter.worksheet import Worksheet

from tunegrid.reporting.columns import SHEETS, describe_column
from tunegrid.results import FAILED, FINISHED, GROUP, MISSING, RUN

#: Columns that stay in view.
FROZEN = {"summary": 4, "comparisons": 4, "cost": 3, "published": 4, "memory": 2, "per class": 4,
          "data": 2, "runs": 4, "settings": 4, "provenance": 4}  # fmt: skip
#: Colours of rows: columns, what is true of their values by a formula, the colour.
FLAGS = (
    (("n_degenerate",), "{}>0", "degenerate"),
    (("degenerate",), "{}*1>0", "degenerate"),
    (("reference_degenerate",), "{}>0", "degenerate"),
    (("n_failed",), "{}>0", FAILED),
    (("n_missing",), "{}>0", MISSING),
    (("state",), '{}="' + FAILED + '"', FAILED),
    (("state",), '{}="' + MISSING + '"', MISSING),
    (("seeds", "seeds_planned"), "{}<{}", MISSING),
)
COLOURS = {"degenerate": "#FCE4D6", FAILED: "#F4B6B6", MISSING: "#D9D9D9"}
WIDEST = 60
#: Characters of a line of the first sheet, and its height in points.
README_WIDTH, LINE = 100, 15
#: Excel opens no sheet with more links.
MOST_LINKS = 65_530

#: Row of a sheet → address that its cell of some column leads to.
Links = Mapping[str, Mapping[int, str]]


def workbook_sheets(
    runs: pd.DataFrame, summary: pd.DataFrame, tables: Mapping[str, pd.DataFrame]
) -> dict[str, pd.DataFrame]:
    """The sheets of results by name, in the order of `SHEETS`; those that there are.

    Args:
        runs: as collect_runs returns it.
        summary: as summarise returns it.
        tables: the other sheets, by name, unrounded.
    """

    def part(prefix: str) -> pd.DataFrame:
        chosen = runs[[*RUN, "hash", *(name for name in runs if name.startswith(prefix))]]
        return chosen.rename(columns=lambda name: name.removeprefix(prefix))

    spread = ("settings.", "provenance.")
    sheets = {
        "summary": summary,
        "runs": runs[[name for name in runs if not name.startswith(spread)]],
        "settings": part("settings."),
        "provenance": part("provenance."),
        **tables,
    }
    return {name: sheets[name] for name in SHEETS if name in sheets}


def write_workbook(
    runs: pd.DataFrame, summary: pd.DataFrame, tables: Mapping[str, pd.DataFrame], path: Path
) -> None:
    """Write results.xlsx: frozen headers, filters, number formats, fitted column widths.

    Missing values are empty cells, text that begins with `=` stays text, rows that are degenerate,
    failed or missing have a colour, and numbers lead to the rows of their runs. Equal tables give
    equal files: the creation date is that of the last run.

    Args:
        runs, summary, tables: as of `workbook_sheets`.
        path: file to write.
    """
    options = {"strings_to_formulas": False, "strings_to_urls": False, "constant_memory": True}
    created = datetime.fromisoformat(runs["provenance.started"].dropna().max()).astimezone(UTC)
    sheets = workbook_sheets(runs, summary, tables)
    links = {"summary": _links_of_summary(summary, runs)} | {
        name: {"hash": {row: f"internal:'{target}'!A{row + 2}" for row in range(len(runs))}}
        for name, target in (("runs", "provenance"), ("settings", "runs"), ("provenance", "runs"))
    }
    with xlsxwriter.Workbook(path, options) as workbook:
        workbook.set_properties(
            {"title": "tunegrid results", "created": created.replace(tzinfo=None)}
        )
        styles = _Styles(workbook)
        _write_readme(workbook.add_worksheet("README"), sheets, styles)
        for name, table in sheets.items():
            sheet = workbook.add_worksheet(name)
            _write_sheet(sheet, name, table, links.get(name, {}), styles)


def _links_of_summary(summary: pd.DataFrame, runs: pd.DataFrame) -> Links:
    """From a group's mean to its first run that has the metric, from its extremes to theirs."""
    finished = runs[runs["state"] == FINISHED]
    links: dict[str, dict[int, str]] = {"mean": {}, "min": {}, "max": {}}
    for metric, rows in summary.reset_index(drop=True).groupby("metric"):
        measured = finished.dropna(subset=metric).astype({metric: float})
        groups = measured.assign(place=measured.index).groupby(GROUP)
        places = {
            "mean": groups["place"].first(),
            "min": groups[metric].idxmin(),
            "max": groups[metric].idxmax(),
        }
        lines = pd.MultiIndex.from_frame(rows[GROUP])
        for column, found in places.items():
            led = pd.Series(found.reindex(lines).to_numpy(), rows.index).dropna()
            links[column] |= {
                row: f"internal:'runs'!A{int(place) + 2}" for row, place in led.items()
            }
    return links


class _Styles:
    """The workbook's cell formats, each made once."""

    def __init__(self, workbook: xlsxwriter.Workbook) -> None:
        self._workbook, self._numbers = workbook, {}
        header = {"bold": True, "bg_color": "#DCE6F1", "bottom": 1}
        # Indented, so that a text does not touch the number to its left.
        self.text_header = workbook.add_format(header | {"indent": 1})
        self.number_header = workbook.add_format(header | {"align": "right"})
        self.text = workbook.add_format({"indent": 1})
        self.linked_text = workbook.add_format({"indent": 1, "font_color": "#1F4E9E"})
        self.truth = workbook.add_format({"num_format": '"true";"true";"false"'})
        self.title = workbook.add_format({"bold": True, "font_size": 14})
        self.strong = workbook.add_format({"bold": True})
        self.wrapped = workbook.add_format({"text_wrap": True, "valign": "top"})
        self.top = workbook.add_format({"valign": "top"})
        self.flags = {
            flag: workbook.add_format({"bg_color": colour}) for flag, colour in COLOURS.items()
        }

    def number(self, text: str, *, linked: bool) -> Format | None:
        """The format of a number that is shown as `text` says."""
        if not text and not linked:
            return None
        if (text, linked) not in self._numbers:
            look = ({"num_format": text} if text else {}) | (
                {"font_color": "#1F4E9E"} if linked else {}
            )
            self._numbers[text, linked] = self._workbook.add_format(look)
        return self._numbers[text, linked]


def _write_readme(sheet: Worksheet, sheets: Mapping[str, pd.DataFrame], styles: _Styles) -> None:
    sheet.set_column(0, 0, 14)
    sheet.set_column(1, 1, 24)
    sheet.set_column(2, 2, README_WIDTH)
    sheet.write_string(0, 0, "tunegrid: results of a grid of fine-tuning runs", styles.title)
    row = 2
    for colour, told in (
        ("degenerate", "holds a run that predicts one class, or whose loss is not finite"),
        (FAILED, "holds a run that failed"),
        (MISSING, "holds a cell without a run"),
    ):
        sheet.write_string(row, 0, colour, styles.flags[colour])
        sheet.write_string(row, 1, f"Rows of this colour: {told}.")
        row += 1
    for name, table in sheets.items():
        row += 1
        sheet.write_url(row, 0, f"internal:'{name}'!A1", styles.strong, name)
        sheet.write_string(row, 1, SHEETS[name], styles.strong)
        row += 1
        for column in table.columns:
            meaning = describe_column(name, column)[1]
            sheet.set_row(row, LINE * math.ceil(len(meaning) / README_WIDTH))
            sheet.write_string(row, 1, column, styles.top)
            sheet.write_string(row, 2, meaning, styles.wrapped)
            row += 1
    sheet.hide_gridlines(2)
    sheet.set_landscape()
    sheet.fit_to_pages(1, 0)


def _write_sheet(
    sheet: Worksheet, name: str, table: pd.DataFrame, links: Links, styles: _Styles
) -> None:
    formats = [describe_column(name, column)[0] for column in table.columns]
    if sum(map(len, links.values())) > MOST_LINKS:
        links = {}
    for index, column in enumerate(table.columns):
        shown = [len(_shown(value, formats[index])) for value in table[column].head(500)]
        width = min(WIDEST, max([len(column) + 3, *(length + 1 for length in shown)]))
        sheet.set_column(index, index, width)
        numeric = pd.api.types.is_numeric_dtype(table[column])
        header = styles.number_header if numeric else styles.text_header
        sheet.write_string(0, index, column, header)
    linked = [links.get(column, {}) for column in table.columns]
    for row, values in enumerate(table.itertuples(index=False, name=None), start=1):
        for index, value in enumerate(values):
            link = linked[index].get(row - 1)
            _write_cell(sheet, row, index, value, formats[index], link, styles)
    sheet.freeze_panes(1, FROZEN[name])
    sheet.set_landscape()
    sheet.fit_to_pages(1, 0)  # printed: as wide as one page, the header on each
    sheet.repeat_rows(0)
    sheet.autofilter(0, 0, len(table), len(table.columns) - 1)
    for columns, criterion, colour in FLAGS:
        if set(columns) <= {*table.columns}:
            cells = [f"${xl_col_to_name(table.columns.get_loc(name))}2" for name in columns]
            sheet.conditional_format(
                *(1, 0, max(1, len(table)), len(table.columns) - 1),
                {
                    "type": "formula",
                    "criteria": f"={criterion.format(*cells)}",
                    "format": styles.flags[colour],
                },
            )


def _write_cell(
    sheet: Worksheet,
    row: int,
    index: int,
    value: Any,
    number_format: str,
    link: str | None,
    styles: _Styles,
) -> None:
    if value is None or value is pd.NA or (isinstance(value, float) and math.isnan(value)):
        sheet.write_blank(row, index, None)
        return
    text = isinstance(value, str)
    style = styles.text if text else styles.number(number_format, linked=bool(link))
    if link:
        style = styles.linked_text if text else style
        # The link alone; what the cell holds is written over its text.
        sheet.write_url(row, index, link, style, string="")
    if text:
        sheet.write_string(row, index, value, style)
    elif isinstance(value, bool):
        sheet.write_boolean(row, index, value, styles.truth)
    else:
        sheet.write_number(row, index, value, style)


def _shown(value: Any, number_format: str) -> str:
    """About what a reader sees of a value, for the width of its column."""
    if value is None or value is pd.NA:
        return ""
    if isinstance(value, str):
        return value
    return f"{value:,.4f}" if number_format else str(value)
