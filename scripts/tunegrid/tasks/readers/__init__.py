"""Readers: one module for each family of files. A catalogue entry names its reader by its module.

Every reader module has a function `read` of the signature `Reader`: it yields the examples of a
file in their order, or `Dropped` for a row that the entry drops, and raises `UserError`, with file
and line, for what it cannot parse. Whether ids repeat, labels are known and texts are there is
checked once for all readers, in `tunegrid.tasks.example_checks`. A reader may have a function
`label_order` of the signature `LabelOrder`, too. `docs/add-a-reader.md` shows how to add one.

A reader is imported by its name, so that editing one reader concerns its own tasks alone.
"""

import importlib
from collections.abc import Callable, Iterator
from pathlib import Path

from tunegrid.tasks.readers.example import Dropped, Example
from tunegrid.tasks.task_file import TaskFile

Reader = Callable[[TaskFile], Iterator[Example | Dropped]]
#: The labels of a file in the order that the file itself gives them; None where it gives none.
LabelOrder = Callable[[TaskFile], list[str] | None]


def reader_names() -> list[str]:
    """The names that a catalogue entry may give as its reader."""
    modules = {path.stem for path in Path(__file__).parent.glob("*.py")}
    return sorted(modules - {"__init__", "example"})


def load_reader(name: str) -> Reader:
    """The function `read` of the reader module `name`, one of `reader_names()`."""
    return importlib.import_module(f"{__name__}.{name}").read


def label_order(file: TaskFile) -> list[str] | None:
    """The labels of a file in the order that it gives them; None where it, or its reader, has none.

    Raises:
        UserError: what the reader's own function raises.
    """
    reader = importlib.import_module(f"{__name__}.{file.entry.reader}")
    of_reader: LabelOrder | None = getattr(reader, "label_order", None)
    return of_reader(file) if of_reader else None
