"""AG News: CSV without a header, rows of class index (from 1), title, description.

The description alone is the text. Source: Zhang et al. 2015, https://arxiv.org/abs/1509.01626.
"""

from collections.abc import Iterator

from tunegrid.errors import UserError
from tunegrid.tasks.readers.example import Example, csv_rows
from tunegrid.tasks.task_file import TaskFile


def read(file: TaskFile) -> Iterator[Example]:
    """The examples of one file, in its order; a row's position (from 0) is its id."""
    labels = file.entry.label_names or []
    for position, (line, row) in enumerate(csv_rows(file.path)):
        if len(row) != 3:
            raise UserError(
                f"{file.path}:{line}: has {len(row)} columns;"
                " it must have 3: class index, title, description"
            )
        index, _, description = row
        is_known = index.isdecimal() and 1 <= int(index) <= len(labels)
        yield Example(
            id=str(position),
            text=description,
            # An unknown index is refused, as every unknown label is, after all rows are read.
            label=labels[int(index) - 1] if is_known else index,
            line=line,
        )
