"""Which code made a result: the digest of a program and of every module that it imports.

Rules carry this digest as a parameter, so that editing a function reruns exactly the jobs whose
program uses its module, while a touched file, a comment or a docstring reruns nothing.
"""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from tunegrid.files import digest
from tunegrid.paths import SCRIPTS


@cache
def code_digest(program: str, *modules: str) -> str:
    """Twelve hexadecimal digits for `scripts/<program>.py` and all project modules it imports.

    `modules` are those that it imports by a name it is given (`tunegrid.tasks.readers.news`).

    Imports inside functions count; libraries do not (their versions are in the provenance).
    Comments, docstrings and layout do not change it.

    Raises:
        FileNotFoundError: no such program.
    """
    pending, seen = [SCRIPTS / f"{program}.py"], set()
    pending.extend(path for name in modules for path in _files_of(name))
    while pending:
        path = pending.pop()
        if path not in seen:
            seen.add(path)
            pending.extend(_module(path)[1])
    return digest(
        "".join(f"{path.relative_to(SCRIPTS)}:{_module(path)[0]}" for path in sorted(seen))
    )


@cache
def _module(path: Path) -> tuple[str, tuple[Path, ...]]:
    """A source file's digest and the project files that it imports."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    imports = tuple(sorted(set(_imported_files(tree))))
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            first = node.body[0] if node.body else None
            if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
                node.body = node.body[1:]
    return digest(ast.dump(tree)), imports


def _imported_files(tree: ast.AST) -> Iterator[Path]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        else:
            continue
        for name in names:
            if name.split(".")[0] == "tunegrid":
                yield from _files_of(name)


def _files_of(name: str) -> Iterator[Path]:
    """The files that importing module `name` executes: its packages' and its own."""
    path = SCRIPTS
    for part in name.split("."):
        path = path / part
        if path.with_suffix(".py").is_file():
            yield path.with_suffix(".py")
        elif (path / "__init__.py").is_file():
            yield path / "__init__.py"
