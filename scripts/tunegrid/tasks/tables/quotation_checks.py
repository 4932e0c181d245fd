"""Quotation marks that a table's parser takes, or leaves, against what the rows look like.

All checks guess. They refuse only where the dialect does not name `quoting`, and name both ways to
write it: what an entry says is believed.

- A cell over several lines, each of which has the columns of a row when nothing is quoted: a stray
  quotation mark has swallowed rows. Between tabs that alone is refused, since texts hold no tabs.
  Between commas a text of two lines may look the same by chance; so it is refused only where the
  parts also hold, in another column, values that stand in this column elsewhere, as labels do.
- A cell in quotation marks with doubled ones inside, where nothing is quoted: the file is quoted.
  So it is where more than half of a column's cells stand in quotation marks.
- Between tabs, cells in quotation marks that need none, beside others in their column that have
  none: writers of CSV quote a column whole or where it must be, so the marks may be the text's own.
  In comma-separated files they are quotation, whichever cells have them: there, that is the format.
- A quotation behind a blank, which is none in the format; a quotation mark behind a backslash.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tunegrid.errors import UserError
from tunegrid.tasks.tables.remedies import as_key
from tunegrid.tasks.tables.row_parsing import ParsedRow, Shape, parsed_rows

#: Marks that quote cells in some dialect.
MARKS = ('"', "'")
#: The share of a column's cells in quotation marks above which the file is taken to be quoted.
LARGE_SHARE = 0.5
BOTH_WAYS = (
    "name `dialect: {quoting: none}` if quotation marks are part of the texts, `dialect: {quoting:"
    " minimal}` if they quote cells"
)


@dataclass
class QuotationChecks:
    """The checks of one file; `see` is given each of its rows, then `conclude` is called once.

    Attributes:
        path: of the file.
        shape: under which it is parsed.
        columns: the positions of the columns that are wanted, from 0.
        width: the number of columns.
        names_line: the line that names the columns ends on; 0 if there is none.
    """

    path: Path
    shape: Shape
    columns: Sequence[int]
    width: int
    names_line: int
    _suspects: list[ParsedRow] = field(default_factory=list)
    _needless: dict[int, int] = field(default_factory=dict)
    _bare: set[int] = field(default_factory=set)
    _quoted: Counter[tuple[int, str]] = field(default_factory=Counter)
    _empty: Counter[int] = field(default_factory=Counter)
    _rows: int = 0

    def see(self, row: ParsedRow) -> None:
        """Take a row into account.

        Raises:
            UserError: it alone shows that its quotation marks are taken wrongly.
        """
        quotechar = self.shape.quotechar
        if quotechar is not None and len(row.raw) > 1:
            self._see_lines(row)
        elif quotechar is not None and quotechar in row.raw[0]:
            self._see_quotation(row, quotechar)
        elif len(self._bare) < len(self.columns):
            self._bare.update(column for column in self.columns if row.cells[column])
        for column in self.columns:
            cell = row.cells[column]
            if quotechar is not None and "\\" in cell:
                self._check_escapes(cell, row.line, quotechar)
            if not cell:
                self._empty[column] += 1
            elif cell[0] in MARKS and cell[0] == cell[-1] and cell[0] != quotechar:
                self._see_marks(row, column)
        self._rows += 1

    def conclude(self, text: str) -> None:
        """Say what only all rows show; `text` is the file's.

        Raises:
            UserError: quotation marks are taken wrongly.
        """
        for row in self._suspects:
            if self.shape.separator == "\t" or self._repeats_values(row, text):
                raise UserError(
                    f"{self.path}:{row.line}: a quotation over the lines {row.first_line} to"
                    f" {row.line} holds what looks like rows; {BOTH_WAYS}"
                )
        for column, line in self._needless.items():
            if self.shape.separator == "\t" and column in self._bare:
                raise UserError(
                    f"{self.path}:{line}: a cell stands in quotation marks that it does not need,"
                    f" others of its column have none; {BOTH_WAYS}"
                )
        for (column, mark), count in self._quoted.items():
            filled = self._rows - self._empty[column]
            if count > LARGE_SHARE * filled:
                raise UserError(
                    f"{self.path}: {count} of {filled} cells in the column at"
                    f" position {column} (from 0) stand in quotation marks ({mark});"
                    f" {self._both_ways(mark)}"
                )

    def _see_lines(self, row: ParsedRow) -> None:
        """Remember a row of several lines each of which has the columns of a row."""
        parts = [line.rstrip("\r\n").split(self.shape.separator) for line in row.raw]
        if all(len(cells) == self.width for cells in parts):
            self._suspects.append(row)

    def _see_quotation(self, row: ParsedRow, quotechar: str) -> None:
        """Tell which cells of a row of one line are quoted, if none holds a separator."""
        raw = row.raw[0].rstrip("\r\n").split(self.shape.separator)
        if len(raw) != self.width:
            return
        for column in self.columns:
            cell = raw[column]
            if cell.startswith(quotechar):
                if len(cell) > 2 and quotechar not in cell[1:-1]:
                    self._needless.setdefault(column, row.line)
            elif cell:
                self._bare.add(column)
                bare = cell.strip()
                if _is_within(bare, quotechar) and not self.shape.strip:
                    raise UserError(
                        f"{self.path}:{row.line}: {bare[:40]!r} is no quotation, since a blank"
                        " stands beside it; name `dialect: {strip: true}` if it is one, `dialect:"
                        " {quoting: none}` if not"
                    )

    def _see_marks(self, row: ParsedRow, column: int) -> None:
        """Take a cell into account that begins and ends with a mark that quotes nothing."""
        cell = row.cells[column]
        mark = cell[0]
        inner = cell[1:-1]
        if not cell.strip(mark) or mark in inner.replace(2 * mark, ""):
            return
        if mark in inner:
            raise UserError(
                f"{self.path}:{row.line}: {cell[:40]!r} looks quoted, but nothing is quoted by"
                f" {mark} here; {self._both_ways(mark)}"
            )
        self._quoted[column, mark] += 1

    def _check_escapes(self, cell: str, line: int, quotechar: str) -> None:
        """Refuse a quotation mark behind a backslash, where backslashes mean themselves."""
        if self.shape.escapechar is None and f"\\{quotechar}" in cell:
            raise UserError(
                f"{self.path}:{line}: holds \\{quotechar}; name `dialect: {{escapechar:"
                ' "\\\\"}` if a backslash escapes what follows it, `dialect: {quoting: minimal}` if'
                " it is part of the text"
            )

    def _both_ways(self, mark: str) -> str:
        key = "quoting: minimal" + ("" if mark == '"' else f", {as_key('quotechar', mark)}")
        as_it_is = "minimal" if self.shape.quotechar else "none"
        return (
            f"name `dialect: {{{key}}}` if the marks quote cells, `dialect: {{quoting:"
            f" {as_it_is}}}` if they are part of the texts"
        )

    def _repeats_values(self, row: ParsedRow, text: str) -> bool:
        """Whether the lines of a row hold, in some column, values that the column has elsewhere."""
        at = next(place for place, cell in enumerate(row.cells) if "\n" in cell or "\r" in cell)
        swallowed = _values_by_column(row, at, self.shape.separator)
        known: dict[int, set[str]] = {column: set() for column in swallowed}
        for other in parsed_rows(text, self.shape):
            if other.line > self.names_line:
                for column, values in known.items():
                    values.add(other.cells[column].strip())
        return any(
            all(value in known[column] or _are_whole(value, known[column]) for value in values)
            for column, values in swallowed.items()
        )


def _values_by_column(row: ParsedRow, at: int, separator: str) -> Mapping[int, list[str]]:
    """What a row of several lines holds in each other column, if each of its lines is a row.

    Args:
        row: the row.
        at: position of the cell that goes over the lines.
        separator: between cells.
    """
    parts = [line.rstrip("\r\n").split(separator) for line in row.raw]
    behind = {
        column: [cells[column] for cells in parts[:-1]] for column in range(at + 1, len(parts[0]))
    }
    before = {column: [cells[column] for cells in parts[1:]] for column in range(at)}
    found = {**before, **behind}
    return {
        column: [value.strip() for value in values]
        for column, values in found.items()
        if all(value.strip() for value in values)
    }


def _are_whole(value: str, others: set[str]) -> bool:
    """Whether a value is a whole number, as all others in its column are."""
    return value.isdecimal() and all(other.isdecimal() for other in others)


def _is_within(cell: str, mark: str) -> bool:
    return len(cell) > 1 and cell[0] == cell[-1] == mark
