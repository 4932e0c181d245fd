"""Citation function: JSON lines of {text, label} (ACL-ARC as released with SciBERT's relatives).

Source: Jurgens et al. 2018, https://aclanthology.org/Q18-1028. Records have no id; their line
number is one.
"""

from collections.abc import Iterator

from tunegrid.tasks.readers.example import Example, json_lines, text_field
from tunegrid.tasks.task_file import TaskFile


def read(file: TaskFile) -> Iterator[Example]:
    """The examples of one file, in its order."""
    for line, record in json_lines(file.path):
        yield Example(
            id=str(record.get("id", line)),
            text=text_field(record, "text", file.path, line),
            label=text_field(record, "label", file.path, line),
            line=line,
        )
