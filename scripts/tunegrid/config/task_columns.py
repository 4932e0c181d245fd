"""Columns of a task's files: what each holds, and which rows are no examples."""

from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from tunegrid.config.entries import Entry, Word


def _is_column(value: Any) -> bool:
    if isinstance(value, str):
        return value != ""
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _checked_columns(value: Any) -> Any:
    """A column, or several, with one message for what is neither."""
    given = as_list(value)
    if not given:
        raise ValueError("is empty; name at least one column")
    for column in given:
        _checked_column(column)
    return value


def _checked_column(value: Any) -> Any:
    if not _is_column(value):
        raise ValueError(f"{value!r} is no column; give its name, or its position from 0")
    return value


def as_list(value: Any) -> list[Any]:
    """Several values as they are; one as a list of one."""
    return value if isinstance(value, list) else [value]


#: A column's name, or a path to it; its position, from 0, in a file without a line of names.
Column = Annotated[str | int, BeforeValidator(_checked_column)]
OneOrMoreColumns = Annotated[Column | list[Column], BeforeValidator(_checked_columns)]


class Columns(Entry):
    """Where a row holds what an example is made of: names, positions, or paths (json, xml)."""

    text: OneOrMoreColumns = Field(
        "text", description="The text, or the first of a pair; a list is joined by `dialect.join`."
    )
    text_pair: OneOrMoreColumns | None = Field(None, description="The second text of a pair.")
    label: OneOrMoreColumns | None = Field(
        None,
        description="The label; null: `label`, where it comes from nowhere else. A list, of target"
        " multi_label: a column for each label, which holds 0 or 1.",
    )
    id: Column | None = Field(None, description="Unique in its file; null: the row's line.")
    group: Column | None = Field(None, description="What `split: {by: group}` keeps together.")
    split: Column | None = Field(None, description="What `split: {by: column}` reads.")

    @model_validator(mode="after")
    def _of_one_kind(self) -> Self:
        given = [column for _, value in self if value is not None for column in as_list(value)]
        # The default of `text` says nothing where other columns are positions.
        if "text" not in self.model_fields_set:
            given.remove("text")
        if len({type(column) for column in given}) > 1:
            raise ValueError("mixes names and positions; a file has a line of names or has none")
        return self


def check_texts(columns: Columns, join: str | None) -> None:
    """Refuse texts of several columns with nothing to put between them.

    Raises:
        ValueError: `join` is None where one of them has several columns.
    """
    for key in ("text", "text_pair"):
        if len(as_list(getattr(columns, key))) > 1 and join is None:
            raise ValueError(
                f"names several columns of `{key}`; name what stands between their texts: `dialect:"
                ' {join: " "}`'
            )


def check_label_columns(columns: list[Column], labels: Any) -> None:
    """Refuse a column for each label whose label is not known.

    Args:
        columns: one for each label.
        labels: of the entry: a list, or auto.

    Raises:
        ValueError: there are more or fewer labels than columns, or columns without names are to
            name them.
    """
    if labels == "auto" and isinstance(columns[0], int):
        raise ValueError("names columns of `label` by position, and `labels: auto`; list `labels`")
    if isinstance(labels, list) and len(labels) != len(columns):
        raise ValueError(
            f"names {len(columns)} columns of `label` and {len(labels)} `labels`; a column for each"
            " label is needed, in the order of the labels"
        )


class Condition(Entry):
    """A condition on the value of a column."""

    column: Column = Field(description="The column.")
    equals: list[Word] | None = Field(None, min_length=1, description="It is one of these values.")
    differs_from: list[Word] | None = Field(
        None, min_length=1, description="It is none of these values."
    )
    below: float | None = Field(None, description="It is a number smaller than this.")
    above: float | None = Field(None, description="It is a number larger than this.")

    @model_validator(mode="after")
    def _says_one_thing(self) -> Self:
        if len([key for key, value in self if key != "column" and value is not None]) != 1:
            raise ValueError(
                "names none or several of equals, differs_from, below, above; name one"
            )
        return self


class Drop(Entry):
    """Which rows are no examples. They are counted; everything else that is wrong is refused."""

    labels: list[Word] | None = Field(
        None, min_length=1, description="Rows with these labels, as they stand in the files."
    )
    empty: list[Literal["text", "text_pair"]] | None = Field(
        None, min_length=1, description="Rows in which one of these is empty, or blank."
    )
    missing: list[Literal["text", "text_pair", "label"]] | None = Field(
        None, min_length=1, description="Rows in which one of these is null, or not there."
    )
    where: list[Condition] | None = Field(
        None, min_length=1, description="Rows that meet one of these conditions."
    )
