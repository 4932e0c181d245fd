"""How a task is split, and what differs between the files of its splits."""

from typing import Annotated, Literal, Self, get_args

from pydantic import Field, model_validator

from tunegrid.config.dialects import Dialect
from tunegrid.config.entries import Entry, Word
from tunegrid.config.task_columns import Columns
from tunegrid.config.task_values import Values

SplitName = Literal["train", "dev", "test"]
#: The splits that a task may have, in the order in which they are told of.
SPLITS: tuple[str, ...] = get_args(SplitName)


class Counts(Entry):
    """How many examples each split has as it ships, without those that are dropped."""

    train: int = Field(ge=1, description="Examples of train.")
    dev: int | None = Field(None, ge=1, description="Examples of dev, if there is one.")
    test: Annotated[int, Field(ge=1)] | dict[str, Annotated[int, Field(ge=1)]] | None = Field(
        None,
        description="Examples of test, if there is one; of several test splits those of all, or of"
        " each by its name.",
    )


class Split(Entry):
    """How a task is split that ships as one file, or without a test split."""

    by: Literal["example", "label", "group", "column"] = Field(
        description="example: at random; label: stratified; group: no group is in two splits;"
        " column: as `columns: {split: …}` says."
    )
    test: float | None = Field(None, gt=0, lt=1, description="Share of test.")
    dev: float = Field(0.0, ge=0, lt=1, description="Share of dev, of what test leaves.")
    seed: int | None = Field(None, ge=0, description="Seed of the split.")
    values: dict[Word, SplitName] | None = Field(
        None,
        description="by column: the split that each of its values stands for; null: the values are"
        " train, dev and test themselves.",
    )

    @model_validator(mode="after")
    def _is_told_how(self) -> Self:
        if self.by == "column":
            if self.test is not None or self.dev or self.seed is not None:
                raise ValueError("names shares or a seed, but `by: column`; take them out")
            return self
        if self.values is not None:
            raise ValueError("names `values`, which only `by: column` has")
        if self.test is None or self.seed is None:
            raise ValueError("names no `test` or no `seed`; name the share of test and the seed")
        return self


class InOneSplit(Entry):
    """What differs in the files of one split; keys of the entry's own that it repeats win."""

    columns: Columns | None = Field(None, description="Columns of this split.")
    dialect: Dialect | None = Field(None, description="Keys of `dialect` that differ.")
    values: Values | None = Field(None, description="`values` of this split.")
