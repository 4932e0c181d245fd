"""Texts as people see them, and what in a text is a sign that its file was read wrongly.

Light: no data set is opened here.
"""

import re
import unicodedata
from collections.abc import Callable
from html.entities import html5

#: Characters of a text that are shown.
SHOWN = 220
#: How many of them are the end of the text, which a row that swallowed others betrays.
SHOWN_OF_END = 60
#: Characters shown before and behind a sign.
AROUND = 40
#: Stands where characters are left out.
LEFT_OUT = " … "
#: What stands for white space that would not be seen.
VISIBLE = {"\n": "↵", "\r": "␍", "\t": "→"}
#: Joins the letters of several scripts and emoji; shown as it is.
JOINERS = {"\u200c", "\u200d", "\u00ad"}
#: Elements of HTML that stand in texts of the web, as a regular expression.
ELEMENTS = (
    "a|b|big|blockquote|body|br|center|code|dd|del|div|dl|dt|em|font|form|h[1-6]|head|hr|html|i"
    "|iframe|img|input|ins|li|link|meta|ol|p|pre|q|script|small|span|strike|strong|style|sub|sup"
    "|table|tbody|td|th|tr|u|ul"
)

#: The place of a sign in a text, begin and end; None if the text has none.
Span = tuple[int, int] | None
Finder = Callable[[str], Span]


def visible(text: str) -> str:
    """The text on one line, with all that would not be seen: ↵ for a line end, → for a tab."""
    inner = text.strip(" ")
    begin = len(text) - len(text.lstrip(" "))
    end = len(text) - begin - len(inner)
    return "␣" * begin + "".join(map(_visible_character, inner)) + "␣" * end


def _visible_character(character: str) -> str:
    if character in VISIBLE:
        return VISIBLE[character]
    hidden = unicodedata.category(character) in ("Cc", "Cf", "Cs", "Zl", "Zp")
    if hidden and character not in JOINERS:
        return f"‹U+{ord(character):04X}›"
    return character


def shortened(text: str, length: int = SHOWN) -> str:
    """The text, or so many characters of it: its beginning and its end."""
    if len(text) <= length:
        return text
    end = min(SHOWN_OF_END, length // 3)
    return text[: length - end].rstrip() + LEFT_OUT + text[-end:].lstrip()


def excerpt(text: str, begin: int, end: int) -> str:
    """What stands around a place in a text."""
    first, last = max(0, begin - AROUND), min(len(text), max(end, begin + 1) + AROUND)
    before = LEFT_OUT.lstrip() if first else ""
    behind = LEFT_OUT.rstrip() if last < len(text) else ""
    return before + shortened(text[first:last], 3 * AROUND) + behind


def _by(pattern: str) -> Finder:
    compiled = re.compile(pattern)

    def find(text: str) -> Span:
        found = compiled.search(text)
        return found.span() if found else None

    return find


_QUOTED = re.compile(r"""\s*(["'])(?:(?!\1).|\1\1)*\1\s*""", re.DOTALL)
_MARK_UP = re.compile(
    rf"<(?:{ELEMENTS})(?:\s[^<>]*)?/?>|</[a-z][a-z0-9]*>|<!--"
    r"|&#(?:\d+|x[0-9a-f]+);|&([a-z][a-z0-9]+;)|\B#\d{2,5};|\b(?:lt|gt|quot|amp);",
    re.IGNORECASE,
)
_UTF8_AS_ONE_BYTE = re.compile(r"[\u00c2-\u00f4][\u0080-\u00bf€‚ƒ„…†‡ˆ‰Š‹ŒŽ‘’“”•–—˜™š›œžŸ]{1,3}")
_NOTHING = {"nan", "null", "none", "n/a", "na", "<na>", "#n/a"}


def _quoted_as_a_whole(text: str) -> Span:
    return (0, len(text)) if len(text) > 1 and _QUOTED.fullmatch(text) else None


def _open_quotation(text: str) -> Span:
    """A mark at the beginning or at the end that no other mark belongs to."""
    if text.count('"') % 2 == 0:
        return None
    if text.startswith('"'):
        return (0, 1)
    return (len(text) - 1, len(text)) if text.endswith('"') else None


def _mark_up(text: str) -> Span:
    for found in _MARK_UP.finditer(text):
        if found[1] is None or found[1] in html5:
            return found.span()
    return None


def _mojibake(text: str) -> Span:
    for found in _UTF8_AS_ONE_BYTE.finditer(text):
        for end in range(found.start() + 2, found.end() + 1):
            if _reads_as_one_character(text[found.start() : end]):
                return found.start(), end
    return None


def _reads_as_one_character(characters: str) -> bool:
    for encoding in ("cp1252", "latin-1"):
        try:
            return len(characters.encode(encoding).decode("utf-8")) == 1
        except UnicodeError:
            continue
    return False


def _says_nothing(text: str) -> Span:
    return (0, len(text)) if text.strip().lower() in _NOTHING else None


def _blank_ends(text: str) -> Span:
    if text[:1].isspace():
        return (0, 1)
    return (len(text) - 1, len(text)) if text[-1:].isspace() else None


#: What a text may hold, as the card calls it, and how it is found. All but the first two are rare
#: in texts that were read as they were written.
SIGNS: dict[str, Finder] = {
    "line ends": _by(r"[\n\r]"),
    "mark-up (tags, entities)": _mark_up,
    "tabs": _by(r"\t"),
    "control characters": _by("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ufeff]"),
    "quotation marks around the whole text": _quoted_as_a_whole,
    "a quotation mark at an end, without its other": _open_quotation,
    'doubled quotation marks ("")': _by(r'(?<!")""(?!")'),
    "backslash escapes": _by(r'\\["\'nrt]'),
    "replacement characters (U+FFFD)": _by("\ufffd"),
    "wrong encoding (Ã©)": _mojibake,
    "a word for nothing (nan, null)": _says_nothing,
    "blanks at an end": _blank_ends,
}
