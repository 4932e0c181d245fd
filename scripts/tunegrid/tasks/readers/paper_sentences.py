"""Key sentences of papers by their role: JSON lines, one paper each.

`highlights[role][section]` marks, with 0 or 1, the sentences of `sentences[section]` that state
the paper's challenge, approach or outcome. Sentences with exactly one mark are the examples.
Source: Takeshita et al. 2024, https://aclanthology.org/2024.naacl-long.371 (ACLSum).
"""

from collections.abc import Iterator

from tunegrid.errors import UserError
from tunegrid.tasks.readers.example import Example, json_lines
from tunegrid.tasks.task_file import TaskFile


def read(file: TaskFile) -> Iterator[Example]:
    """The sentences of one file with exactly one role, paper by paper, in reading order."""
    for line, paper in json_lines(file.path):
        try:
            marks = paper["highlights"]
            for section, sentences in paper["sentences"].items():
                for position, sentence in enumerate(sentences):
                    roles = [role for role in marks if marks[role][section][position]]
                    if len(roles) == 1:
                        yield Example(
                            id=f"{paper['id']}/{section}/{position}",
                            text=sentence,
                            label=roles[0],
                            line=line,
                            group=paper["id"],
                        )
        except (KeyError, IndexError, TypeError, AttributeError) as error:
            raise UserError(
                f"{file.path}:{line}: no paper with sentences and highlights ({error!r})"
            ) from None
