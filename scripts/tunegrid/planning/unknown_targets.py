"""Targets that nothing makes: which one was meant.

Snakemake's own words for these name no target that there is. It logs them as an error that carries
the name of its exception (`record.exception`, snakemake.exceptions.print_exception), so that they
can be told by that, and be put into other words before they are printed.
"""

import difflib
import logging
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from tunegrid.errors import UserError

#: The exceptions of Snakemake that a target ends in: no rule makes it, or the rule needs wildcards.
EXCEPTIONS = ("MissingRuleException", "WorkflowError")
#: The files of rules whose rules are there to be asked for by their names.
NAMED_TARGETS = ("Snakefile", "collect.smk")
#: A result of a single run lies below this folder; of a named configuration, in its own.
RUNS = re.compile(r"results/([^/]+/)?runs/")


@dataclass(frozen=True)
class NamedRule:
    """A rule, as far as targets go.

    Attributes:
        name: its name.
        files: its output; of a rule that only collects, its input.
        has_wildcards: whether it makes a file for each of many values.
        asked_for: whether it is there to be asked for by its name.
    """

    name: str
    files: tuple[str, ...]
    has_wildcards: bool
    asked_for: bool


def target_problems(targets: Iterable[str], rules: Sequence[NamedRule]) -> Iterator[str]:
    """What is wrong with targets that are no rule's name and no rule's file, one line each.

    Args:
        targets: those that are asked for, without the files that some rule can make.
        rules: all rules.
    """
    by_name = {rule.name: rule for rule in rules}
    named = ", ".join(sorted(rule.name for rule in rules if rule.asked_for))
    concrete = [rule for rule in rules if not rule.has_wildcards]
    files = sorted({file for rule in concrete for file in rule.files if file})
    for target in targets:
        if target in by_name:
            if by_name[target].has_wildcards:
                yield (
                    f"{target}: is the rule of many files; name one of them,"
                    f" {by_name[target].files[0]}, or one of {named}"
                )
        elif "/" in target or "." in target:
            yield f"{target}: nothing makes it; {_file_hint(target, files)}"
        else:
            close = difflib.get_close_matches(target, [rule.name for rule in concrete], n=1)
            hint = f"did you mean {close[0]}? " if close else ""
            yield f"{target}: no rule is called so; {hint}targets: {named}"


def _file_hint(target: str, files: Sequence[str]) -> str:
    """Which file may be meant."""
    if found := RUNS.match(target):
        return (
            f"a run's files are {found[0]}MODEL/TASK/METHOD/seedSEED/training.json and others; list"
            " the runs of your grid with: python scripts/expand_grid.py --configfile FILE"
        )
    asked = PurePosixPath(target)
    same_name = [file for file in files if PurePosixPath(file).name == asked.name]
    if same_name:
        return f"did you mean {same_name[0]}?"
    beside = [file for file in files if PurePosixPath(file).parent == asked.parent]
    alike = [file for file in beside if PurePosixPath(file).suffix == asked.suffix] or beside
    stems = {PurePosixPath(file).stem: file for file in alike}
    listed = f"{asked.parent} will hold {', '.join(sorted(stems)[:20])}"
    if close := difflib.get_close_matches(asked.stem, stems, n=1):
        return f"did you mean {stems[close[0]]}? {listed}"
    if stems:
        return listed
    if near := difflib.get_close_matches(target, files, n=1):
        return f"did you mean {near[0]}?"
    return "snakemake --list-target-rules shows what can be asked for by a word"


class TargetWording(logging.Filter):
    """Puts these lines in place of Snakemake's, of a workflow whose targets nothing makes.

    Args:
        workflow: Snakemake's; its targets are known once its rules are read.
    """

    def __init__(self, workflow: Any) -> None:
        super().__init__()
        self._workflow = workflow

    def filter(self, record: logging.LogRecord) -> bool:
        """Change an error about a target; every record passes."""
        exception = getattr(record, "exception", None)
        if exception in EXCEPTIONS and self._workflow.dag_settings:
            targets = self._unmakeable(forced=exception == "MissingRuleException")
            problems = list(target_problems(targets, self._rules()))
            if problems:
                record.msg, record.args = UserError(*problems).report(), None
        return True

    def _unmakeable(self, *, forced: bool) -> list[str]:
        """The targets that are no file which a rule makes, and none that is there.

        Args:
            forced: whether files that are there are to be made, too (`--force`).
        """
        targets = map(str, self._workflow.dag_settings.targets)
        return [
            target
            for target in targets
            if not any(rule.is_producer(target) for rule in self._workflow.rules)
            and (forced or not Path(target).exists())
        ]

    def _rules(self) -> list[NamedRule]:
        return [
            NamedRule(
                name=rule.name,
                files=tuple(_readable(file) for file in rule.output or rule.input),
                has_wildcards=rule.has_wildcards(),
                asked_for=Path(rule.snakefile).name in NAMED_TARGETS,
            )
            for rule in self._workflow.rules
        ]


def _readable(file: Any) -> str:
    """A rule's file without the constraints of its wildcards; empty: a function names it."""
    return re.sub(r"\{(\w+),[^}]*\}", r"{\1}", file) if isinstance(file, str) else ""
