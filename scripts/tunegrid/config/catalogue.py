"""What an entry of the catalogues of models, tasks and methods may say.

The catalogues are `config/models.yaml`, `config/tasks.yaml` and `config/methods.yaml`; a
configuration adds entries of its own under `models`, `tasks` and `methods`.
"""

import re
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    model_validator,
)

#: Catalogue names become folder names and Snakemake wildcards.
Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.+-]*$")]


def _stays_inside(path: str) -> str:
    if path.startswith("/") or ".." in path.split("/"):
        raise ValueError("leaves its folder; give a path below it")
    return path


def _is_repository(name: str) -> str:
    if not re.fullmatch(r"[\w.-]+/[\w.-]+", name):
        raise ValueError(f"{name!r} is no repository; write owner/name")
    return name


#: A path inside a data root or a package; it never leaves it.
RelativePath = Annotated[str, StringConstraints(min_length=1), AfterValidator(_stays_inside)]


class Entry(BaseModel):
    """A closed, strict, immutable catalogue entry."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)
    #: Keys that say something about an entry but do not decide a result.
    descriptive: ClassVar[set[str]] = {"title", "licence"}

    def settings(self) -> dict[str, Any]:
        """The keys that decide a result, without the descriptive ones, as JSON values."""
        return self.model_dump(mode="json", exclude=self.descriptive, exclude_none=True)


class Hub(Entry):
    """A repository of the Hugging Face hub."""

    repository: Annotated[str, AfterValidator(_is_repository)] = Field(description="owner/name")
    revision: str = Field(
        min_length=1,
        description="Commit; a branch or tag is taken as it stands when it is fetched.",
    )


class Package(Entry):
    """An installed Python package that carries the files; it is read, never imported."""

    name: str = Field(description="Distribution name.")
    version: str = Field(description="Exact version; another one is refused.")


class ModelEntry(Entry):
    """Where a pretrained encoder comes from; exactly one of hub, package and folder."""

    descriptive: ClassVar[set[str]] = {"title", "licence", "without"}

    licence: str | None = Field(None, description="SPDX identifier of the weights' licence.")
    hub: Hub | None = Field(None, description="Repository and pinned revision.")
    package: Package | None = Field(None, description="Package that carries it.")
    folder: str | None = Field(
        None, description="Folder with config, weights and tokenizer; inside the package, if any."
    )
    tokenizer: Name | None = Field(
        None, description="Model that it shares its tokenizer with; null: its own."
    )
    without: list[Name] | None = Field(
        None, description="Methods that it cannot be trained with; a grid with one is refused."
    )
    padding_side: Literal["left", "right"] | None = Field(
        None, description="Where shorter texts of a batch are padded; null: the tokenizer's own."
    )
    padding_dependent: bool | None = Field(
        None,
        description="Whether a model whose predictions depend on padding is trained all the same;"
        " tables say so. Null: it is refused.",
    )
    head: Literal["fresh", "keep"] | None = Field(
        None,
        description="fresh (as null): the classification head is drawn from the seed; keep: the"
        " checkpoint's own head, whose labels must be those of the task by name.",
    )

    @model_validator(mode="after")
    def _padding_is_the_tokenizer_s(self) -> Self:
        if self.tokenizer and self.padding_side:
            raise ValueError(
                "names `padding_side` beside `tokenizer`; name it in the entry of the model whose"
                f" tokenizer it shares, {self.tokenizer}"
            )
        return self

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if self.hub and (self.package or self.folder):
            raise ValueError("names two sources; keep either hub or package/folder")
        if not self.hub and not self.folder:
            raise ValueError("names no source; give hub, or folder (with package, if it is in one)")
        return self


class Counts(Entry):
    """How many examples each split has as it ships."""

    train: int = Field(ge=1, description="Examples of train.")
    dev: int | None = Field(None, ge=1, description="Examples of dev, if there is one.")
    test: int = Field(ge=1, description="Examples of test.")


class Split(Entry):
    """How a task that ships as one file is split."""

    by: Literal["example", "label", "group"] = Field(
        description="example: at random; label: stratified; group: no group is in two splits."
    )
    test: float = Field(gt=0, lt=1, description="Share of test.")
    dev: float = Field(0.0, ge=0, lt=1, description="Share of dev, of what test leaves.")
    seed: int = Field(ge=0, description="Seed of the split.")


#: A column's name; its position, from 0, in a file without a line of names.
Column = Annotated[str, StringConstraints(min_length=1)] | Annotated[int, Field(ge=0)]


class Columns(Entry):
    """Where a table holds what an example is made of."""

    text: Column = Field(description="The text, or the first of a pair.")
    text_pair: Column | None = Field(None, description="The second text of a pair.")
    label: Column = Field(description="The label.")
    id: Column | None = Field(None, description="Unique in its file; null: the row's line.")
    group: Column | None = Field(None, description="What `split: {by: group}` keeps together.")

    @model_validator(mode="after")
    def _of_one_kind(self) -> Self:
        given = [value for _, value in self if value is not None]
        if len({type(value) for value in given}) > 1:
            raise ValueError("mixes names and positions; a file has a line of names or has none")
        return self


class TaskEntry(Entry):
    """A text classification task: where its files lie and what must be in them."""

    descriptive: ClassVar[set[str]] = {"title", "licence", "homepage"}

    title: str | None = Field(None, description="What is classified, for the table of tasks.")
    licence: str | None = Field(None, description="Licence of the data.")
    reader: Name = Field(description="Reader of its files (`tunegrid.tasks.readers`).")
    homepage: str | None = Field(None, description="Where people find the data; not read.")
    hub: Hub | None = Field(None, description="Data set repository that holds the files.")
    package: Package | None = Field(
        None, description="Package that carries the files; without hub, too: under `data_root`."
    )
    files: dict[Literal["train", "dev", "test", "all"], RelativePath] = Field(
        min_length=1,
        description="Files of each split, or `all` of them to be split: one, those of a folder, or"
        " of a pattern (`train-*.parquet`).",
    )
    columns: Columns | None = Field(None, description="Columns of reader `table`.")
    values: dict[str, str] | None = Field(
        None, description="Label name of each value in the files, of reader `table`; null: itself."
    )
    split: Split | None = Field(None, description="How the file `all` is split.")
    labels: list[str] = Field(min_length=2, description="Label names, in the order of their ids.")
    counts: Counts | None = Field(
        None, description="Examples of each split; another count is an error. Null: any."
    )

    @model_validator(mode="after")
    def _splits(self) -> Self:
        if self.hub and self.package:
            raise ValueError("names two sources; keep either hub or package")
        if ("all" in self.files) != (self.split is not None):
            raise ValueError("names `files: {all: …}` and `split` together or neither")
        if "all" in self.files and len(self.files) > 1:
            raise ValueError("names `files: {all: …}` beside other files; name one or the other")
        if "all" not in self.files and not {"train", "test"} <= set(self.files):
            raise ValueError("names no train or no test file; name both, or `all`")
        if len(set(self.labels)) < len(self.labels):
            raise ValueError("names a label twice")
        return self

    @model_validator(mode="after")
    def _of_a_table(self) -> Self:
        if (self.reader == "table") != (self.columns is not None):
            raise ValueError("names `columns` for reader table, and for no other reader")
        if self.values is not None and self.columns is None:
            raise ValueError("names `values`, which only reader table knows")
        if unknown := sorted(set((self.values or {}).values()) - set(self.labels)):
            raise ValueError(f"maps values to {', '.join(unknown)}, which `labels` does not name")
        return self

    @property
    def under_data_root(self) -> bool:
        """Whether its files lie under the configuration's data root."""
        return not self.package and not self.hub

    @property
    def has_dev(self) -> bool:
        """Whether the task itself provides a dev split."""
        return "dev" in self.files or bool(self.split and self.split.dev)


class MethodEntry(Entry):
    """How a model is changed, and what of it is trained."""

    kind: Literal["full", "head", "bitfit", "adapter"] = Field(
        description="What trains: full: every weight; head: the classification head alone; bitfit:"
        " biases and the head; adapter: the adapter and the head."
    )
    adapter: str | None = Field(
        None, description="Configuration string of the adapters library, for kind adapter."
    )
    bottleneck_size: int | None = Field(
        None, ge=1, description="Hidden size of the bottleneck; replaces the reduction factor."
    )

    @model_validator(mode="after")
    def _adapter_is_named(self) -> Self:
        if (self.kind == "adapter") != (self.adapter is not None):
            raise ValueError("names `adapter` for kind adapter, and for no other kind")
        if self.bottleneck_size and self.kind != "adapter":
            raise ValueError("names bottleneck_size, which only kind adapter has")
        return self


#: The catalogues, and what an entry of each is.
CATALOGUES: dict[str, type[Entry]] = {
    "models": ModelEntry,
    "tasks": TaskEntry,
    "methods": MethodEntry,
}
