"""What the entries of the catalogues share: their base, names, paths and sources."""

import re
from typing import Annotated, Any, ClassVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
)

#: Catalogue names become folder names and Snakemake wildcards.
Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.+-]*$")]


def stays_inside(path: str) -> str:
    """The path, if it stays below its folder.

    Raises:
        ValueError: it leaves it.
    """
    if path.startswith("/") or ".." in path.split("/"):
        raise ValueError("leaves its folder; give a path below it")
    return path


def _is_repository(name: str) -> str:
    if not re.fullmatch(r"[\w.-]+/[\w.-]+", name):
        raise ValueError(f"{name!r} is no repository; write owner/name")
    return name


def _is_address(address: str) -> str:
    if not re.fullmatch(r"https?://\S+", address):
        raise ValueError(f"{address!r} is no address; write https://…")
    if "@" in address.split("/")[2]:
        raise ValueError("names a login, which results would hold; put it into ~/.netrc")
    return address


def _is_sha256(checksum: str) -> str:
    if not re.fullmatch(r"[0-9a-f]{64}", checksum):
        raise ValueError(
            f"{checksum!r} is no SHA-256 checksum; write its 64 hexadecimal digits, as `sha256sum`"
            " prints them"
        )
    return checksum


def as_word(value: Any) -> Any:
    """A word of YAML as text: quoted or not, a number is a word, too.

    In a file most words arrive as they are spelled (`tunegrid.config.spelled_words`).

    Raises:
        ValueError: YAML has made a truth value or nothing of it, and its spelling is lost.
    """
    if value is None:
        raise ValueError(
            "YAML reads null, ~ and an empty place as no value; write the word in quotes, spelled"
            " as in the files"
        )
    if isinstance(value, bool):
        spellings = "yes, on or true" if value else "no, off or false"
        raise ValueError(
            f"YAML reads {spellings} without quotes as a truth value; write the word in quotes,"
            " spelled as in the files"
        )
    return str(value) if isinstance(value, int | float) else value


#: A path inside a data root, a package or a repository; it never leaves it.
RelativePath = Annotated[str, StringConstraints(min_length=1), AfterValidator(stays_inside)]
#: A label or a cell as text, whether YAML took it for a number or not.
Word = Annotated[str, BeforeValidator(as_word)]


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


class UrlFile(Entry):
    """A file, or an archive of files, at an address of the web."""

    address: Annotated[str, AfterValidator(_is_address)] = Field(description="https://…")
    sha256: Annotated[str, AfterValidator(_is_sha256)] = Field(
        description="Checksum of its bytes; other bytes are refused."
    )
