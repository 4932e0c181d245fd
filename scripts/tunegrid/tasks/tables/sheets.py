"""Rows of xlsx workbooks, as Excel shows their values."""

import io
import re
import warnings
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import ParseError

from tunegrid.config.dialects import Dialect
from tunegrid.config.task_columns import Column
from tunegrid.errors import UserError
from tunegrid.tasks.readers.example import read_bytes
from tunegrid.tasks.tables.row import Row
from tunegrid.tasks.tables.table_header import names_columns, positions_of

#: A character that cells cannot hold as it is. Source: ECMA-376, part 1, 22.9.2.19 (ST_Xstring).
ESCAPED = re.compile(r"_x([0-9A-Fa-f]{4})_")


def sheet_rows(path: Path, dialect: Dialect, columns: Sequence[Column]) -> Iterator[Row]:
    """The rows of a sheet; blank ones are skipped, and `line` is the sheet's own.

    Text, numbers (whole ones as integers), truth values and dates are what they are. Of a formula
    the value is taken that the program stored which computed it last.

    Raises:
        UserError: it is no workbook, has no such sheet or column, or a wanted cell holds an error
            or a formula without a value.
    """
    name = _sheet_name(path, dialect)
    formulas = _cells(path, name, with_formulas=True)
    values = _cells(path, name, with_formulas=False)
    positions = None
    names: list[str] = []
    for line, (cells, shown) in enumerate(zip(formulas, values, strict=True), start=1):
        if line <= (dialect.skip or 0) or all(_is_blank(cell.value) for cell in cells):
            continue
        if positions is None:
            has_names = names_columns(path, dialect, columns)
            names = _names(cells, dialect) if has_names else list(map(str, range(len(cells))))
            positions = positions_of(columns, names, f"{path}:{line}")
            if has_names:
                continue
        found = {}
        for column, position in positions.items():
            if position < len(cells):
                found[column] = _value(path, line, column, cells[position], shown[position])
            else:
                found[column] = None
        yield Row(line, found, names)


def _names(cells: Sequence[Any], dialect: Dialect) -> list[str]:
    names = ["" if cell.value is None else _unescaped(str(cell.value)) for cell in cells]
    if dialect.strip:
        names = [name.strip() for name in names]
    while names and not names[-1]:
        names.pop()
    return names


def _sheet_name(path: Path, dialect: Dialect) -> str:
    """The sheet that the dialect names, else the only one that holds something."""
    names = _workbook(path, with_formulas=True).sheetnames
    if dialect.sheet is not None:
        if dialect.sheet not in names:
            raise UserError(f"{path}: has no sheet {dialect.sheet!r}; has: {', '.join(names)}")
        return dialect.sheet
    filled = [name for name in names if _holds_something(path, name)]
    if not filled:
        raise UserError(f"{path}: all its sheets are empty; save the one with the examples")
    if len(filled) > 1:
        raise UserError(
            f"{path}: has the sheets {', '.join(filled)}; name one: `dialect: {{sheet: …}}`"
        )
    return filled[0]


def _holds_something(path: Path, name: str) -> bool:
    rows = _cells(path, name, with_formulas=True)
    return any(not _is_blank(cell.value) for cells in rows for cell in cells)


def _cells(path: Path, name: str, *, with_formulas: bool) -> Iterator[Sequence[Any]]:
    """The cells of each row of a sheet, from its first row on."""
    sheet = _workbook(path, with_formulas=with_formulas)[name]
    if not hasattr(sheet, "reset_dimensions"):
        return
    # The size that a workbook states may be wrong.
    sheet.reset_dimensions()
    try:
        yield from sheet.iter_rows()
    except (ParseError, KeyError, ValueError) as error:
        raise UserError(f"{path}: not valid xlsx: {error}; save it again") from None


def _workbook(path: Path, *, with_formulas: bool) -> Any:
    import openpyxl
    from openpyxl.utils.exceptions import InvalidFileException

    try:
        with warnings.catch_warnings():
            # Of styles and validations that openpyxl leaves out.
            warnings.simplefilter("ignore")
            return openpyxl.load_workbook(
                io.BytesIO(read_bytes(path)), read_only=True, data_only=not with_formulas
            )
    except (InvalidFileException, zipfile.BadZipFile, KeyError, ParseError, ValueError) as error:
        raise UserError(
            f"{path}: not valid xlsx: {error}; save it as .xlsx without a password"
        ) from None


def _value(path: Path, line: int, column: Column, cell: Any, shown: Any) -> Any:
    """The value of a cell: `cell` has its formula, `shown` the value that was stored of it."""
    if cell.data_type == "f" and shown.value is None:
        raise UserError(
            f"{path}:{line}: column {column!r} is a formula ({cell.value}) without a stored value;"
            " open the file in a spreadsheet program and save it"
        )
    value = shown.value
    if shown.data_type == "e":
        raise UserError(f"{path}:{line}: column {column!r} is the error {value}; correct it")
    if isinstance(value, str):
        return _unescaped(value)
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _unescaped(text: str) -> str:
    """A text with its escaped characters put in; two that are halves of one are joined."""
    if "_x" not in text:
        return text
    characters = ESCAPED.sub(lambda match: chr(int(match[1], 16)), text)
    return characters.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _is_blank(value: Any) -> bool:
    return value is None or (isinstance(value, str) and not value.strip())
