"""TREC questions: lines of `COARSE:fine question`; the coarse class is the label.

The file repeats most questions two or three times; only the first of each is kept, else train
would leak into test. Source: Li & Roth 2002, https://aclanthology.org/C02-1150.
"""

from collections.abc import Iterator

from tunegrid.errors import UserError
from tunegrid.tasks.readers.example import Example, text_lines
from tunegrid.tasks.task_file import TaskFile


def read(file: TaskFile) -> Iterator[Example]:
    """The distinct questions of one file, in its order; the line number is the id."""
    seen: set[str] = set()
    for line, row in text_lines(file.path):
        kind, _, question = row.partition(" ")
        coarse, colon, _ = kind.partition(":")
        if not colon:
            raise UserError(f"{file.path}:{line}: does not begin with CLASS:subclass")
        if question not in seen:
            seen.add(question)
            yield Example(id=str(line), text=question, label=coarse, line=line)
