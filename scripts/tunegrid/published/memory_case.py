"""A paper's memory example with everything that it refers to: figures, shapes, computed quantities.

Light: the planning reads it, so that a wrong file ends before anything runs.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tunegrid.config.messages import nearest
from tunegrid.errors import UserError
from tunegrid.files import read_json
from tunegrid.published.formulas import evaluate, formula_problem
from tunegrid.published.memory_access import find_shipped_shape
from tunegrid.published.memory_example import UNITS, MemoryExample, Traced
from tunegrid.published.number_file import is_number, last_digit, read_rows

COLUMNS = ["method", "component", "gigabytes"]
#: The paper's arithmetic for a figure; empty where it gives none.
FORMULA = "formula"
#: What a published figure may be of; how traced parts make it up stands in
#: `tunegrid.reporting.memory_example_tables`.
COMPONENTS = ("weights", "gradients", "optimizer", "static_total", "activations", "total")


@dataclass(frozen=True)
class MemoryFigure:
    """A figure of memory that a paper prints.

    Attributes:
        method: catalogue name.
        component: one of `COMPONENTS`.
        gigabytes: 10^9 bytes.
    """

    method: str
    component: str
    gigabytes: float


@dataclass(frozen=True)
class MemoryCase:
    """A paper's example with everything that it refers to.

    Attributes:
        example: the block `memory` of `paper.yaml`.
        figures: of `memory.csv`.
        shapes: what the `config.json` of each network holds.
    """

    example: MemoryExample
    figures: list[MemoryFigure]
    shapes: dict[str, dict[str, Any]]

    def recount_setup(self, methods: Mapping[str, dict[str, Any]]) -> dict[str, Any]:
        """What is to be traced, complete, as JSON values (`tunegrid.published.memory_recount`).

        Args:
            methods: the entries of the catalogue of methods (`MethodEntry.settings`).
        """
        return {
            "batch": self.example.batch,
            "tokens": self.example.tokens,
            "labels": self.example.labels,
            # Lists, because JSON with sorted keys would lose the order that tables show.
            "networks": [
                {"name": name, "shape": self.shapes[name]} for name in self.example.networks
            ],
            "methods": [{"name": name, "entry": methods[name]} for name in self.example.methods],
            "ways": [
                {"name": name, "options": way.model_dump(exclude_none=True)}
                for name, way in self.example.ways.items()
            ],
        }


def read_case(example: MemoryExample, folder: Path, label: str) -> MemoryCase:
    """The example with its figures and the shapes of its networks.

    Args:
        example: the block `memory`.
        folder: the paper's.
        label: what messages call it.

    Raises:
        UserError: a file is missing or wrong; one line for each problem.
    """
    shapes, problems = {}, []
    for name in example.networks:
        try:
            shapes[name] = _read_shape(name, folder, label)
        except UserError as error:
            problems += error.problems
    for name, quantity in example.quantities.items():
        if quantity.shape is not None and quantity.shape.network in shapes:
            key = quantity.shape.key
            if type(shapes[quantity.shape.network].get(key)) not in (int, float):
                problems.append(
                    f"{label}/paper.yaml: memory.quantities.{name}.shape.key: the shape of"
                    f" {quantity.shape.network!r} has no number {key!r}"
                )
    if problems:
        raise UserError(*problems)
    figures = list(_read_figures(example, folder / "memory.csv", f"{label}/memory.csv"))
    return MemoryCase(example=example, figures=figures, shapes=shapes)


def _read_shape(name: str, folder: Path, label: str) -> dict[str, Any]:
    """What the `config.json` of a network holds.

    Raises:
        UserError: it is neither in the paper's folder nor in `config/shapes`, or it is no JSON.
    """
    path = folder / f"{name}.json"
    if path.is_file():
        try:
            return dict(read_json(path))
        except (ValueError, TypeError) as error:
            raise UserError(f"{label}/{name}.json: is no JSON object: {error}") from None
    shipped = find_shipped_shape(name)
    if shipped is None:
        raise UserError(
            f"{label}/paper.yaml: memory.networks: no shape of {name!r}; put its config.json into"
            f" the folder as {name}.json"
        )
    return dict(read_json(shipped))


def _read_figures(example: MemoryExample, path: Path, label: str) -> Iterator[MemoryFigure]:
    """The figures of `memory.csv`, each checked against the formula that stands behind it."""
    values = {**UNITS, "batch": float(example.batch), "tokens": float(example.tokens)}
    for line, (method, component, printed, formula) in read_rows(path, label, COLUMNS, [FORMULA]):
        problem = None
        if method not in example.methods:
            problem = f"unknown method {method!r}; {nearest(method, example.methods)}"
        elif component not in COMPONENTS:
            problem = f"unknown component {component!r}; {nearest(component, COMPONENTS)}"
        elif not is_number(printed):
            problem = f"gigabytes {printed!r} is not a number"
        elif formula:
            problem = formula_problem(formula, values) or _difference(printed, formula, values)
        if problem:
            raise UserError(f"{label}:{line}: {problem}")
        yield MemoryFigure(method, component, float(printed))


def _difference(printed: str, formula: str, values: Mapping[str, float]) -> str | None:
    """That a printed figure is not what its formula gives, rounded or cut off; else None."""
    try:
        value = evaluate(formula, values)
    except ArithmeticError as error:
        return f"formula {formula!r} has no value: {error}"
    if abs(value - float(printed)) < last_digit(printed):
        return None
    return (
        f"gigabytes {printed!r} is not what its formula {formula!r} gives, {value:g}; where the"
        " paper itself miscounts, leave the formula out and tell of it in an erratum"
    )


class QuantityValues(Mapping[str, float]):
    """The values of the names that an example's texts may quote, each computed when asked for.

    Args:
        case: the example.
        rows: what was traced, as `tunegrid.published.memory_recount.recount` returns it.

    Raises:
        UserError: when a value is asked for, and what it needs was not traced or has no value.
    """

    def __init__(self, case: MemoryCase, rows: list[dict[str, Any]]) -> None:
        self._case = case
        self._rows = {(row["model"], row["method"], row["way"]): row for row in rows}

    def __iter__(self) -> Iterator[str]:
        return iter(self._case.example.known_names())

    def __len__(self) -> int:
        return len(self._case.example.known_names())

    def __getitem__(self, name: str) -> float:
        example = self._case.example
        if name in UNITS:
            return UNITS[name]
        if name in ("batch", "tokens"):
            return float(example.batch if name == "batch" else example.tokens)
        quantity = example.quantities[name]
        if quantity.formula is not None:
            return self._computed(name, quantity.formula)
        if quantity.shape is not None:
            return float(self._case.shapes[quantity.shape.network][quantity.shape.key])
        if quantity.traced is not None:
            return self._of_trace(name, quantity.traced)
        raise AssertionError(f"quantity {name} is of no kind, which its type forbids")

    def _computed(self, name: str, formula: str) -> float:
        try:
            return evaluate(formula, self)
        except ArithmeticError as error:
            raise UserError(f"quantity {name}: {formula!r} has no value: {error}") from None

    def _of_trace(self, name: str, traced: Traced) -> float:
        key = (traced.network, traced.method, traced.way)
        if key not in self._rows:
            raise UserError(f"quantity {name}: {', '.join(key)} was not traced")
        row = self._rows[key]
        if traced.what == "peak":
            return float(row["traced"])
        if traced.what == "activations":
            return float(row["parts"]["activations"])
        return float(row[traced.what])
