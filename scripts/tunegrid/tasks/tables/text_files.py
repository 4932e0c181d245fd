"""Text of files: the encoding that the dialect says, held against the bytes."""

import codecs
from collections.abc import Iterator
from pathlib import Path

from tunegrid.config.dialects import Dialect
from tunegrid.errors import UserError
from tunegrid.tasks.readers.example import read_bytes

#: How files begin that hold no text, and what they are.
BINARY_FILES = {
    b"PAR1": "Parquet; name it .parquet, or `dialect: {format: parquet}`",
    b"ARROW1": "Arrow; name it .arrow, or `dialect: {format: parquet}`",
    b"PK\x03\x04": "a zip archive or an xlsx file; name it .zip or .xlsx",
    b"\xd0\xcf\x11\xe0": "an old Office file (.xls); save it as .xlsx or .csv",
    b"\x1f\x8b": "compressed; name it .gz",
    b"BZh": "compressed; name it .bz2",
    b"\xfd7zXZ\x00": "compressed; name it .xz",
    b"\x28\xb5\x2f\xfd": "compressed by zstd; unpack it",
    b"%PDF-": "PDF; save its text",
    b"version https://git-lfs": "the pointer of Git LFS, not the file; fetch it (`git lfs pull`)",
}
#: Byte-order marks; those of UTF-32 begin with those of UTF-16 and stand first.
MARKS = {
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
#: The Windows encoding that has letters and marks where the ISO 8859 encoding has control
#: characters. Source: https://encoding.spec.whatwg.org/#names-and-labels.
WINDOWS_ENCODINGS = {
    "iso8859-1": "cp1252",
    "iso8859-2": "cp1250",
    "iso8859-5": "cp1251",
    "iso8859-6": "cp1256",
    "iso8859-7": "cp1253",
    "iso8859-8": "cp1255",
    "iso8859-9": "cp1254",
    "iso8859-13": "cp1257",
    "iso8859-15": "cp1252",
}
#: How many characters of a text a message shows.
SHOWN = 30


def text_of(path: Path, dialect: Dialect) -> str:
    """The text of a file, its line endings as they are, without a byte-order mark.

    Raises:
        UserError: it cannot be read, is no text, or its bytes are not of the encoding that the
            dialect says (or UTF-8); the line names the encoding that fits, if one is found.
    """
    content = read_bytes(path)
    for beginning, what in BINARY_FILES.items():
        if content.startswith(beginning):
            raise UserError(f"{path}: is {what}")
    said = codecs.lookup(dialect.encoding or "utf-8").name
    if said in ("utf-8", "utf-8-sig"):
        return _utf_8(content, path)
    text = _in_encoding(content, said, path)
    if _is_single_byte(said) and not content.isascii() and _is_utf_8(content):
        raise UserError(
            f"{path}: is UTF-8, but `dialect: {{encoding: {dialect.encoding}}}`; write utf-8"
        )
    if said.startswith(("utf-16", "utf-32")) and b"\0" not in content and _is_utf_8(content):
        raise UserError(
            f"{path}: is no {dialect.encoding}, as `dialect: {{encoding: …}}` says; write utf-8"
        )
    if said in WINDOWS_ENCODINGS:
        _refuse_control_characters(text, said, path)
    return text


def numbered_lines(
    path: Path, dialect: Dialect, *, blank: bool = False
) -> Iterator[tuple[int, str]]:
    """The number (from 1) and the text of each line that is no comment.

    Only LF and CR LF end a line; other separators of Unicode may stand in a text.

    Args:
        path: of the file.
        dialect: its encoding, and which lines are skipped.
        blank: whether blank lines count that others follow; those at the end never do.

    Raises:
        UserError: as `text_of`.
    """
    comment = dialect.comment
    lines = text_of(path, dialect).split("\n")
    while lines and not lines[-1].strip():
        lines.pop()
    for number, line in enumerate(lines, start=1):
        is_comment = comment is not None and line.startswith(comment)
        if number <= (dialect.skip or 0) or is_comment:
            continue
        if blank or line.strip():
            yield number, line.removesuffix("\r")


def _utf_8(content: bytes, path: Path) -> str:
    mark = next((mark for mark in MARKS if content.startswith(mark)), None)
    if mark is not None:
        raise UserError(
            f"{path}: not UTF-8: begins with the mark of another encoding; name it:"
            f" `dialect: {{encoding: {MARKS[mark]}}}`"
        )
    if wide := _wide_encoding(content):
        raise UserError(
            f"{path}: holds NUL characters as another encoding does; name it:"
            f" `dialect: {{encoding: {wide}}}`"
        )
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        remedy = _fitting_encoding(content, error.start)
        raise UserError(f"{path}:{line}: not UTF-8: {remedy}") from None


def _in_encoding(content: bytes, encoding: str, path: Path) -> str:
    try:
        text = content.decode(encoding)
        # Some codecs (utf-7) make halves of characters, which are no text.
        text.encode("utf-8")
    except UnicodeError as error:
        at = error.start if isinstance(error, UnicodeDecodeError) else 0
        line = content[:at].count(b"\n") + 1
        fits = " (utf-8 fits)" if _is_utf_8(content) else ""
        raise UserError(
            f"{path}:{line}: not {encoding}, as `dialect: {{encoding: …}}` says; name the encoding"
            f" that the file is in{fits}"
        ) from None
    return text.removeprefix("\ufeff")


def _fitting_encoding(content: bytes, at: int) -> str:
    """What to do about bytes that are not UTF-8, the first of them at this position."""
    replaced = content.decode("utf-8", errors="replace")
    lost = replaced.count("\ufffd")
    whole = sum(1 for character in replaced if character > "\x7f") - lost
    if whole > lost:
        return (
            f"byte 0x{content[at]:02x}, though other lines are; the file mixes encodings: correct"
            " this line"
        )
    encoding = "latin-1"
    if any(0x80 <= byte < 0xA0 for byte in set(content)):
        encoding = "cp1252"
    if not _decodes(content, encoding):
        return (
            "name the encoding that it was written in, such as `dialect: {encoding: gb18030}`,"
            " shift_jis, euc-kr or cp1251"
        )
    shown = content[max(0, at - SHOWN) : at + SHOWN].decode(encoding)
    shown = max(shown.splitlines(), key=lambda line: not line.isascii())
    return (
        f"if {shown.strip()!r} is right, name its encoding: `dialect: {{encoding: {encoding}}}`;"
        " else name the one in which it is"
    )


def _wide_encoding(content: bytes) -> str | None:
    """The encoding of two or four bytes a character whose NUL bytes these are; None if none."""
    nulls = content.count(0)
    if nulls * 5 < len(content) or not nulls:
        return None
    width = 4 if nulls * 5 > len(content) * 3 else 2
    is_little = content[::width].count(0) < content[width - 1 :: width].count(0)
    encoding = f"utf-{8 * width}-{'le' if is_little else 'be'}"
    return encoding if _decodes(content, encoding) else None


def _refuse_control_characters(text: str, encoding: str, path: Path) -> None:
    """Refuse an ISO 8859 encoding for what has another meaning in the Windows encoding."""
    found = next((at for at, character in enumerate(text) if "\x80" <= character < "\xa0"), None)
    if found is None:
        return
    line = text[:found].count("\n") + 1
    windows = WINDOWS_ENCODINGS[encoding]
    raise UserError(
        f"{path}:{line}: holds the control character U+{ord(text[found]):04X} in {encoding}; name"
        f" the encoding that has a letter or mark there: `dialect: {{encoding: {windows}}}`"
    )


def _is_single_byte(encoding: str) -> bool:
    try:
        return len(bytes(range(256)).decode(encoding, errors="replace")) == 256
    except UnicodeError:
        # Codecs that replace nothing (idna).
        return False


def _is_utf_8(content: bytes) -> bool:
    return _decodes(content, "utf-8")


def _decodes(content: bytes, encoding: str) -> bool:
    try:
        content.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True
