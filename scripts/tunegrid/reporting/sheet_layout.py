"""How wide the columns of a sheet are, and how the sheet is printed."""

import math
import re
import textwrap
from collections.abc import Sequence
from typing import Any

import pandas as pd
from xlsxwriter.worksheet import Worksheet

#: The widest column, in characters: longer texts are broken into lines.
WIDEST = 50
#: So many rows are looked at for the width of a column.
MEASURED_ROWS = 500
#: What the button of a filter takes of a column's head, in characters.
FILTER_BUTTON = 3
#: The height of a line, in points.
LINE = 15
#: What a column of so many characters takes on the screen: 7 pixels each, and 5 beside
#: (https://xlsxwriter.readthedocs.io/worksheet.html#worksheet-set-column-pixels).
PIXELS_OF_CHARACTER, PIXELS_BESIDE, PIXELS_OF_INCH = 7, 5, 96
#: Excel's number of the paper A4, its longer side and the margins of a page in inches.
A4, PAGE_WIDTH, MARGIN, MARGIN_ABOVE = 9, 11.69, 0.4, 0.8
#: The sizes in which a sheet of several pages may be printed, in percent. At the last one it can
#: just be read: a sheet that is one page wide is not printed smaller, either.
SCALES = [75, 70, 65, 60]
#: Programs differ a little in how wide they print a column.
ROOM_USED = 0.97
#: Excel takes no longer text above a page.
LONGEST_HEADER = 250


def column_widths(table: pd.DataFrame, number_formats: Sequence[str]) -> list[int]:
    """The width of each column in characters: that of its head in two lines, or of a cell.

    Args:
        table: the columns.
        number_formats: of each, as Excel writes it; empty: the general one.
    """
    return [
        _column_width(table.iloc[:, at], number_format)
        for at, number_format in enumerate(number_formats)
    ]


def _column_width(values: pd.Series, number_format: str) -> int:
    name = str(values.name)
    head = max([math.ceil(len(name) / 2), *map(len, name.split())])
    cells = [len(_approximate(value, number_format)) for value in values.head(MEASURED_ROWS)]
    return min(WIDEST, max([head + FILTER_BUTTON, *(cell + 2 for cell in cells)]))


def _approximate(value: Any, number_format: str) -> str:
    """About what a reader sees of a value."""
    if value is None or value is pd.NA:
        return ""
    if isinstance(value, str | bool):
        return str(value)
    if not number_format:
        return f"{value:.10g}"
    if "E" in number_format:
        return "0.00E-00"
    decimals = re.search(r"0\.(0+)", number_format)
    return f"{value:+,.{len(decimals[1]) if decimals else 0}f}"


def head_height(table: pd.DataFrame, widths: Sequence[int]) -> float:
    """The height of the row of heads in points, whose words are broken into lines."""
    lines = [
        len(textwrap.wrap(str(name), max(1, width - FILTER_BUTTON + 1)))
        for name, width in zip(table.columns, widths, strict=True)
    ]
    return float(LINE * max(lines))


def print_pages(sheet: Worksheet, description: str, widths: Sequence[int], names: int) -> None:
    """Print the sheet in landscape, with its head on each page, its name and the page's number.

    It is as wide as one page if it can still be read then. Else its columns go on over several
    pages, each of which repeats the columns that name a row.

    Args:
        sheet: to print.
        description: what it shows; it stands above each page.
        widths: of its columns, in characters.
        names: how many of its first columns name a row.
    """
    sheet.set_landscape()
    sheet.set_paper(A4)
    sheet.set_margins(left=MARGIN, right=MARGIN, top=MARGIN_ABOVE, bottom=MARGIN_ABOVE)
    escaped = textwrap.shorten(description, LONGEST_HEADER).replace("&", "&&")
    sheet.set_header(f"&L&8{escaped}")
    sheet.hide_gridlines(0)  # lines lead the eye on paper, too
    sheet.set_footer("&L&A&RPage &P of &N")
    if pages_across(widths, names=0, scale=SCALES[-1]) == 1:
        sheet.fit_to_pages(1, 0)  # as wide as one page, and as long as it takes
        return
    repeated = names
    while repeated > 1 and inches(widths[:repeated]) > room_at(SCALES[0]) / 2:
        repeated -= 1
    # The largest size of those that take fewest pages.
    scale = min(SCALES, key=lambda percent: pages_across(widths, repeated, percent))
    sheet.repeat_columns(0, repeated - 1)
    sheet.set_print_scale(scale)
    sheet.print_across()


def pages_across(widths: Sequence[int], names: int, scale: int) -> int:
    """How many pages a sheet is wide.

    Args:
        widths: of its columns, in characters.
        names: how many of its first columns are repeated on each page.
        scale: the size in which it is printed, in percent.
    """
    room = room_at(scale)
    pages, taken = 1, inches(widths[:names])
    for width in widths[names:]:
        taken += inches([width])
        if taken > room:
            pages += 1
            taken = inches(widths[:names]) + inches([width])
    return pages


def room_at(scale: int) -> float:
    """The inches of a sheet that are as wide as a page, printed in a size in percent."""
    return (PAGE_WIDTH - 2 * MARGIN) * ROOM_USED * 100 / scale


def inches(widths: Sequence[int]) -> float:
    """What columns of so many characters take together."""
    pixels = sum(PIXELS_OF_CHARACTER * width + PIXELS_BESIDE for width in widths)
    return pixels / PIXELS_OF_INCH
