"""What a source file of the project means: its digest, and which modules it imports.

Comments, docstrings, layout, log lines and the texts of errors decide nothing and are left out.

Every start of the workflow, and every job of a cluster, asks for a hundred files. So what parsing
has found is kept in `__pycache__`, where Python keeps its bytecode: under the SHA-256 of a file's
content, in a file that is named by Python's version and by this module's own content. Nothing that
is kept can be out of date, and where it cannot be read or written, files are parsed.
"""

import ast
import atexit
import hashlib
import json
import sys
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import TypedDict

from tunegrid.files import atomic_path, digest


class SourceFacts(TypedDict):
    """What is kept of a file's content.

    Attributes:
        digest: twelve hexadecimal digits for what it means.
        imports: the modules that it imports anywhere, and the names that it takes from them.
    """

    digest: str
    imports: list[str]


def file_digest(path: Path) -> str:
    """Twelve hexadecimal digits for what a file means."""
    return _facts(path)["digest"]


def imported_names(path: Path) -> list[str]:
    """The modules that a file imports anywhere, and `module.name` of what it takes from them."""
    return _facts(path)["imports"]


@cache
def parse_meaning(path: Path) -> ast.Module:
    """A file's syntax tree without what decides nothing: docstrings, log lines, texts of errors."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    _WithoutTexts().visit(tree)
    return tree


@cache
def _facts(path: Path) -> SourceFacts:
    key = hashlib.sha256(path.read_bytes()).hexdigest()
    facts = _kept().get(key)
    if facts is None:
        tree = parse_meaning(path)
        names = list(dict.fromkeys(_names_imported(tree)))
        facts = SourceFacts(digest=digest(ast.dump(tree)), imports=names)
        if not _PARSED:
            atexit.register(_keep)
        _PARSED.append(path)
    _ASKED[key] = facts
    return facts


#: What this process was asked for, by the SHA-256 of a file's content.
_ASKED: dict[str, SourceFacts] = {}
#: The files of these that it has parsed itself.
_PARSED: list[Path] = []


@cache
def _kept() -> dict[str, SourceFacts]:
    """What earlier processes have kept, by the SHA-256 of a file's content."""
    with suppress(OSError, ValueError):
        kept: dict[str, SourceFacts] = json.loads(_memory().read_text(encoding="utf-8"))
        return kept
    return {}


def _keep() -> None:
    """Keep what this process was asked for, if that is wanted and possible."""
    memory = _memory()
    if sys.dont_write_bytecode or not memory.parent.is_dir():
        return
    with suppress(OSError), atomic_path(memory) as temporary:
        temporary.write_text(json.dumps(_ASKED), encoding="utf-8")


def _memory() -> Path:
    own = Path(__file__)
    version = f"{sys.implementation.cache_tag}-{digest(own.read_text(encoding='utf-8'))}"
    return own.parent / "__pycache__" / f"{own.stem}.{version}.json"


class _WithoutTexts(ast.NodeTransformer):
    """Removes docstrings, lone texts and log lines, and what is said when an error is raised.

    All of these are statements, and no expression holds a statement: expressions are not searched.
    """

    def visit(self, node: ast.AST) -> ast.AST | None:
        return node if isinstance(node, ast.expr) else super().visit(node)

    def visit_Expr(self, node: ast.Expr) -> ast.AST | None:
        if isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            return ast.Pass()
        if isinstance(node.value, ast.Call) and ast.unparse(node.value.func).startswith("logging."):
            return ast.Pass()
        return self.generic_visit(node)

    def visit_Raise(self, node: ast.Raise) -> ast.AST:
        if isinstance(node.exc, ast.Call):
            return ast.Raise(exc=node.exc.func, cause=node.cause)
        return node


def _names_imported(tree: ast.Module) -> Iterator[str]:
    for node in _statements(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _statements(node: ast.AST) -> Iterator[ast.AST]:
    """What a file's tree holds at any depth, but for expressions: no statement stands in those."""
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, ast.expr):
            yield child
            yield from _statements(child)
