"""What a task asks for, and how its entry writes labels and values."""

from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from tunegrid.config.entries import Entry, Word, as_word


class Target(Entry):
    """What a task asks for, where it is not one label out of several."""

    kind: Literal["multi_label", "regression"] = Field(
        description="multi_label: any number of labels; regression: a number."
    )
    separator: str | None = Field(
        None,
        min_length=1,
        description="multi_label: between the labels in a cell; null: the cell is a list (json,"
        " parquet), or each label has a column.",
    )
    range: list[float] | None = Field(
        None,
        min_length=2,
        max_length=2,
        description="regression: the least and the greatest number; others are refused.",
    )

    @model_validator(mode="after")
    def _of_its_kind(self) -> Self:
        if self.kind == "regression" and self.separator:
            raise ValueError("names `separator`, which only multi_label has")
        if self.kind == "multi_label" and self.range:
            raise ValueError("names `range`, which only regression has")
        if self.range and self.range[0] >= self.range[1]:
            raise ValueError(f"names the range {self.range}; write [least, greatest]")
        return self


def _values_as_words(value: Any) -> Any:
    """`values` with keys as the files spell them: of a truth value, as JSON does."""
    if not isinstance(value, dict):
        return value
    return {
        (str(key).lower() if isinstance(key, bool) else key): label for key, label in value.items()
    }


#: The label that each value in the files stands for.
Values = Annotated[dict[Word, Word], BeforeValidator(_values_as_words)]


def _checked_labels(value: Any) -> Any:
    if value == "auto":
        return value
    if not isinstance(value, list):
        raise ValueError(f"{value!r} is no list of labels, nor auto; write [first, second]")
    words = [as_word(label) for label in value]
    for word in words:
        if not isinstance(word, str):
            raise ValueError(f"{word!r} is no label; write each label as one word or text")
    return words


Labels = Annotated[list[str] | Literal["auto"], BeforeValidator(_checked_labels)]
