"""Readers: one module for each family of files. A catalogue entry names its reader by its module.

Every reader module has a function `read` of the signature `Reader`: it yields the examples of a
file in their order and raises `UserError`, with file and line, for what it cannot parse. Whether
ids repeat, labels are known and texts are there is checked once for all readers, in
`tunegrid.tasks.fetching`. `docs/add-a-reader.md` shows how to add one.

A reader is imported by its name, so that editing one reader concerns its own tasks alone.
"""

import importlib
from collections.abc import Callable, Iterator
from pathlib import Path

from tunegrid.tasks.readers.example import Example
from tunegrid.tasks.task_file import TaskFile

Reader = Callable[[TaskFile], Iterator[Example]]


def reader_names() -> list[str]:
    """The names that a catalogue entry may give as its reader."""
    modules = {path.stem for path in Path(__file__).parent.glob("*.py")}
    return sorted(modules - {"__init__", "example"})


def load_reader(name: str) -> Reader:
    """The function `read` of the reader module `name`, one of `reader_names()`."""
    return importlib.import_module(f"{__name__}.{name}").read
