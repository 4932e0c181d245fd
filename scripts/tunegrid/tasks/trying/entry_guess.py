"""The entry that seems to read some files: their splits, dialect, columns and labels."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from tunegrid.config.task_splits import SPLITS
from tunegrid.errors import UserError
from tunegrid.tasks.trying.column_guess import GuessedColumns, guess_columns
from tunegrid.tasks.trying.found_files import FoundFile
from tunegrid.tasks.trying.table_guess import GuessedTable, decode, guess_table

#: How a file is cut that comes in one piece.
CUT: dict[str, Any] = {"by": "label", "test": 0.2, "dev": 0.1, "seed": 0}
#: The share of train that becomes dev where none ships.
DEV_FRACTION = 0.1
#: Fewer rows than this give no dev.
FEW_ROWS = 50
#: More labels than this are not written out.
LABELS_WRITTEN = 30


@dataclass(frozen=True)
class GuessedEntry:
    """An entry of the catalogue of tasks, and what is to be known of it.

    Attributes:
        entry: its keys.
        needs_dev: whether dev is to be cut from train by `data.tasks`.
        notes: what could be otherwise, a sentence each.
        dropped: how many rows are no examples, by the key that takes them out.
    """

    entry: dict[str, Any]
    needs_dev: bool
    notes: list[str] = field(default_factory=list)
    dropped: dict[str, int] = field(default_factory=dict)


def guess_entry(found: Sequence[FoundFile], text: str | None, label: str | None) -> GuessedEntry:
    """The entry that seems to read these files.

    Args:
        found: the files, at least one.
        text: the column of the text, where it is told; None to guess it.
        label: the same of the label.

    Raises:
        UserError: nothing can be guessed of them.
    """
    if _are_documents(found):
        return _of_documents(found)
    known = {file.name: guess_table(file.path) for file in found}
    found, notes = _without_lists_of_words(found, known)
    if len(found) == 1:
        table = known[found[0].name]
        if table.parts:
            return _of_parts(found[0], table, text, label)
    by_split = _by_split(found)
    tables = {
        split: _one_table([known[file.name] for file in files]) for split, files in by_split.items()
    }
    if all(table.dialect.get("format") == "lines" for table in tables.values()):
        return _of_labels_in_names(by_split)
    guess = _of_tables(by_split, tables, text, label)
    return replace(guess, notes=[*guess.notes, *notes])


def _by_split(found: Sequence[FoundFile]) -> dict[str, list[FoundFile]]:
    """The files of each split, train first; `all` of them where their names tell no train."""
    splits = {file.split for file in found}
    if "train" not in splits or None in splits:
        return {"all": list(found)}
    return {
        split: [file for file in found if file.split == split]
        for split in SPLITS
        if split in splits
    }


def _without_lists_of_words(
    found: Sequence[FoundFile], known: dict[str, GuessedTable]
) -> tuple[list[FoundFile], list[str]]:
    """The files without those of single columns beside tables, such as a list of the labels."""
    tables = [file for file in found if known[file.name].dialect.get("format") != "lines"]
    if not tables:
        return list(found), []
    return tables, [
        f"{file.name} holds one column, and is left out" for file in found if file not in tables
    ]


def _one_table(tables: Sequence[GuessedTable]) -> GuessedTable:
    """What the files of a split hold, as the first of them has it, with the rows of all."""
    return replace(tables[0], rows=[row for table in tables for row in table.rows])


def _are_documents(found: Sequence[FoundFile]) -> bool:
    """Whether the files lie in folders that are their labels, a text in each file."""
    folders = {file.folder for file in found if not _is_split_folder(file)}
    plain = all(Path(file.name).suffix.lower() in ("", ".txt") or file.folder for file in found)
    tables = {".csv", ".tsv", ".json", ".jsonl", ".ndjson", ".parquet", ".xlsx", ".xml", ".gz"}
    return (
        len(folders) > 1
        and plain
        and all(file.folder for file in found)
        and not any(Path(file.name).suffix.lower() in tables for file in found)
    )


def _is_split_folder(file: FoundFile) -> bool:
    return file.split is not None and file.split in file.folder.lower()


def _of_documents(found: Sequence[FoundFile]) -> GuessedEntry:
    labelled = [file for file in found if not _is_split_folder(file)]
    splits = {file.split for file in labelled}
    use_splits = "train" in splits and None not in splits
    files: dict[str, Any] = {}
    for file in labelled:
        above = Path(file.name).parent.parent
        pattern = f"{{label}}/*{Path(file.name).suffix}"
        path = pattern if str(above) == "." else f"{above}/{pattern}"
        files.setdefault((use_splits and file.split) or "all", path)
    encodings = {decode(file.path.read_bytes())[0] for file in labelled}
    dialect: dict[str, Any] = {"format": "document"}
    if other := list(filter(None, encodings)):
        dialect["encoding"] = max(other)
    labels = sorted({file.folder for file in labelled})
    entry = {"files": files, "dialect": dialect} | _splits_of(files)
    return GuessedEntry(entry | {"labels": _written(labels)}, needs_dev=_needs_dev(files))


def _of_labels_in_names(by_split: dict[str, list[FoundFile]]) -> GuessedEntry:
    """Plain lines in files whose names are the labels, such as pos.txt and neg.txt."""
    files: dict[str, Any] = {}
    for split, of_split in by_split.items():
        if len(of_split) < 2:
            raise UserError(
                f"{of_split[0].name}: holds a column of texts and no labels; add the files of the"
                " other labels, or write `label_files` yourself"
            )
        files[split] = {_label_in(file.name, of_split): file.name for file in of_split}
    encodings = {
        decode(file.path.read_bytes())[0] for of_split in by_split.values() for file in of_split
    } - {None}
    dialect: dict[str, Any] = {"format": "lines"}
    if encodings:
        dialect["encoding"] = max(filter(None, encodings))
    labels = sorted({label for of_split in files.values() for label in of_split})
    entry = {"files": files, "dialect": dialect} | _splits_of(files)
    return GuessedEntry(entry | {"labels": _written(labels)}, needs_dev=_needs_dev(files))


def _label_in(name: str, beside: Sequence[FoundFile]) -> str:
    """The word of a file's name that the others lack."""
    words = re.findall(r"[A-Za-z0-9]+", Path(name).name)
    others = [
        set(re.findall(r"[A-Za-z0-9]+", Path(other.name).name))
        for other in beside
        if other.name != name
    ]
    own = [word for word in words if not all(word in other for other in others)]
    return own[0] if own else Path(name).stem


def _of_parts(
    file: FoundFile, table: GuessedTable, text: str | None, label: str | None
) -> GuessedEntry:
    """One file of JSON that holds all splits."""
    files = dict.fromkeys(table.parts, file.name)
    guessed = guess_columns(table.parts["train"], text, label)
    entry: dict[str, Any] = {"files": files, **_table_keys(table.parts["train"], guessed)}
    shared = {
        key: value
        for key, value in table.parts["train"].dialect.items()
        if all(part.dialect.get(key) == value for part in table.parts.values())
    }
    entry.pop("dialect", None)
    if shared:
        entry["dialect"] = shared
    entry["per_split"] = {
        split: {"dialect": {"records": part.dialect["records"]}}
        for split, part in table.parts.items()
    }
    train = table.parts["train"]
    entry |= _splits_of(files, rows=len(train.rows)) | _labels_of([guessed], train)
    return GuessedEntry(entry, needs_dev=_needs_dev(files), dropped=guessed.dropped)


def _of_tables(
    by_split: dict[str, list[FoundFile]],
    tables: dict[str, GuessedTable],
    text: str | None,
    label: str | None,
) -> GuessedEntry:
    guessed = {split: guess_columns(table, text, label) for split, table in tables.items()}
    first = "train" if "train" in tables else "all"
    files: dict[str, Any] = {
        split: of_split[0].name if len(of_split) == 1 else [file.name for file in of_split]
        for split, of_split in by_split.items()
    }
    entry = {"files": files, **_table_keys(tables[first], guessed[first])}
    per_split = {}
    for split, columns in guessed.items():
        own: dict[str, Any] = {}
        if columns.columns != guessed[first].columns:
            own["columns"] = columns.columns
        if tables[split].dialect != tables[first].dialect:
            own["dialect"] = tables[split].dialect
        if own:
            per_split[split] = own
    if per_split:
        entry["per_split"] = per_split
    if guessed[first].split_values is not None:
        values = guessed[first].split_values or {}
        own_names = all(name == split for name, split in values.items())
        entry["split"] = {"by": "column"} | ({} if own_names else {"values": values})
        needs_dev = "dev" not in values.values()
    else:
        by_number = guessed[first].labels is None or guessed[first].several
        entry |= _splits_of(
            files, by="example" if by_number else "label", rows=len(tables[first].rows)
        )
        needs_dev = _needs_dev(files)
    entry |= _labels_of(list(guessed.values()), tables[first])
    drop, dropped = _dropped(list(guessed.values()))
    if drop:
        entry["drop"] = drop
    notes = [note for table in tables.values() for note in table.notes]
    return GuessedEntry(entry, needs_dev, list(dict.fromkeys(notes)), dropped)


def _dropped(guessed: Sequence[GuessedColumns]) -> tuple[dict[str, list[str]], dict[str, int]]:
    """`drop` of several tables as one, and how many rows each key takes out of all."""
    drop: dict[str, list[str]] = {}
    dropped: dict[str, int] = {}
    for one in guessed:
        for key, which in one.drop.items():
            drop[key] = list(dict.fromkeys([*drop.get(key, []), *which]))
        for key, count in one.dropped.items():
            dropped[key] = dropped.get(key, 0) + count
    return drop, dropped


def _table_keys(table: GuessedTable, guessed: GuessedColumns) -> dict[str, Any]:
    """`dialect`, `columns` and `target` of a table."""
    dialect = dict(table.dialect)
    if guessed.has_lists:
        dialect["join"] = " "
    keys: dict[str, Any] = {"dialect": dialect} if dialect else {}
    keys["columns"] = guessed.columns
    if guessed.several:
        keys["target"] = {"kind": "multi_label"}
    elif guessed.labels is None:
        keys["target"] = {"kind": "regression"}
    return keys


def _splits_of(files: dict[str, Any], *, by: str = "label", rows: int = FEW_ROWS) -> dict[str, Any]:
    """`split`, where a file holds all splits, or no test ships.

    Args:
        files: of each split, or of `all`.
        by: how it is cut.
        rows: how many there are; of few, half become test, and there is no dev.
    """
    if "all" not in files and "test" in files:
        return {}
    split = CUT | {"by": by}
    if rows < FEW_ROWS:
        split["test"] = 0.5
    if rows < FEW_ROWS or "all" not in files:
        del split["dev"]
    return {"split": split}


def _needs_dev(files: dict[str, Any]) -> bool:
    return "all" not in files and "dev" not in files


def _labels_of(guessed: Sequence[GuessedColumns], table: GuessedTable) -> dict[str, Any]:
    if any(one.labels is None for one in guessed):
        return {}
    if table.has_label_names:
        return {"labels": "auto"}
    every = dict.fromkeys(label for one in guessed for label in one.labels or [])
    return {"labels": _written(list(every))}


def _written(labels: list[str]) -> list[str] | str:
    return labels if 2 <= len(labels) <= LABELS_WRITTEN else "auto"
