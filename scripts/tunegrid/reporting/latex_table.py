r"""Tables as LaTeX, to be read into a paper by \input."""

import re

from tunegrid.reporting.cell_text import LONGEST_LINE, holds_numbers, split_bold
from tunegrid.reporting.report_table import ReportTable

#: A table with more rows than this does not fit on a page, and is broken over several.
MOST_ROWS_OF_PAGE = 45
#: A table with more characters in a line than this is turned, so that it can be read.
WIDEST_LINE = 110
#: The share of the line that all columns of sentences have together.
SENTENCES_SHARE = 0.6
#: Characters → LaTeX that means them. Letters with accents are left: LaTeX reads UTF-8.
ESCAPES = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "&": r"\&",
    "%": r"\%",
    "$": r"\$",
    "#": r"\#",
    "_": r"\_",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': "''",
    "−": r"$-$",
    "±": r"$\pm$",
    "×": r"$\times$",
    "·": r"$\cdot$",
    "√": r"$\surd$",
    "≤": r"$\leq$",
    "≥": r"$\geq$",
    "≈": r"$\approx$",
    "→": r"$\rightarrow$",
    "²": r"\textsuperscript{2}",
    "…": r"\ldots{}",
    "–": "--",
    "—": "---",
    "†": r"\dag{}",
    "‡": r"\ddag{}",
    "\n": " ",
}
SPECIAL = re.compile("|".join(map(re.escape, ESCAPES)))
#: The hyphen before a number is its sign.
SIGN = re.compile(r"(?<![\w-])-(?=\d)")
#: As wide as the line at most: `\width` is that of what is scaled.
SCALED = r"\resizebox{\ifdim\width>\linewidth\linewidth\else\width\fi}{!}{%"


def escape(text: str) -> str:
    """The text with all characters that LaTeX takes for commands, or does not know, replaced."""
    with_signs = SIGN.sub("−", text)
    return SPECIAL.sub(lambda found: ESCAPES[found[0]], with_signs)


def to_latex(name: str, table: ReportTable) -> str:
    r"""The readable table as LaTeX, with rules of the package booktabs.

    A table of one page is scaled down to the width of the line, a longer one is a longtable; a wide
    one is turned. The first lines say, as comments, which packages the text needs.

    Args:
        name: of the table; its label is `tab:<name>`.
        table: the title becomes the caption, and the note stands below the table.
    """
    readable = table.readable
    head = " & ".join(rf"{escape(str(column))}" for column in readable.columns)
    rows = [
        " & ".join(_write_cell(cell) for cell in row)
        for row in readable.itertuples(index=False, name=None)
    ]
    columns = _align_columns(table)
    caption = rf"\caption{{{escape(table.title)}}}\label{{tab:{name}}}"
    if len(rows) > MOST_ROWS_OF_PAGE:
        lines = _write_long_table(columns, caption, head, rows, note=escape(table.note))
    else:
        lines = _write_page_table(columns, caption, head, rows, note=escape(table.note))
    if _line_length(table) > WIDEST_LINE:
        lines = _turn(lines)
    return "\n".join(lines) + "\n"


def _write_cell(cell: object) -> str:
    bold, rest = split_bold(cell)
    return rf"\textbf{{{escape(bold)}}}{escape(rest)}" if bold else escape(rest)


def _align_columns(table: ReportTable) -> str:
    """Numbers to the right, sentences in lines of one width, all other texts to the left."""
    sentences = [_is_long(table, at) for at in range(len(table.readable.columns))]
    share = SENTENCES_SHARE / max(1, sum(sentences))
    columns = []
    for at, is_long in enumerate(sentences):
        if is_long:
            columns.append(rf"p{{{share:.2f}\linewidth}}")
        else:
            columns.append("r" if holds_numbers(table.readable.iloc[:, at]) else "l")
    return "".join(columns)


def _is_long(table: ReportTable, at: int) -> bool:
    """Whether a column, given by its place, holds a sentence."""
    return any(len(str(cell)) > LONGEST_LINE for cell in table.readable.iloc[:, at])


def _line_length(table: ReportTable) -> int:
    """The characters of the longest cells of all columns together."""
    readable = table.readable
    return sum(
        max(len(str(text)) for text in [name, *readable.iloc[:, at]])
        for at, name in enumerate(readable.columns)
    )


def _write_page_table(
    columns: str, caption: str, head: str, rows: list[str], note: str
) -> list[str]:
    """The lines of a table that fits on a page."""
    lines = [
        r"% Needs \usepackage{booktabs} and \usepackage{graphicx}.",
        r"\begin{table}",
        r"\centering",
        caption,
        SCALED,
        rf"\begin{{tabular}}{{{columns}}}",
        r"\toprule",
        rf"{head} \\",
        r"\midrule",
    ]
    lines += [rf"{row} \\" for row in rows]
    lines += [r"\bottomrule", r"\end{tabular}}"]
    if note:
        lines += [r"\par\smallskip", rf"\parbox{{\linewidth}}{{\footnotesize {note}}}"]
    return [*lines, r"\end{table}"]


def _turn(lines: list[str]) -> list[str]:
    """The lines of a wide table, turned by 90 degrees."""
    if r"\begin{table}" in lines:
        turned = {
            r"\begin{table}": r"\begin{sidewaystable}",
            r"\end{table}": r"\end{sidewaystable}",
        }
        needed = r"% Needs \usepackage{rotating}."
        return [needed, *(turned.get(line, line) for line in lines)]
    needed = r"% Needs \usepackage{pdflscape}."
    return [needed, r"\begin{landscape}", *lines, r"\end{landscape}"]


def _write_long_table(
    columns: str, caption: str, head: str, rows: list[str], note: str
) -> list[str]:
    """The lines of a table over several pages, each of which repeats its head."""
    lines = [
        r"% Needs \usepackage{booktabs} and \usepackage{longtable}.",
        r"\begingroup",
        r"\scriptsize",
        r"\setlength{\tabcolsep}{3pt}",
        rf"\begin{{longtable}}{{{columns}}}",
        rf"{caption} \\",
        r"\toprule",
        rf"{head} \\",
        r"\midrule",
        r"\endfirsthead",
        r"\toprule",
        rf"{head} \\",
        r"\midrule",
        r"\endhead",
        r"\bottomrule",
        r"\endfoot",
    ]
    lines += [rf"{row} \\" for row in rows]
    lines += [r"\end{longtable}"]
    if note:
        lines += [rf"\noindent {note}\par"]
    return [*lines, r"\endgroup"]
