"""The files of a split, as an entry of the catalogue of tasks names them."""

from typing import Annotated, Any, NamedTuple

from pydantic import BeforeValidator

from tunegrid.config.entries import Word, stays_inside
from tunegrid.config.task_columns import as_list


class FilePattern(NamedTuple):
    """A path of `files`: a file, a folder, or a pattern.

    Attributes:
        path: below the folder that the task's source is; it may enter an archive
            (`corpus.zip/train.csv`), and LABEL_IN_PATH may stand in it.
        label: of all examples of its files; None if they have their own.
    """

    path: str
    label: str | None


def _checked_files(value: Any) -> Any:
    """The files of a split, with one message for what they cannot be."""
    sets = list(value.values()) if isinstance(value, dict) else [value]
    paths = [path for one in sets for path in as_list(one)]
    if not paths or not all(isinstance(path, str) and path for path in paths):
        raise ValueError(
            f"{value!r} names no files; give a path, a list of paths, or a mapping of each label to"
            " its path"
        )
    for path in paths:
        stays_inside(path)
    return value


#: A path, several paths, or the paths of each label.
Files = Annotated[
    str | list[str] | dict[Word, str | list[str]],
    BeforeValidator(_checked_files),
]


def patterns_of(files: Any) -> list[FilePattern]:
    """The paths of a split, each with the label that it stands for."""
    if isinstance(files, dict):
        return [
            FilePattern(path, label) for label, paths in files.items() for path in as_list(paths)
        ]
    return [FilePattern(path, None) for path in as_list(files)]
