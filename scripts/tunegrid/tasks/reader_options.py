"""What a task's entry tells a reader of your own: its options, and its further files.

A reader declares its options as a class `Options` in its module, and asks for them in `read`:

    class Options(ReaderOptions):
        prefix: str = "__label__"

    def read(file: TaskFile) -> Iterator[Example]:
        options = Options.of(file)

Planning holds `options` of the entry against this class; so does the fetch.
"""

import importlib
from collections.abc import Iterator
from pathlib import Path
from typing import Self

from pydantic import BaseModel, ConfigDict, ValidationError

from tunegrid.config.messages import validation_messages
from tunegrid.config.origin import Origins
from tunegrid.config.task_entry import TaskEntry
from tunegrid.errors import UserError
from tunegrid.tasks.task_file import TaskFile


class ReaderOptions(BaseModel):
    """The options of a reader: closed, so that a misspelt one is refused, and of strict types."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    @classmethod
    def of(cls, file: TaskFile) -> Self:
        """The options that the entry of a file's task gives.

        Raises:
            UserError: an option is unknown, missing or of a wrong type; one line for each.
        """
        given = file.entry.options or {}
        try:
            return cls.model_validate(given)
        except ValidationError as error:
            raise UserError(*validation_messages(error, cls, _origins(given))) from None


def further_file(file: TaskFile, name: str) -> Path:
    """The further file that an entry names under `also`.

    Raises:
        UserError: it names none under this name.
    """
    if name not in file.also:
        raise UserError(
            f"reader {file.entry.reader} needs the file {name!r};"
            f" name it as `also: {{{name}: path}}`"
        )
    return file.also[name]


def option_problems(entry: TaskEntry) -> Iterator[str]:
    """What is wrong with the options of an entry, by what its reader declares.

    Each line begins with the option's key, below the entry. Without options nothing is imported.
    """
    if entry.options is None:
        return
    module = importlib.import_module(f"tunegrid.tasks.readers.{entry.reader}")
    declared: type[ReaderOptions] | None = getattr(module, "Options", None)
    if declared is None:
        yield f"options: reader {entry.reader} has none; take them out"
        return
    try:
        declared.model_validate(entry.options)
    except ValidationError as error:
        yield from validation_messages(error, declared, _origins(entry.options))


def _origins(options: dict[str, object]) -> Origins:
    return Origins([("options", options)])
