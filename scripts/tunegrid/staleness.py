"""What makes a result stale: an edit of the code that decides it (`tunegrid.result_code`).

Rules carry a digest of code as a parameter, so that Snakemake makes a result again when the code
that decides it has changed. There are two kinds of programs.

Of an expensive program (training, encoding, fetching, the memory analysis) only the modules under
`DECIDES` are in the digest: an edit of what is printed, logged, asked of a cluster or drawn leaves
its results as they are, and so does a new version of the workflow that changes none of these
modules. Whatever else such a program imports stands under `DECIDES_NOTHING` with the reason; a test
fails where a module stands in neither.

Of a cheap program (scores, tables, figures) the digest covers the program and every module of the
project that it imports: it is made again in seconds whenever in doubt.

Comments, docstrings, layout, log lines and the texts of errors are in no digest.
"""

import ast
import copy
from functools import cache
from pathlib import Path

from tunegrid.files import digest
from tunegrid.metrics import METRICS
from tunegrid.paths import SCRIPTS
from tunegrid.result_code import (
    BEHIND_READER,
    DECIDES,
    DECIDES_NOTHING,
    DISPLAY,
    OF_ONE_PROGRAM,
)
from tunegrid.settings import CellSettings
from tunegrid.source_files import file_digest, imported_names, parse_meaning


def code_digest(program: str) -> str:
    """Twelve hexadecimal digits for the code that decides a program's results.

    Args:
        program: its name under `scripts/`.

    Raises:
        FileNotFoundError: there is no such program or module.
    """
    if program in DECIDES:
        return _digest_of(tuple(DECIDES[program]))
    return _program_digest(program)


def training_code(settings: CellSettings) -> str:
    """The digest of the code that decides the result of a cell, its selecting metric included."""
    train = settings.train
    return _training_code(train.select_metric if train.select == "best_dev" else None)


def training_codes() -> set[str]:
    """The digests of the code that decides the result of any cell, whatever metric selects."""
    return {_training_code(metric) for metric in (None, *METRICS)}


def _training_code(selecting_metric: str | None) -> str:
    modules = list(DECIDES["train"])
    if selecting_metric is not None:
        modules.append(f"metrics:{selecting_metric}")
    return _digest_of(tuple(modules))


def reader_code(reader: str) -> str:
    """The digest of the code that reads a task: with its own reader, not those of other tasks."""
    modules = [f"tasks.readers.{reader}"]
    for entry in BEHIND_READER.get(reader, []):
        package = entry.removesuffix(".*")
        if package == entry:
            modules.append(entry)
        else:
            names = sorted(path.stem for path in module_file(package).parent.glob("[!_]*.py"))
            modules += [f"{package}.{name}" for name in names]
    return _digest_of((*DECIDES["fetch_task"], *modules))


@cache
def _digest_of(modules: tuple[str, ...]) -> str:
    """The digest of these modules, or of single definitions in them (`module:name`)."""
    parts = []
    for entry in sorted(modules):
        module, _, name = entry.partition(":")
        path = module_file(module)
        parts.append(f"{entry}:{_definition_digest(path, name) if name else file_digest(path)}")
    return digest("\n".join(parts))


def _definition_digest(path: Path, name: str) -> str:
    """The digest of one function, class or constant of a file, and of what it uses of the project.

    What it uses of the same file is taken definition by definition, other modules as a whole.

    Raises:
        FileNotFoundError: the file defines nothing of this name.
    """
    body = parse_meaning(path).body
    defined = {own: _without_display(node) for node in body for own in _names_defined(node)}
    imported = {
        alias.asname or alias.name: node.module
        for node in body
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("tunegrid.")
        for alias in node.names
    }
    if name not in defined:
        raise FileNotFoundError(f"tunegrid.{_module_name(path)} defines no {name}")
    pending, parts = [name], dict[str, str]()
    while pending:
        used = pending.pop()
        if used in parts:
            continue
        if used in defined:
            parts[used] = ast.dump(defined[used])
            pending += _names_used(defined[used])
        elif used in imported:
            parts[used] = file_digest(module_file(str(imported[used]).removeprefix("tunegrid.")))
    return digest("\n".join(parts[used] for used in sorted(parts)))


def _names_used(node: ast.stmt) -> set[str]:
    """The names in a definition, but for those of its decorators themselves."""
    decorators = {
        id(decorator.func)
        for decorator in getattr(node, "decorator_list", [])
        if isinstance(decorator, ast.Call)
    }
    return {
        one.id for one in ast.walk(node) if isinstance(one, ast.Name) and id(one) not in decorators
    }


def _without_display(node: ast.stmt) -> ast.stmt:
    """A definition without the keywords of its decorators that only say how it is shown."""
    if not isinstance(node, ast.FunctionDef):
        return node
    node = copy.deepcopy(node)
    for decorator in node.decorator_list:
        if isinstance(decorator, ast.Call):
            decorator.keywords = [one for one in decorator.keywords if one.arg not in DISPLAY]
    return node


@cache
def _program_digest(program: str) -> str:
    """The digest of a program and of every module of the project that it imports, anywhere."""
    files = [SCRIPTS / f"{program}.py", *imported_files(program)]
    parts = [f"{path.relative_to(SCRIPTS)}:{file_digest(path)}" for path in sorted(files)]
    return digest("\n".join(parts))


def imported_files(program: str) -> set[Path]:
    """The files of the project that a program imports, at any depth and also inside functions.

    Raises:
        FileNotFoundError: there is no such program.
    """
    pending = list(_imports_of(SCRIPTS / f"{program}.py"))
    found: set[Path] = set()
    while pending:
        path = pending.pop()
        if path not in found:
            found.add(path)
            pending.extend(_imports_of(path))
    return found


def unaccounted_modules(program: str) -> list[str]:
    """The modules that an expensive program imports and that are declared nowhere.

    Returns:
        Their names below `tunegrid`; the package itself is the empty name.
    """
    decides = {entry.partition(":")[0] for entry in DECIDES[program]}
    modules = [_module_name(path) for path in sorted(imported_files(program))]
    harmless = DECIDES_NOTHING | OF_ONE_PROGRAM.get(program, {})
    return [
        module for module in modules if module not in decides and not _is_among(harmless, module)
    ]


def _module_name(path: Path) -> str:
    parts = path.relative_to(SCRIPTS / "tunegrid").with_suffix("").parts
    return ".".join(part for part in parts if part != "__init__")


def _is_among(declared: dict[str, str], module: str) -> bool:
    """Whether a module is declared itself, or by a package that it is in (`name.*`)."""
    parts = module.split(".")
    packages = [".".join([*parts[:depth], "*"]) for depth in range(1, len(parts) + 1)]
    return any(name in declared for name in (module, *packages))


def module_file(name: str) -> Path:
    """The file of the module `tunegrid.<name>`; of a package, its `__init__.py`.

    Raises:
        FileNotFoundError: there is no such module.
    """
    path = SCRIPTS / "tunegrid" / Path(*name.split("."))
    candidates = [path / "__init__.py", path.with_suffix(".py")] if name else [path / "__init__.py"]
    for candidate in candidates:
        if candidate.is_file():
            return candidate
    raise FileNotFoundError(f"there is no module tunegrid.{name}")


def _names_defined(node: ast.stmt) -> list[str]:
    """The names that a statement at a module's top defines."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return [node.name]
    if isinstance(node, ast.Assign):
        return [target.id for target in node.targets if isinstance(target, ast.Name)]
    if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
        return [node.target.id]
    return []


@cache
def _imports_of(path: Path) -> tuple[Path, ...]:
    """The files of the project that one file imports."""
    names = [name for name in imported_names(path) if name.split(".")[0] == "tunegrid"]
    return tuple(sorted({file for name in names for file in _files_of(name)}))


@cache
def _files_of(name: str) -> tuple[Path, ...]:
    """The files that importing module `name` executes: its packages' and its own."""
    package = name.rpartition(".")[0]
    above = _files_of(package) if package else ()
    path = SCRIPTS.joinpath(*name.split("."))
    if path.with_suffix(".py").is_file():
        return (*above, path.with_suffix(".py"))
    if (path / "__init__.py").is_file():
        return (*above, path / "__init__.py")
    return above
