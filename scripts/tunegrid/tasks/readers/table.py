"""Tables of any task, by the columns of their entry: `tunegrid.tasks.tables` has the formats."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from tunegrid.config.dialects import Dialect
from tunegrid.config.task_columns import Column, Columns, Drop, as_list
from tunegrid.errors import UserError
from tunegrid.tasks.readers.example import Dropped, Example
from tunegrid.tasks.row_drops import reason_of_condition, reason_of_label, reason_of_text
from tunegrid.tasks.row_labels import RowLabels, label_columns, label_lines, row_labels
from tunegrid.tasks.spelling import spellings
from tunegrid.tasks.tables.rows import Row, class_names, read_rows
from tunegrid.tasks.task_file import TaskFile


def read(file: TaskFile) -> Iterator[Example | Dropped]:
    """The examples of one file, in its order, and the rows that the entry drops.

    Raises:
        UserError: the format is not known, a row does not parse, it lacks a column, what a column
            holds is of another kind than the entry says, or there are not as many labels as rows.
    """
    table = _Table(file, file.entry.columns or Columns(), _names_of_classes(file))
    labels = row_labels(file, table.class_names_of_label)
    lines = label_lines(file) if file.label_file else None
    rows = 0
    absent = {one.column for one in table.drop.where or []}
    there: Sequence[str] = []
    for row in read_rows(file.path, table.dialect, table.wanted):
        rows += 1
        absent -= row.cells.keys()
        there = row.names
        if lines is None:
            yield table.example(row, labels, file.label)
        elif rows <= len(lines):
            yield table.example(row, labels, lines[rows - 1])
    if lines is not None and len(lines) != rows:
        raise UserError(
            f"{file.label_file}: has {len(lines)} labels, but {file.path} has {rows} rows; each row"
            " needs the label on the line of its number"
        )
    if rows and absent:
        raise UserError(
            f"{file.path}: no row has the column {', '.join(map(repr, absent))} of `drop: {{where:"
            f" …}}`; has: {', '.join(there)}"
        )


def label_order(file: TaskFile) -> list[str] | None:
    """The labels of a file in its own order: of a ClassLabel, or of a column for each label."""
    columns = label_columns(file)
    given = file.entry.columns
    if given and isinstance(given.label, list):
        return list(map(str, columns))
    own = _names_of_classes(file).get(columns[0]) if columns else None
    if own is None:
        return None
    labels = row_labels(file, own)
    names = [labels.name(spellings(position, own)) for position in range(len(own))]
    return list(dict.fromkeys(names))


def _names_of_classes(file: TaskFile) -> dict[Column, list[str]]:
    """The names that a file itself gives to the numbers of the columns that it is asked for."""
    columns = file.entry.columns or Columns()
    conditions = (file.entry.drop or Drop()).where or []
    asked = [*label_columns(file), *as_list(columns.split), *(one.column for one in conditions)]
    dialect = file.entry.dialect or Dialect()
    names = {
        column: class_names(file.path, dialect, column) for column in asked if column is not None
    }
    return {column: own for column, own in names.items() if own}


@dataclass(frozen=True)
class _Table:
    """How the rows of a file become examples.

    Attributes:
        file: the file.
        columns: what its columns hold.
        class_names: the names that the file itself gives to the numbers of a column.
    """

    file: TaskFile
    columns: Columns
    class_names: Mapping[Column, list[str]]

    @cached_property
    def dialect(self) -> Dialect:
        """How the file is parsed."""
        return self.file.entry.dialect or Dialect()

    @cached_property
    def drop(self) -> Drop:
        """Which rows are no examples."""
        return self.file.entry.drop or Drop()

    @property
    def class_names_of_label(self) -> list[str] | None:
        """The names that the file itself gives to the numbers of its label's column."""
        columns = label_columns(self.file)
        return self.class_names.get(columns[0]) if len(columns) == 1 else None

    @property
    def wanted(self) -> list[Column]:
        """The columns that are read, each once."""
        given = self.columns
        holding = [given.text, given.text_pair, given.id, given.group, given.split]
        named = [
            column for columns in holding if columns is not None for column in as_list(columns)
        ]
        conditions = [one.column for one in self.drop.where or []]
        return list(dict.fromkeys([*named, *label_columns(self.file), *conditions]))

    def example(
        self, row: Row, labels: RowLabels, label_from_elsewhere: str | None
    ) -> Example | Dropped:
        """The example that a row is; or why it is none.

        Args:
            row: of the file.
            labels: how its labels are read.
            label_from_elsewhere: the row's label, where no column holds it.
        """
        where, drop = f"{self.file.path}:{row.line}", self.drop
        cells = (
            [label_from_elsewhere]
            if label_from_elsewhere is not None
            else [self._cell(row, column) for column in labels.columns]
        )
        words = labels.words(cells, where)
        reason = reason_of_label(drop, words) or reason_of_condition(
            drop.where or [], row.cells, self.class_names, where
        )
        if reason:
            return Dropped(row.line, reason)
        texts: dict[str, str | None] = {"text": None, "text_pair": None}
        for key, columns in (("text", self.columns.text), ("text_pair", self.columns.text_pair)):
            if columns is None:
                continue
            texts[key] = self._text(row, as_list(columns), where)
            if reason := reason_of_text(drop, key, texts[key]):
                return Dropped(row.line, reason)
            if texts[key] is None:
                raise self._missing(row, key, as_list(columns))
        if words is None:
            raise self._missing(row, "label", labels.columns)
        return Example(
            id=str(row.line) if self.columns.id is None else self._word(row, "id", self.columns.id),
            text=texts["text"] or "",
            label=labels.label(words),
            line=row.line,
            text_pair=texts["text_pair"],
            group=self._optional(row, "group", self.columns.group),
            split=self._optional(row, "split", self.columns.split),
        )

    def _cell(self, row: Row, column: Column) -> Any:
        """What a row holds in a column; None if it is null or not there."""
        value = row.cells.get(column)
        return value.strip() if isinstance(value, str) and self.dialect.strip else value

    def _text(self, row: Row, columns: Sequence[Column], where: str) -> str | None:
        """The text in one column, or in several; None if one is missing."""
        parts = [self._part(self._cell(row, column), column, where) for column in columns]
        if None in parts:
            return None
        # Of several columns the entry has been checked to say what joins them.
        return (self.dialect.join or "").join(part for part in parts if part is not None)

    def _part(self, cell: Any, column: Column, where: str) -> str | None:
        """The text in one column, or the words of a list there."""
        if cell is None or isinstance(cell, str):
            return cell
        words = cell if isinstance(cell, list) else [cell]
        for word in words:
            if not isinstance(word, str):
                raise UserError(f"{where}: column {column!r} is {cell!r}, not text")
        if self.dialect.join is None:
            raise UserError(
                f"{where}: column {column!r} is a list; name what stands between its words:"
                ' `dialect: {join: " "}`'
            )
        return self.dialect.join.join(words)

    def _word(self, row: Row, key: str, column: Column) -> str:
        """What a column of single values holds, as text; `key` is what it is for."""
        cell = self._cell(row, column)
        if cell is None:
            raise self._missing(row, key, [column])
        return spellings(cell, self.class_names.get(column))[0]

    def _optional(self, row: Row, key: str, column: Column | None) -> str | None:
        """The same of a column that an entry need not name."""
        return None if column is None else self._word(row, key, column)

    def _missing(self, row: Row, key: str, columns: Sequence[Column]) -> UserError:
        """The error of a row that lacks what it must have."""
        where = f"{self.file.path}:{row.line}"
        remedy = ""
        if key in ("text", "text_pair", "label"):
            remedy = f"; to leave such rows out: `drop: {{missing: [{key}]}}`"
        for column in columns:
            if column not in row.cells:
                there = ", ".join(row.names)
                return UserError(
                    f"{where}: has no {key} in column {column!r}; has: {there}{remedy}"
                )
        blank = [column for column in columns if not str(self._cell(row, column) or "").strip()]
        held = "null" if not blank or self._cell(row, blank[0]) is None else "blank"
        place = f" (column {blank[0]!r})" if blank else ""
        return UserError(f"{where}: its {key} is {held}{place}{remedy}")
