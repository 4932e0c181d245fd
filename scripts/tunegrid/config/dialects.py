"""How a task's files are parsed, where the endings of their names do not tell."""

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from tunegrid.config.entries import Entry

Format = Literal["csv", "tsv", "lines", "document", "json", "jsonl", "parquet", "xlsx", "xml"]


def _is_encoding(name: str) -> str:
    try:
        # Not `codecs.lookup`, which also knows codecs of bytes (hex).
        "a".encode(name)
    except LookupError:
        raise ValueError(
            f"unknown encoding {name!r}; write utf-8, latin-1, cp1252, utf-16 or another that"
            " Python knows"
        ) from None
    return name


class Dialect(Entry):
    """How files are cut into rows, and rows into cells. What is null is as the format has it."""

    format: Format | None = Field(
        None,
        description="csv, tsv: rows of cells; lines: a text on each line; document: a text in each"
        " file; json: records in one value; jsonl: a record on each line; parquet; xlsx; xml."
        " Null: by the ending of the file's name.",
    )
    encoding: Annotated[str, AfterValidator(_is_encoding)] | None = Field(
        None, description="Encoding of text files; null: utf-8."
    )
    skip: int | None = Field(None, ge=1, description="Lines before the first row.")
    header: bool | None = Field(
        None,
        description="Whether the first row names the columns; null: if `columns` gives names.",
    )
    separator: str | None = Field(
        None, min_length=1, description="Between the cells of csv (null: a comma) and tsv (a tab)."
    )
    quoting: Literal["minimal", "none"] | None = Field(
        None,
        description="minimal: a cell in quotation marks may hold the separator, line ends and, two"
        " for one, quotation marks; none: quotation marks are part of the text. Null: minimal in"
        " csv and tsv, none in .txt; what looks otherwise is then refused.",
    )
    quotechar: str | None = Field(
        None, min_length=1, max_length=1, description='The quotation mark; null: `"`.'
    )
    escapechar: str | None = Field(
        None,
        min_length=1,
        max_length=1,
        description="Takes from the character that follows it its meaning; null: none does.",
    )
    comment: str | None = Field(
        None, min_length=1, description="Lines that begin with it are skipped; null: none."
    )
    strip: bool | None = Field(
        None, description="Whether blanks around cells and column names are cut off; null: kept."
    )
    join: str | None = Field(
        None,
        description="Put between the words of a list and between the columns of `text`; null: lists"
        " are refused.",
    )
    records: str | None = Field(
        None,
        min_length=1,
        description="Where the records are: in json a path of keys (`data.train`), in xml an XPath"
        " (`//sentence`).",
    )
    sheet: str | None = Field(
        None, min_length=1, description="Sheet of xlsx; null: the only one that is not empty."
    )
    replaced: Literal["keep"] | None = Field(
        None,
        description="keep: texts in which characters were lost before (U+FFFD, NUL) are taken;"
        " null: they are refused.",
    )

    @model_validator(mode="after")
    def _goes_together(self) -> Self:
        if self.quoting == "none" and self.quotechar:
            raise ValueError("names `quotechar`, but `quoting: none`; keep one of them")
        if len(self.separator or "") > 1 and self.quoting != "none":
            raise ValueError(
                f"names a separator of several characters ({self.separator!r}), which needs"
                " `quoting: none`"
            )
        return self
