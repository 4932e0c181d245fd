"""Tables as LaTeX: what is escaped, and that the text is whole; with pdflatex, that it compiles."""

import shutil
import subprocess

import pandas as pd
import pytest
from synthetic import built

from tunegrid.reporting.latex_table import ESCAPES, MOST_ROWS_OF_PAGE, escape, to_latex
from tunegrid.reporting.report_table import ReportTable

#: All that a fragment asks for in its first lines.
PREAMBLE = "".join(
    f"\\usepackage{{{package}}}"
    for package in ("booktabs", "graphicx", "longtable", "rotating", "pdflscape")
)


def make_table(rows, columns=("model", "mean"), **fields):
    readable = pd.DataFrame(rows, columns=columns)
    return ReportTable("Title of 100 %", readable, readable, **fields)


def test_what_latex_takes_for_a_command_is_escaped():
    assert escape("a_b & 50 % of $x #1 {y}") == r"a\_b \& 50 \% of \$x \#1 \{y\}"
    assert escape("~ ^ \\") == r"\textasciitilde{} \textasciicircum{} \textbackslash{}"
    assert escape("< 0.0001 |") == r"\textless{} 0.0001 \textbar{}"


def test_characters_beyond_ascii_become_commands():
    assert escape("0.5 ± 0.1 †1 ‡2") == r"0.5 $\pm$ 0.1 \dag{}1 \ddag{}2"
    assert escape("−0.9 … +1.5 — 8 × 32") == r"$-$0.9 \ldots{} +1.5 --- 8 $\times$ 32"
    assert escape("≥ 3") == r"$\geq$ 3"
    assert escape("Fünf") == "Fünf"


def test_a_hyphen_is_a_sign_before_a_number_alone():
    assert escape("-0.5, (-1)") == "$-$0.5, ($-$1)"
    assert escape("adapter-64, 1e-05, --x") == "adapter-64, 1e-05, --x"


def test_a_table_has_the_rules_of_booktabs_its_caption_and_its_note():
    table = make_table([("m_1", "**0.5** †1"), ("m2", "—")], note="Note of 5 %.")
    lines = to_latex("my_table", table).splitlines()
    assert lines[0] == r"% Needs \usepackage{booktabs} and \usepackage{graphicx}."
    assert r"\caption{Title of 100 \%}\label{tab:my_table}" in lines
    assert r"\begin{tabular}{lr}" in lines
    top, mid, bottom = (lines.index(rf"\{rule}") for rule in ("toprule", "midrule", "bottomrule"))
    assert lines[top + 1 : mid] == [r"model & mean \\"]
    assert lines[mid + 1 : bottom] == [r"m\_1 & \textbf{0.5} \dag{}1 \\", r"m2 & --- \\"]
    assert r"\parbox{\linewidth}{\footnotesize Note of 5 \%.}" in lines


def test_a_long_table_is_broken_over_pages_and_a_wide_one_is_turned():
    long = to_latex("t", make_table([("m", "0.5")] * (MOST_ROWS_OF_PAGE + 1)))
    assert r"\begin{longtable}{lr}" in long
    assert long.count(r"model & mean \\") == 2
    assert "landscape" not in long
    columns = [f"column {at} of many" for at in range(10)]
    wide = make_table([["0.5"] * 10], columns=columns)
    assert r"\begin{sidewaystable}" in to_latex("t", wide)
    both = make_table([["0.5"] * 10] * (MOST_ROWS_OF_PAGE + 1), columns=columns)
    assert r"\begin{landscape}" in to_latex("t", both)
    for table in (wide, both):
        packages = [line for line in to_latex("t", table).splitlines() if line.startswith("%")]
        assert len(packages) == 2


def test_a_sentence_is_broken_into_lines():
    table = make_table([("m", "word " * 20)], columns=("model", "answer"))
    assert r"\begin{tabular}{lp{0.60\linewidth}}" in to_latex("t", table)


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="there is no pdflatex")
def test_every_table_compiles(tmp_path):
    tables = built() | {
        "escapes": make_table([(character, "0") for character in ESCAPES]),
        "long": make_table([("m", "0.5")] * (MOST_ROWS_OF_PAGE + 1)),
        "long_and_wide": make_table(
            [["word " * 20] * 3] * (MOST_ROWS_OF_PAGE + 1), columns=["a", "b", "c"]
        ),
    }
    fragments = "\\clearpage\n".join(to_latex(name, table) for name, table in tables.items())
    page = rf"\documentclass{{article}}{PREAMBLE}\begin{{document}}{fragments}\end{{document}}"
    (tmp_path / "tables.tex").write_text(page, encoding="utf-8")
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "tables.tex"]
    run = subprocess.run(
        command, cwd=tmp_path, capture_output=True, text=True, errors="replace", check=False
    )
    assert run.returncode == 0, run.stdout[-2000:]
