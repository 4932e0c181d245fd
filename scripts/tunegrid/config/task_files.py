"""The files of a split, as an entry of the catalogue of tasks names them."""

import re
from collections.abc import Mapping
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
        test_split: of a task with several test splits, the one that its files are of.
    """

    path: str
    label: str | None
    test_split: str | None = None


def _checked_files(value: Any) -> Any:
    """The files of a split, with one message for what they cannot be."""
    paths = _all_paths(value, depth=2)
    if not paths or not all(isinstance(path, str) and path for path in paths):
        raise ValueError(
            f"{value!r} names no files; give a path, a list of paths, or a mapping of each label to"
            " its path"
        )
    for path in paths:
        stays_inside(path)
    return value


def _all_paths(value: Any, depth: int) -> list[Any]:
    """What stands where paths are meant, below so many mappings at most."""
    if isinstance(value, dict) and depth:
        return [path for one in value.values() for path in _all_paths(one, depth - 1)]
    return as_list(value)


#: A path, several paths, or the paths of each label.
_OfOneSplit = str | list[str] | dict[Word, str | list[str]]
#: The same, or those of each of several test splits.
Files = Annotated[
    str | list[str] | dict[Word, _OfOneSplit],
    BeforeValidator(_checked_files),
]
#: What a test split may be called: its name becomes part of the ids of its examples.
TEST_SPLIT_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")


def has_inner_mapping(files: Any) -> bool:
    """Whether the files of a split are mappings within a mapping, as of test splits of labels."""
    return isinstance(files, dict) and any(isinstance(one, dict) for one in files.values())


def patterns_of(files: Any) -> list[FilePattern]:
    """The paths of a split, each with the label that it stands for."""
    if isinstance(files, dict):
        return [
            FilePattern(path, label) for label, paths in files.items() for path in as_list(paths)
        ]
    return [FilePattern(path, None) for path in as_list(files)]


def patterns_of_test_splits(files: Mapping[str, Any]) -> list[FilePattern]:
    """The paths of all test splits, each with the test split that it is of."""
    return [
        pattern._replace(test_split=name)
        for name, of_split in files.items()
        for pattern in patterns_of(of_split)
    ]
