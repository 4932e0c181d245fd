#!/usr/bin/env python
"""Check the project's own rules of plain code, beside what ruff and mypy check.

  python tests/checks/house_rules.py

Prints one line for each finding, and exits with status 1 if there is one.

- No starred literal in a call or a list (`f(*(a, b))`): write one argument on a line, by keyword
  where three positional ones would need counting.
- No truth value in a multiplication (`"s" * (n > 1)`): write a conditional.
- No state in an error's text (`"was made by" in str(error)`): give the error an attribute. Torch's
  own RuntimeErrors, which have none, are told apart in the one place that is listed below.
- No problems joined as text (`"\\nerror: ".join(problems)`): `UserError` takes a list.
- Module names are unique in the library, so that one search finds a module.
- A source file has at most 400 lines, so that it keeps one job.
"""

import ast
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
MOST_LINES = 400
#: What once stood between problems that were joined as one text.
JOINED_PROBLEMS = "\n" + "error: "
#: Files that tell a library's error by its text, since the library gives nothing else.
MAY_READ_TEXTS = {"scripts/tunegrid/training/step_guard.py"}


def findings(root: Path = ROOT) -> Iterator[str]:
    """Every break of a rule: `file:line: what is wrong`."""
    library = sorted((root / "scripts/tunegrid").rglob("*.py"))
    programs = sorted((root / "scripts").glob("*.py"))
    tests = sorted((root / "tests").rglob("*.py"))
    for path in [*library, *programs, *tests]:
        name = str(path.relative_to(root))
        for line, problem in _in_source(path.read_text(encoding="utf-8"), name):
            yield f"{name}:{line}: {problem}"
    for path in [*library, *programs]:
        lines = len(path.read_text(encoding="utf-8").splitlines())
        if lines > MOST_LINES:
            name = path.relative_to(root)
            yield f"{name}:1: has {lines} lines; give what is a job of its own a file"
    for path in sorted((root / "rules").glob("*.smk")):
        for line, problem in _in_rules(path.read_text(encoding="utf-8")):
            yield f"{path.relative_to(root)}:{line}: {problem}"
    names = Counter(path.name for path in library if path.name != "__init__.py")
    for name, count in sorted(names.items()):
        if count > 1:
            yield f"scripts/tunegrid:1: {count} modules are called {name}; each has its own name"


def _in_source(text: str, name: str) -> Iterator[tuple[int, str]]:
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Call) and any(map(_is_starred_literal, node.args)):
            yield node.lineno, "a starred literal in a call; write its arguments out"
        elif isinstance(node, ast.List | ast.Tuple) and any(map(_is_starred_literal, node.elts)):
            yield node.lineno, "a starred literal in a list; write its elements out"
        elif _multiplies_a_truth_value(node):
            yield node.lineno, "a truth value in a multiplication; write a conditional"
        elif _reads_an_error_s_text(node) and name not in MAY_READ_TEXTS:
            yield node.lineno, "state read from an error's text; give the error an attribute"
        elif isinstance(node, ast.Constant) and node.value == JOINED_PROBLEMS:
            yield node.lineno, "problems joined as text; UserError takes a list"


def _multiplies_a_truth_value(node: ast.AST) -> bool:
    if not isinstance(node, ast.BinOp) or not isinstance(node.op, ast.Mult):
        return False
    return _is_truth(node.left) or _is_truth(node.right)


def _is_starred_literal(node: ast.expr) -> bool:
    return (
        isinstance(node, ast.Starred)
        and isinstance(node.value, ast.Tuple | ast.List)
        and len(node.value.elts) > 0
    )


def _is_truth(node: ast.expr) -> bool:
    if isinstance(node, ast.Compare | ast.BoolOp):
        return True
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        return True
    return (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id in ("bool", "any", "all", "isinstance")
    )


def _reads_an_error_s_text(node: ast.AST) -> bool:
    """Whether a comparison looks into `str(error)`, `str(reason)` and the like."""
    if not isinstance(node, ast.Compare):
        return False
    if not any(isinstance(operator, ast.In | ast.NotIn) for operator in node.ops):
        return False
    return any(
        isinstance(side, ast.Call)
        and isinstance(side.func, ast.Name)
        and side.func.id == "str"
        and side.args
        and isinstance(side.args[0], ast.Name)
        and side.args[0].id in ("error", "reason", "problem", "exception", "e")
        for side in node.comparators
    )


def _in_rules(text: str) -> Iterator[tuple[int, str]]:
    """The same rules in Snakemake's files, which are no Python: by their lines."""
    for number, line in enumerate(text.splitlines(), start=1):
        if "* bool(" in line or "* any(" in line or "] * PROJECT" in line:
            yield number, "a truth value in a multiplication; write a conditional"
        if "*(" in line.replace("**(", "") and "," in line:
            yield number, "a starred literal in a call; write its arguments out"


def main() -> None:
    found = list(findings())
    for line in found:
        print(line)
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
