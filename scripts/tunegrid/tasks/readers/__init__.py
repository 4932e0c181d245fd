"""Readers: one module a family of files. A catalogue entry names its reader by its module.

Every reader module has a function `read` of the signature `Reader`: it yields the file's examples
in order and raises `UserError` with file and line for what it cannot parse. Whether ids repeat,
labels are known and texts are there is checked once for all, in `tunegrid.tasks.fetching`.

A reader is imported by its name, so that a task's code digest holds its own reader alone.
"""

import importlib
from collections.abc import Callable, Iterator
from pathlib import Path

from tunegrid.tasks.readers.example import Entry, Example

#: (file, catalogue entry) → examples
Reader = Callable[[Path, Entry], Iterator[Example]]


def reader_names() -> list[str]:
    """The names that a catalogue entry may give as its reader."""
    modules = {path.stem for path in Path(__file__).parent.glob("*.py")}
    return sorted(modules - {"__init__", "example"})


def load_reader(name: str) -> Reader:
    """The function `read` of the reader module `name`, one of `reader_names()`."""
    return importlib.import_module(f"{__name__}.{name}").read
