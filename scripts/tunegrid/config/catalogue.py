"""What an entry of the catalogues of models, tasks and methods may say.

The catalogues are `config/models.yaml`, `config/tasks.yaml` and `config/methods.yaml`; a
configuration adds entries of its own under `models`, `tasks` and `methods`.
"""

from typing import Any, ClassVar, Literal, Self

from pydantic import Field, model_validator

from tunegrid.config.entries import Entry, Hub, Name, Package, RelativePath, UrlFile
from tunegrid.config.peft_entry import first_problem
from tunegrid.config.task_entry import TaskEntry


class ModelEntry(Entry):
    """Where a pretrained encoder comes from; one of hub, package, url and folder."""

    descriptive: ClassVar[set[str]] = {"title", "licence", "without"}

    licence: str | None = Field(None, description="SPDX identifier of the weights' licence.")
    hub: Hub | None = Field(None, description="Repository and pinned revision.")
    package: Package | None = Field(None, description="Package that carries it.")
    url: dict[RelativePath, UrlFile] | None = Field(
        None,
        min_length=1,
        description="Files of the web by their names in the model's folder, or an archive of them.",
    )
    folder: str | None = Field(
        None,
        description="Folder with config, weights and tokenizer; inside the package or the archive,"
        " if any.",
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
        sources = [key for key in ("hub", "package", "url") if getattr(self, key)]
        if len(sources) > 1:
            raise ValueError(f"names several sources, {' and '.join(sources)}; keep one of them")
        if self.hub and self.folder:
            raise ValueError("names two sources; keep either hub or folder")
        if not sources and not self.folder:
            raise ValueError(
                "names no source; give hub, url, or folder (with package, if it is in one)"
            )
        if self.package and not self.folder:
            raise ValueError("names a package, but no folder inside it; name it")
        return self


class MethodEntry(Entry):
    """How a model is changed, and what of it is trained."""

    kind: Literal["full", "head", "bitfit", "adapter", "peft"] = Field(
        description="What trains: full: every weight; head: the classification head alone; bitfit:"
        " biases and the head; adapter: an adapter of the adapters library and the head; peft: what"
        " the peft library adds and the head."
    )
    adapter: str | None = Field(
        None, description="Configuration string of the adapters library, for kind adapter."
    )
    peft: dict[str, Any] | None = Field(
        None,
        description="Configuration of the peft library, for kind peft: `peft_type` and any key that"
        " this type has.",
    )
    bottleneck_size: int | None = Field(
        None, ge=1, description="Hidden size of the bottleneck; replaces the reduction factor."
    )

    @property
    def is_added(self) -> bool:
        """Whether the method adds weights of its own to the model, which can be put aside."""
        return self.kind in ("adapter", "peft")

    @property
    def wording(self) -> str:
        """What a message calls a method that is added: its library and what it is asked for."""
        if self.peft is not None:
            return f"peft: {self.peft['peft_type']}"
        return f"adapter: {self.adapter!r}"

    @model_validator(mode="after")
    def _adapter_is_named(self) -> Self:
        if (self.kind == "adapter") != (self.adapter is not None):
            raise ValueError("names `adapter` for kind adapter, and for no other kind")
        if (self.kind == "peft") != (self.peft is not None):
            raise ValueError("names `peft` for kind peft, and for no other kind")
        if self.peft is not None and (problem := first_problem(self.peft)):
            raise ValueError(problem)
        if self.bottleneck_size and self.kind != "adapter":
            raise ValueError("names bottleneck_size, which only kind adapter has")
        return self


#: The catalogues, and what an entry of each is.
CATALOGUES: dict[str, type[Entry]] = {
    "models": ModelEntry,
    "tasks": TaskEntry,
    "methods": MethodEntry,
}
