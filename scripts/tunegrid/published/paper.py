"""A paper as the configuration names it: a folder with `paper.yaml` and `numbers.csv`, or a CSV.

`docs/published-papers.md` shows how such a folder is written. Light: the planning reads all of it,
so that a wrong file ends before anything runs, in one line for each problem.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import Field, ValidationError

from tunegrid.config.messages import validation_messages
from tunegrid.config.origin import Origins, read_yaml
from tunegrid.config.value_types import Closed
from tunegrid.errors import UserError
from tunegrid.paths import user_path
from tunegrid.published.finding_kinds import Finding
from tunegrid.published.memory_case import MemoryCase, read_case
from tunegrid.published.memory_example import MemoryExample, example_problems
from tunegrid.published.number_file import PublishedNumber, read_numbers


class PaperFile(Closed):
    """`paper.yaml`: what a paper is called, and what it says beside its numbers."""

    source: str = Field(
        min_length=1, description="What the paper is called: the column source of its numbers."
    )
    notes: list[str] = Field(
        default_factory=list,
        description="What a reader must know of its numbers, a sentence or two each.",
    )
    findings: list[Finding] = Field(default_factory=list, description="Its conclusions.")
    memory: MemoryExample | None = Field(
        default=None, description="Its example of a training step's memory, counted again."
    )


@dataclass(frozen=True)
class Paper:
    """A paper whose numbers stand beside the grid's.

    Attributes:
        given: how the configuration names it.
        numbers_file: its CSV of numbers.
        numbers: what that holds.
        source: what the paper is called; empty for a mere CSV, which may hold those of several.
        notes: what a reader must know of its numbers.
        findings: its conclusions.
        memory: its memory example; None where it has none.
    """

    given: str
    numbers_file: Path
    numbers: Sequence[PublishedNumber]
    source: str = ""
    notes: Sequence[str] = ()
    findings: Sequence[Finding] = ()
    memory: MemoryCase | None = None


def read_paper(given: str) -> Paper:
    """Read and check a paper.

    Args:
        given: a folder, or a CSV of numbers, as a configuration names it
            (`tunegrid.paths.user_path`).

    Raises:
        UserError: there is no such folder or file, or something in it is wrong; one line for each
            problem, with the file, the key or line, and what would be right.
    """
    path = user_path(given)
    if path.is_file():
        return Paper(given=given, numbers_file=path, numbers=read_numbers(path, given))
    if not (path / "paper.yaml").is_file():
        raise UserError(
            f"{given}: is neither a folder with paper.yaml and numbers.csv nor a CSV of numbers"
        )
    label = f"{given}/paper.yaml"
    content = read_yaml(path / "paper.yaml", label)
    origins = Origins([(label, content)])
    try:
        file = PaperFile.model_validate(content)
    except ValidationError as error:
        raise UserError(*validation_messages(error, PaperFile, origins)) from None
    memory = None
    if file.memory is not None:
        if problems := list(example_problems(file.memory)):
            raise UserError(
                *(f"{origins.locate(('memory', *key))}: {problem}" for key, problem in problems)
            )
        memory = read_case(file.memory, path, given)
    numbers = read_numbers(path / "numbers.csv", f"{given}/numbers.csv")
    if strange := sorted({number.source for number in numbers} - {file.source}):
        raise UserError(
            f"{given}/numbers.csv: has the source {strange[0]!r}; paper.yaml calls it"
            f" {file.source!r}"
        )
    return Paper(
        given=given,
        numbers_file=path / "numbers.csv",
        numbers=numbers,
        source=file.source,
        notes=file.notes,
        findings=file.findings,
        memory=memory,
    )


def sourced_notes(papers: Sequence[Paper]) -> list[str]:
    """What must be known of all papers' numbers, each note behind what its paper is called."""
    return [f"{paper.source}: {note}" for paper in papers for note in paper.notes]


def sourced_findings(papers: Sequence[Paper]) -> list[tuple[str, Finding]]:
    """The conclusions of all papers, each with what its paper is called."""
    return [(paper.source, finding) for paper in papers for finding in paper.findings]
