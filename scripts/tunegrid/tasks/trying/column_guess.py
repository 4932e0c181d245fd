"""Which columns of a table hold text, label, id and split, and which rows are no examples."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tunegrid.config.task_columns import Column
from tunegrid.errors import UserError
from tunegrid.tasks.trying.found_files import SPLIT_WORDS
from tunegrid.tasks.trying.header_guess import (
    ID_NAMES,
    LABEL_NAMES,
    LABEL_WORDS,
    PAIR_NAMES,
    SPLIT_NAMES,
    TEXT_NAMES,
)
from tunegrid.tasks.trying.table_guess import GuessedTable

#: Labels that stand for the lack of one, in public data sets.
NO_LABEL = {"-", "-1", ""}
#: More values than this are no labels, however many rows there are.
MOST_LABELS = 300
#: More different numbers than this, some of them no whole ones, are what is asked for (regression).
MOST_NUMBERS = 20


@dataclass(frozen=True)
class GuessedColumns:
    """What the columns of a table seem to hold.

    Attributes:
        columns: the keys of `columns`.
        labels: the labels, sorted; None where the label is a number.
        drop: the keys of `drop`.
        dropped: how many rows each of them takes out, with the key in words.
        split_values: `split: {values: …}` where a column names the split; None where none does.
        has_lists: whether texts are lists of words.
        several: whether the label is a list of labels.
    """

    columns: dict[str, Column]
    labels: list[str] | None
    drop: dict[str, list[str]]
    dropped: dict[str, int]
    split_values: dict[str, str] | None
    has_lists: bool
    several: bool


def as_text(value: Any) -> str:
    """A cell as the table's reader has it: truth values as JSON spells them."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def guess_columns(
    table: GuessedTable, text: str | None, label: str | None, *, has_label: bool = True
) -> GuessedColumns:
    """What the columns seem to hold.

    Args:
        table: of one file.
        text: the column of the text, where it is told; None to guess it.
        label: the same of the label.
        has_label: whether there is a column of labels.

    Raises:
        UserError: a column that was told is not there, or none looks like a text or a label.
    """
    cells = {column: [row.get(column) for row in table.rows] for column in table.columns}
    split = _split_column(cells)
    rest = {column: values for column, values in cells.items() if column != split}
    chosen_label = None
    if has_label:
        chosen_label = _told(label, cells, "--label-column") if label else _label_column(rest, text)
        rest.pop(chosen_label, None)
    chosen_text = _told(text, cells, "--text-column") if text else _text_column(rest)
    rest.pop(chosen_text, None)
    columns: dict[str, Column] = {"text": chosen_text}
    if pair := _pair_column(chosen_text, list(rest)):
        columns["text_pair"] = pair
        rest.pop(pair)
    if chosen_label is not None:
        columns["label"] = chosen_label
    if (example := _id_column(rest)) is not None:
        columns["id"] = example
    if split is not None:
        columns["split"] = split
    drop, dropped = _drop(cells, columns)
    values = cells[chosen_label] if chosen_label is not None else []
    several = any(isinstance(value, list) for value in values)
    return GuessedColumns(
        columns=columns,
        labels=_labels(values, drop),
        drop=drop,
        dropped=dropped,
        split_values=None if split is None else _split_values(cells[split]),
        has_lists=any(isinstance(value, list) for value in cells[chosen_text]),
        several=several,
    )


def _told(name: str, cells: dict[Column, list[Any]], option: str) -> Column:
    column: Column = int(name) if name.isdigit() and name not in cells else name
    if column not in cells:
        there = ", ".join(map(str, cells))
        raise UserError(f"{option}: there is no column {name}; has: {there}")
    return column


def _named(cells: dict[Column, list[Any]], names: Sequence[str]) -> list[Column]:
    """The columns with one of these names, in the order of the names."""
    lower = {str(column).lower().rpartition(".")[2]: column for column in reversed(cells)}
    return [lower[name] for name in names if name in lower]


def _label_column(cells: dict[Column, list[Any]], text: str | None) -> Column:
    """The column with a label's name; else that with the fewest values, which must recur."""
    fit = {}
    for column, values in cells.items():
        known = [as_text(value) for value in values if value is not None]
        kinds = Counter(known)
        if str(column) == text or len(kinds) < 1 or len(kinds) > MOST_LABELS:
            continue
        if sum(map(len, kinds)) / len(kinds) <= 40:
            fit[column] = len(kinds)
    for column in _named(cells, LABEL_NAMES):
        if column in fit or _is_number(cells[column]):
            return column
    fit = {column: kinds for column, kinds in fit.items() if kinds > 1} or fit
    if len(cells) < 2 or not fit:
        raise UserError(
            f"no column looks like a label (has: {', '.join(map(str, cells))}); name it:"
            " --label-column"
        )
    # Of equal ones the shorter values: texts recur in small files, too.
    known_words = {
        column: {as_text(value).lower() for value in cells[column]} <= LABEL_WORDS for column in fit
    }
    lengths = {column: _mean_length(cells[column]) for column in fit}
    return min(fit, key=lambda column: (not known_words[column], fit[column], lengths[column]))


def _is_number(values: Sequence[Any]) -> bool:
    known = [value for value in values if value is not None]
    return bool(known) and all(
        isinstance(value, int | float) and not isinstance(value, bool) for value in known
    )


def _mean_length(values: Sequence[Any]) -> float:
    return sum(len(as_text(value)) for value in values) / max(1, len(values))


def _text_column(cells: dict[Column, list[Any]]) -> Column:
    """The column of the longest texts; of those that have a text's name, if some have."""
    if not cells:
        raise UserError("no column is left for the text; name it: --text-column")
    pairs = [one for pair in PAIR_NAMES for one in pair[:1] if set(pair) <= set(cells)]
    if pairs:
        return pairs[0]
    named = _named(cells, TEXT_NAMES)
    candidates = named or list(cells)
    return max(candidates, key=lambda column: _mean_length(cells[column]))


def _pair_column(text: Column, others: Sequence[Column]) -> Column | None:
    for one, other in PAIR_NAMES:
        if str(text).lower() == one:
            for column in others:
                if str(column).lower() == other:
                    return column
    return None


def _id_column(cells: dict[Column, list[Any]]) -> Column | None:
    for column in _named(cells, ID_NAMES):
        values = [as_text(value) for value in cells[column]]
        if len(set(values)) == len(values) and "" not in values and None not in cells[column]:
            return column
    return None


def _split_column(cells: dict[Column, list[Any]]) -> Column | None:
    for column in _named(cells, SPLIT_NAMES):
        kinds = {as_text(value).lower() for value in cells[column]}
        if len(kinds) > 1 and kinds <= set(SPLIT_WORDS):
            return column
    return None


def _split_values(values: Sequence[Any]) -> dict[str, str]:
    kinds = dict.fromkeys(as_text(value) for value in values)
    return {kind: SPLIT_WORDS[kind.lower()] for kind in kinds}


def _drop(
    cells: dict[Column, list[Any]], columns: dict[str, Column]
) -> tuple[dict[str, list[str]], dict[str, int]]:
    """The keys of `drop` that are needed, and how many rows each takes out."""
    drop: dict[str, list[str]] = {}
    dropped: dict[str, int] = {}
    for key in ("text", "text_pair"):
        values = cells[columns[key]] if key in columns else []
        empty = sum(isinstance(value, str) and not value.strip() for value in values)
        _note(drop, dropped, "empty", key, empty)
    for key in ("text", "text_pair", "label"):
        values = cells[columns[key]] if key in columns else []
        _note(drop, dropped, "missing", key, sum(value is None for value in values))
    labels = Counter(map(as_text, cells[columns["label"]])) if "label" in columns else Counter()
    for label in sorted(NO_LABEL & set(labels)):
        if len(labels) > 2 or label == "":
            _note(drop, dropped, "labels", label, labels[label])
    return drop, dropped


def _note(
    drop: dict[str, list[str]], dropped: dict[str, int], key: str, value: str, count: int
) -> None:
    if count:
        drop.setdefault(key, []).append(value)
        dropped[f"drop: {{{key}: [{value!r}]}}"] = count


def _labels(values: Sequence[Any], drop: dict[str, list[str]]) -> list[str] | None:
    """The labels in order; None of a number with many values."""
    flat = [one for value in values for one in (value if isinstance(value, list) else [value])]
    known = {as_text(value) for value in flat if value is not None} - set(drop.get("labels", []))
    numbers = _numbers(known)
    if numbers and len(known) > MOST_NUMBERS and any(number % 1 for number in numbers):
        return None
    return sorted(known, key=float) if numbers else sorted(known)


def _numbers(labels: set[str]) -> list[float]:
    """The labels as numbers; none if one of them is no number."""
    try:
        return [float(label) for label in labels]
    except ValueError:
        return []
