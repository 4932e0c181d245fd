"""The label of a row: found in its cells, and spelled as the entry spells it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from tunegrid.config.dialects import Dialect
from tunegrid.config.task_columns import Column, Columns, as_list
from tunegrid.errors import UserError
from tunegrid.tasks.readers.example import Label
from tunegrid.tasks.spelling import as_number, find_word, spellings
from tunegrid.tasks.tables.text_files import numbered_lines
from tunegrid.tasks.task_file import TaskFile

#: How cells of the columns of several labels say whether a row has the label.
_YES, _NO = ("1", "true"), ("0", "false")


@dataclass(frozen=True)
class RowLabels:
    """How the labels of a file's rows are read.

    Attributes:
        file: the file.
        columns: of the label; several where each label has a column; none where the label comes
            from the file's name, or from a file of labels.
        class_names: the names that the file itself gives to the numbers of the column.
    """

    file: TaskFile
    columns: list[Column]
    class_names: Sequence[str] | None
    _known: dict[tuple[str, ...], str] = field(default_factory=dict)

    @property
    def _target(self) -> str:
        target = self.file.entry.target
        return target.kind if target else "single_label"

    @property
    def _has_a_column_each(self) -> bool:
        columns = self.file.entry.columns
        return columns is not None and isinstance(columns.label, list)

    def words(self, cells: Sequence[Any], where: str) -> list[tuple[str, ...]] | None:
        """The labels of a row, each by its spellings; None where it is null, blank or not there.

        Args:
            cells: of the label's columns, or its label from elsewhere.
            where: file and line, for messages.

        Raises:
            UserError: a cell is of another kind than the entry says.
        """
        if any(cell is None for cell in cells):
            return None
        if self._has_a_column_each:
            return self._of_columns(cells, where)
        [cell] = cells
        if self._target != "multi_label":
            if isinstance(cell, list | dict):
                kind = "; name `target: {kind: multi_label}`" if isinstance(cell, list) else ""
                raise UserError(f"{where}: the label is {_short(cell)}, not one label{kind}")
            spelled = spellings(cell, self.class_names)
            return None if self._is_blank(spelled) else [spelled]
        return [spellings(one, self.class_names) for one in self._several(cell, where)]

    def label(self, words: Sequence[tuple[str, ...]]) -> Label:
        """The row's label, by the labels' names; text that is unknown stays as it is spelled.

        Args:
            words: what `words` returned.
        """
        if self._target == "multi_label":
            return tuple(map(self.name, words))
        if self._target == "regression":
            number = as_number(words[0][0])
            return words[0][0] if number is None else float(number)
        return self.name(words[0])

    def name(self, spelled: tuple[str, ...]) -> str:
        """The label that a value stands for: by `values`, else the label of this spelling."""
        if spelled not in self._known:
            self._known[spelled] = self._find_name(spelled)
        return self._known[spelled]

    def _find_name(self, spelled: tuple[str, ...]) -> str:
        values = self.file.entry.values or {}
        key = find_word(spelled, values)
        if key is not None:
            return values[key]
        return find_word(spelled, self.file.entry.label_names or []) or spelled[0]

    def _is_blank(self, spelled: tuple[str, ...]) -> bool:
        """Whether a cell holds nothing, for which `values` has no label either."""
        return not spelled[0].strip() and spelled[0] not in (self.file.entry.values or {})

    def _of_columns(self, cells: Sequence[Any], where: str) -> list[tuple[str, ...]] | None:
        """The labels whose columns say that a row has them."""
        given = self.file.entry.label_names or list(map(str, self.columns))
        words: list[tuple[str, ...]] = []
        for column, label, cell in zip(self.columns, given, cells, strict=True):
            spelled = spellings(cell)
            if not spelled[0].strip():
                return None
            if find_word(spelled, _YES):
                words.append((label,))
            elif not find_word(spelled, _NO):
                raise UserError(
                    f"{where}: column {column!r} is {_short(cell)}; of a column for each label it"
                    " must be 0 or 1"
                )
        return words

    def _several(self, cell: Any, where: str) -> list[Any]:
        """The labels in one cell, or the one that the file's name tells."""
        if self.file.label is not None:
            return [cell]
        target = self.file.entry.target
        separator = target.separator if target else None
        if separator is None:
            if isinstance(cell, list):
                return cell
            raise UserError(
                f"{where}: the label is {_short(cell)}, not a list; name what stands between the"
                " labels in `target: {separator: …}`"
            )
        if isinstance(cell, list):
            raise UserError(
                f"{where}: the label is a list; take `separator` out of `target`, which is for text"
            )
        text = str(cell)
        if not text.strip():
            return []
        parts = text.split(separator)
        strips = self.file.entry.dialect and self.file.entry.dialect.strip
        return [part.strip() for part in parts] if strips else parts


def row_labels(file: TaskFile, class_names: Sequence[str] | None) -> RowLabels:
    """How the labels of a file's rows are read.

    Raises:
        UserError: `values` contradicts the file's own names.
    """
    labels = RowLabels(file, label_columns(file), class_names)
    if class_names:
        _check_names(labels, class_names)
    return labels


def label_columns(file: TaskFile) -> list[Column]:
    """The columns of a file's labels; none where they come from elsewhere."""
    if file.label is not None or file.label_file is not None:
        return []
    given = (file.entry.columns or Columns()).label
    return as_list("label" if given is None else given)


def _check_names(labels: RowLabels, class_names: Sequence[str]) -> None:
    """Refuse `values` that say of a number of the file something else than the file itself."""
    values = labels.file.entry.values or {}
    known = labels.file.entry.label_names or sorted(set(values.values()))
    for position, name in enumerate(class_names):
        spelled = spellings(position, class_names)
        given = {find_word([word], values) for word in spelled} - {None}
        mapped = {values[key] for key in given if key is not None}
        like = [label for label in known if _folded(label) == _folded(name)]
        if len(mapped) > 1 or (mapped and like and not mapped & set(like)):
            own = ", ".join(f"{at} {name}" for at, name in enumerate(class_names))
            stated = ", ".join(f"{value} {label}" for value, label in values.items())
            raise UserError(
                f"{labels.file.path}: column {labels.columns[0]!r} names its values itself ({own}),"
                f" and `values` contradicts it ({stated}); correct `values`, or take it out"
            )


def label_lines(file: TaskFile) -> list[str]:
    """The lines of the file that holds the labels of a file's examples.

    Raises:
        UserError: it cannot be read, or a line in it is blank.
    """
    if file.label_file is None:
        raise ValueError(f"{file.path} has no file of labels")
    dialect = file.entry.dialect or Dialect()
    lines = list(numbered_lines(file.label_file, Dialect(encoding=dialect.encoding), blank=True))
    for number, line in lines:
        if not line.strip():
            raise UserError(
                f"{file.label_file}:{number}: is blank; each line must be the label of an example"
            )
    return [line.strip() if dialect.strip else line for _, line in lines]


def _folded(name: str) -> str:
    return name.strip().casefold()


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}…"
