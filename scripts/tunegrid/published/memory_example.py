"""A paper's example of how much memory a training step takes, as the block `memory` describes it.

The set-up (batch, tokens, networks, methods, ways to compute) is traced again; what the paper
printed (`memory.csv`, see `tunegrid.published.memory_case`), and its errors, stand beside what is
found. Texts quote computed quantities by name. Light: the planning reads and checks it.
"""

import re
from collections.abc import Collection, Iterator
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from tunegrid.config.entries import Name
from tunegrid.config.messages import nearest
from tunegrid.config.origin import KeyPath
from tunegrid.config.value_types import Closed
from tunegrid.published.formulas import formula_problem, text_problem

#: Units that every formula and text may use, in bytes.
UNITS = {"GB": 1e9, "GiB": 2.0**30}
#: Names that mean something in every example.
RESERVED = ["batch", "tokens", *UNITS]


def _is_identifier(name: str) -> str:
    if not re.fullmatch("[A-Za-z_][A-Za-z0-9_]*", name) or name in RESERVED:
        raise ValueError(
            f"{name!r} is no name of a quantity; use letters, digits and _, and none of"
            f" {', '.join(RESERVED)}"
        )
    return name


#: A quantity's name, as formulas and texts use it.
Identifier = Annotated[str, AfterValidator(_is_identifier)]


class Way(Closed):
    """How a step is computed; what is not given is as training does it."""

    attention: Literal["eager", "sdpa"] | None = Field(
        default=None, description="Attention kernels; null: sdpa."
    )
    precision: Literal["fp32", "bf16", "pure-bf16"] | None = Field(
        default=None, description="Arithmetic; bf16: autocast, weights stay fp32; null: fp32."
    )
    checkpointing: bool | None = Field(
        default=None, description="Whether layers are computed again in the backward pass."
    )


class Shape(Closed):
    """A number in a network's `config.json`."""

    network: Name = Field(description="The network.")
    key: str = Field(description="The key, such as vocab_size.")


class Traced(Closed):
    """Something that a traced step tells: bytes, or a number of weights."""

    network: Name = Field(description="The network.")
    method: Name = Field(description="The method.")
    way: str = Field(description="The way, one of `ways`.")
    what: Literal["peak", "activations", "trainable_parameters", "total_parameters"] = Field(
        description="peak: bytes at the peak; activations: bytes of them then; or a count."
    )


class Quantity(Closed):
    """A computed number that texts quote: exactly one of its three kinds."""

    shape: Shape | None = Field(default=None, description="A number of a network's shape.")
    traced: Traced | None = Field(default=None, description="What a traced step tells.")
    formula: str | None = Field(
        default=None, description="Arithmetic of numbers and of quantities that stand before it."
    )

    @model_validator(mode="after")
    def _is_of_one_kind(self) -> Self:
        kinds = (self.shape, self.traced, self.formula)
        if sum(kind is not None for kind in kinds) != 1:
            raise ValueError("gives none or several of shape, traced and formula; give one")
        return self


class Erratum(Closed):
    """One error of the paper's arithmetic; its texts may quote quantities."""

    what: str = Field(description="Where the error is.")
    written: str = Field(description="What the paper writes there.")
    right: str = Field(description="What is right.")
    why: str = Field(description="Why, in a line.")


class TracedColumn(Closed):
    """A column of traced figures beside the published ones."""

    name: Identifier = Field(description="The column's name in the CSV.")
    title: str = Field(description="The column's title for readers.")
    way: str = Field(description="The way whose traced step it shows.")


class Beside(Closed):
    """What stands beside the published figures."""

    network: Name = Field(description="The network that the paper counts.")
    columns: list[TracedColumn] = Field(min_length=1, description="The columns.")


class TableText(Closed):
    """How a table is introduced; both texts may quote quantities."""

    title: str = Field(description="One line over the table.")
    note: str = Field(default="", description="What stands under it.")


class TableTexts(Closed):
    """The example's three tables."""

    published: TableText = Field(description="Published figures beside traced ones.")
    corrected: TableText = Field(description="Every network, method and way, traced.")
    errata: TableText = Field(description="The errors, each beside what is right.")


class MemoryExample(Closed):
    """The block `memory` of a paper."""

    batch: int = Field(ge=1, description="Examples of a step.")
    tokens: int = Field(ge=1, description="Tokens of each.")
    labels: int = Field(default=2, ge=2, description="Labels of networks that classify.")
    networks: list[Name] = Field(
        min_length=1,
        description="Networks: <name>.json in the paper's folder, or a shape that ships.",
    )
    methods: list[Name] = Field(min_length=1, description="Methods, by their catalogue names.")
    reference: Name = Field(description="The method of which the others' memory is a share.")
    ways: dict[str, Way] = Field(min_length=1, description="Ways to compute the step, by name.")
    beside: Beside = Field(description="What stands beside the figures of memory.csv.")
    quantities: dict[Identifier, Quantity] = Field(
        default_factory=dict, description="Computed numbers that the texts quote."
    )
    errata: list[Erratum] = Field(min_length=1, description="Errors of the paper's arithmetic.")
    tables: TableTexts = Field(description="Titles and notes of the tables.")

    def known_names(self) -> list[str]:
        """The names that its texts may quote."""
        return [*RESERVED, *self.quantities]


#: A key below `memory`, and what is wrong there, in words.
Problem = tuple[KeyPath, str]


def example_problems(example: MemoryExample) -> Iterator[Problem]:
    """What the types of the block `memory` cannot tell: names, formulas and texts."""
    yield from _unknown_name(("reference",), example.reference, example.methods)
    yield from _unknown_name(("beside", "network"), example.beside.network, example.networks)
    for index, column in enumerate(example.beside.columns):
        yield from _unknown_name(("beside", "columns", index, "way"), column.way, example.ways)
    yield from _quantity_problems(example)
    yield from _text_problems(example)


def _quantity_problems(example: MemoryExample) -> Iterator[Problem]:
    """Quantities that refer to something unknown, or to a quantity that stands after them."""
    known = [*RESERVED]
    for name, quantity in example.quantities.items():
        key = ("quantities", name)
        if quantity.formula is not None:
            if problem := formula_problem(quantity.formula, known):
                yield (*key, "formula"), problem
        elif quantity.shape is not None:
            where = (*key, "shape", "network")
            yield from _unknown_name(where, quantity.shape.network, example.networks)
        elif quantity.traced is not None:
            traced = quantity.traced
            yield from _unknown_name((*key, "traced", "network"), traced.network, example.networks)
            yield from _unknown_name((*key, "traced", "method"), traced.method, example.methods)
            yield from _unknown_name((*key, "traced", "way"), traced.way, example.ways)
        known.append(name)


def _text_problems(example: MemoryExample) -> Iterator[Problem]:
    """Texts of errata and tables that quote something unknown."""
    texts: dict[KeyPath, str] = {}
    for index, erratum in enumerate(example.errata):
        texts |= {("errata", index, key): text for key, text in erratum}
    for table, introduction in example.tables:
        texts |= {("tables", table, key): text for key, text in introduction}
    for where, text in texts.items():
        if problem := text_problem(text, example.known_names()):
            yield where, problem


def _unknown_name(key: KeyPath, name: str, known: Collection[str]) -> Iterator[Problem]:
    """That a name is none of those that the example declares."""
    if name not in known:
        yield key, f"unknown name {name!r}; {nearest(name, known)}"
