"""Paths of `files`: a file, a folder, a pattern, with `{label}` in them, or into an archive."""

import re
from functools import cached_property

#: Stands in a path for the part that is the label.
LABEL_IN_PATH = "{label}"
#: What the names of archives end with, case aside.
ARCHIVE_ENDINGS = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz")
#: What a part of a pattern is cut into: the label, a class of characters, a wildcard, a character.
TOKEN = re.compile(r"\{label\}|\[!?\]?[^\]]*\]|.", re.DOTALL)


class PathPattern:
    """Which paths a path of `files` stands for.

    `*` and `?` stand for characters of one part, `[…]` for one character, `**` for any number of
    folders, and `{label}` for characters of one part that are the label: as many as fit. A path
    without wildcards is a file, or a folder with all that is below it. Of hidden files and folders
    only those are meant that are named.

    Attributes:
        path: the path as it was given.
    """

    def __init__(self, path: str) -> None:
        self.path = path

    @property
    def has_wildcards(self) -> bool:
        """Whether it is a pattern, `{label}` aside."""
        return any(character in self.path for character in "*?[")

    @property
    def glob(self) -> str:
        """The pattern as `pathlib.Path.glob` reads it."""
        return self.path.replace(LABEL_IN_PATH, "*")

    def matches(self, path: str) -> bool:
        """Whether it stands for this path."""
        if path == self.path:
            return True
        is_below = path.startswith(f"{self.path}/") or self._expression.fullmatch(path) is not None
        return is_below and not any(
            part.startswith(".") and part not in self.path.split("/") for part in path.split("/")
        )

    def label_in(self, path: str) -> str | None:
        """What `{label}` stands for in a path that it matches; None if it has no `{label}`."""
        if LABEL_IN_PATH not in self.path:
            return None
        match = self._expression.fullmatch(path)
        return match["label"] if match else None

    @cached_property
    def _expression(self) -> re.Pattern[str]:
        parts = self.path.rstrip("/").split("/")
        expression = ""
        for at, part in enumerate(parts):
            is_last = at == len(parts) - 1
            if part == "**":
                expression += ".*" if is_last else "(?:[^/]+/)*"
            else:
                expression += "".join(map(_as_expression, TOKEN.findall(part)))
                expression += "" if is_last else "/"
        if not self.has_wildcards:
            expression += "(?:/.*)?"
        # The label is named where it stands first; it is the same wherever it stands again.
        first, *more = expression.split(LABEL_IN_PATH)
        if more:
            expression = f"{first}(?P<label>[^/]+)" + "(?P=label)".join(more)
        return re.compile(expression, re.DOTALL)


def _as_expression(piece: str) -> str:
    if piece == LABEL_IN_PATH:
        return piece
    if piece == "*":
        return "[^/]*"
    if piece == "?":
        return "[^/]"
    if len(piece) > 1:
        inside = piece[1:-1].replace("\\", "\\\\").replace("[", "\\[").replace("^", "\\^")
        return f"[^{inside[1:]}]" if inside.startswith("!") else f"[{inside}]"
    return re.escape(piece)


def split_archive(path: str) -> tuple[str, str | None]:
    """A path up to the archive that it enters, and the path in there.

    Returns:
        `corpus.zip` and `train/*.txt` of `corpus.zip/train/*.txt`; the second is empty if the path
        names the archive alone, and None if it enters none.
    """
    parts = path.split("/")
    for end, part in enumerate(parts, start=1):
        if part.lower().endswith(ARCHIVE_ENDINGS):
            return "/".join(parts[:end]), "/".join(parts[end:])
    return path, None
