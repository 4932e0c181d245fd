"""The format of a file: by its name, or as its dialect says; and the keys that a format has."""

from pathlib import Path
from typing import NamedTuple

from tunegrid.config.dialects import Dialect, Format
from tunegrid.errors import UserError
from tunegrid.tasks.readers.example import OPENERS

#: The format that an ending stands for, case aside.
SUFFIXES: dict[str, Format] = {
    ".csv": "csv",
    ".tsv": "tsv",
    ".tab": "tsv",
    ".txt": "tsv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "json",
    ".parquet": "parquet",
    ".arrow": "parquet",
    ".feather": "parquet",
    ".xlsx": "xlsx",
    ".xlsm": "xlsx",
    ".xml": "xml",
}
#: Endings of spreadsheets that are not read.
OTHER_SHEETS = {".xls", ".xlsb", ".ods"}
#: The keys of a dialect that every format has.
COMMON_KEYS = {"format", "join", "strip", "replaced"}
OF_LINES = {"encoding", "skip", "comment"}
OF_CELLS = OF_LINES | {"header", "separator", "quoting", "quotechar", "escapechar"}
#: The keys that a format has beside.
KEYS: dict[Format, set[str]] = {
    "csv": OF_CELLS,
    "tsv": OF_CELLS,
    "lines": OF_LINES,
    "document": {"encoding"},
    "json": {"encoding", "records"},
    "jsonl": OF_LINES,
    "parquet": set(),
    "xlsx": {"header", "skip", "sheet"},
    "xml": {"encoding", "records"},
}


class FileFormat(NamedTuple):
    """The format of a file.

    Attributes:
        name: of the format. All of pyarrow's (Arrow, Feather) are parquet here.
        is_said: whether the dialect names it.
        is_plain: whether nothing in it is quoted, as long as the dialect does not say otherwise.
    """

    name: Format
    is_said: bool
    is_plain: bool


def format_of(path: Path, dialect: Dialect) -> FileFormat:
    """The format of a file, by the ending of its name where its dialect names none.

    Raises:
        UserError: neither tells, or the dialect has a key that the format lacks.
    """
    suffix = suffix_of(path)
    name = dialect.format or SUFFIXES.get(suffix)
    if suffix in OTHER_SHEETS and dialect.format is None:
        raise UserError(f"{path}: {suffix} is not read; save it as .xlsx or .csv")
    if name is None:
        known = ", ".join(KEYS)
        raise UserError(
            f"{path}: its name tells no format; name it: `dialect: {{format: …}}`, one of {known}"
        )
    for key, value in dialect:
        if value is not None and key not in COMMON_KEYS | KEYS[name]:
            owners = ", ".join(owner for owner in KEYS if key in KEYS[owner])
            raise UserError(
                f"{path}: is read as {name}, which has no `dialect: {{{key}: …}}`; take the key"
                f" out, or name one of its formats ({owners}) as `format`"
            )
    is_plain = dialect.format is None and suffix == ".txt"
    return FileFormat(name, dialect.format is not None, is_plain)


def suffix_of(path: Path) -> str:
    """The ending that tells the format, in lower case and without that of a compression."""
    suffixes = [suffix.lower() for suffix in path.suffixes]
    if suffixes and suffixes[-1] in OPENERS:
        suffixes.pop()
    return suffixes[-1] if suffixes else ""
