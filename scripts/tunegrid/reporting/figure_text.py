"""The texts of figures: shown as they are written, in fonts that have their letters, and measured.

Figures are drawn in DejaVu Sans, which comes with matplotlib and has the letters of European
languages and of Arabic and Hebrew. What it lacks is looked for in Noto Sans CJK, which comes as a
package (`envs/embedded.txt`), and then in the fonts of the machine.
"""

import importlib.metadata
import logging
from collections.abc import Iterable, Sequence
from pathlib import Path

import matplotlib as mpl
from matplotlib import font_manager
from matplotlib.figure import Figure
from matplotlib.text import Text

#: The font of all figures: the same on every machine.
FONT = "DejaVu Sans"
#: Chinese, Japanese and Korean: the package, its file, and the family in it. Where one character
#: has several forms, it is drawn as in mainland China.
CJK_PACKAGE = "noto-cjk-sans-otc"
CJK_FILE = "noto_cjk_sans_otc/NotoSansCJK-Regular.ttc"
CJK_FONT = "Noto Sans CJK SC"
#: A longer label is cut in its middle, and has its number in front.
LONGEST_LABEL = 50

_log = logging.getLogger(__name__)


def show_labels(labels: Sequence[str], *, numbered: bool = False) -> list[str]:
    """What a figure writes for the labels of a task, in fonts that it chooses for them.

    A label stands as it is written. Characters that no font has, and control characters, are
    written as Python escapes them (`\\u0928`); such a label, and one that is too long and cut, has
    its number in the order of the labels in front, so that all stay different. The log warns of
    characters that no font has.

    Args:
        labels: of a task, in the order of their ids, which begin with 0.
        numbered: whether all have their number in front.
    """
    lacking = use_fonts_for(labels)
    if lacking:
        named = ", ".join(f"{one} (U+{ord(one):04X})" for one in sorted(lacking))
        _log.warning(
            "no installed font has the characters %s: figures write labels that have them by their"
            " number and by escapes; install a font that has them",
            named,
        )
    shown = []
    for number, label in enumerate(labels):
        text = "".join(_escape(one) if _is_unseen(one, lacking) else one for one in label)
        if len(text) > LONGEST_LABEL:
            kept = LONGEST_LABEL // 2
            text = f"{text[:kept]}…{text[-kept:]}"
        shown.append(f"{number}: {text}" if numbered or text != label else label)
    return shown


def _is_unseen(character: str, lacking: set[str]) -> bool:
    return character in lacking or not (character.isprintable() or character == " ")


def _escape(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")


def use_fonts_for(texts: Iterable[str]) -> set[str]:
    """Let figures use further fonts, so that the characters of these texts can be drawn.

    Returns:
        The printable characters that no font has.
    """
    lacking = {one for text in texts for one in text if one.isprintable()}
    families = [FONT]
    lacking = _lacks(font_manager.findfont(FONT), lacking)
    if lacking:
        for entry in _further_fonts():
            remaining = _lacks(entry.fname, lacking, entry.index)
            if remaining != lacking:
                families.append(entry.name)
                lacking = remaining
            if not lacking:
                break
    mpl.rcParams["font.family"] = families
    return lacking


def _further_fonts() -> list[font_manager.FontEntry]:
    """The upright fonts of normal weight beside the font of figures: the package's comes first."""
    manager = font_manager.fontManager
    path = _cjk_file()
    if path is not None and all(entry.name != CJK_FONT for entry in manager.ttflist):
        manager.addfont(path)
    # Those that come with matplotlib are for formulas, and one draws a box for every character.
    usable = {
        entry.name: entry
        for entry in manager.ttflist
        if entry.style == "normal" and entry.weight in (400, "normal", "regular")
        if not entry.fname.startswith(mpl.get_data_path())
    }
    return sorted(usable.values(), key=lambda entry: (entry.name != CJK_FONT, entry.name))


def _cjk_file() -> Path | None:
    """Where the package's font lies; None if it is not installed."""
    try:
        distribution = importlib.metadata.distribution(CJK_PACKAGE)
    except importlib.metadata.PackageNotFoundError:
        return None
    return Path(str(distribution.locate_file(CJK_FILE)))


def _lacks(path: str, characters: set[str], index: int = 0) -> set[str]:
    """Which of these characters a font lacks.

    Args:
        path: of its file.
        characters: that are asked for.
        index: of the font in a file that holds several.
    """
    font = mpl.ft2font.FT2Font(path, face_index=index)
    return {one for one in characters if not font.get_char_index(ord(one))}


def needs_further_fonts(figure: Figure) -> bool:
    """Whether some text of a figure has a character that the font of all figures lacks."""
    texts = figure.findobj(Text)
    characters = {one for text in texts for one in text.get_text() if one.isprintable()}
    return bool(_lacks(font_manager.findfont(FONT), characters))


def measure_text(figure: Figure, text: str, size: float) -> float:
    """The width of a text in inches.

    Args:
        figure: that it will stand in.
        text: may have several lines.
        size: of the font, in points.
    """
    drawn = figure.text(0, 0, text, fontsize=size)
    width = drawn.get_window_extent().width / figure.dpi
    drawn.remove()
    return width


def widest(figure: Figure, texts: Iterable[str], size: float) -> float:
    """The width of the widest of these texts in inches; 0 if there is none."""
    return max((measure_text(figure, text, size) for text in texts), default=0.0)


def wrap_text(figure: Figure, text: str, size: float, width: float) -> str:
    """The text with line breaks between words, so that no line is wider than this.

    Args:
        figure: that it will stand in.
        text: its own line breaks stay.
        size: of the font, in points.
        width: in inches.
    """
    lines = []
    for paragraph in text.split("\n"):
        line = ""
        for word in paragraph.split(" "):
            longer = f"{line} {word}" if line else word
            if line and measure_text(figure, longer, size) > width:
                lines.append(line)
                line = word
            else:
                line = longer
        lines.append(line)
    return "\n".join(lines)
