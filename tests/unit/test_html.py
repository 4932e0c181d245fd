"""The page of a table: what it writes; tests/workflow/test_report.py looks at it in a browser."""

import pandas as pd
from synthetic import built

from tunegrid.reporting.cell_text import count_row_names, holds_numbers
from tunegrid.reporting.html_page import to_html
from tunegrid.reporting.report_table import ReportTable


def page_of(readable, **fields):
    """The page of one table."""
    return to_html("A table", [ReportTable("A table", readable, readable, **fields)])


def test_numbers_stand_to_the_right_and_sentences_may_be_broken():
    readable = pd.DataFrame({"model": ["m1"], "mean": ["**0.5** †1"], "answer": ["word " * 20]})
    page = page_of(readable)
    assert '<th class="number">mean</th>' in page
    assert '<td class="number"><b>0.5</b> †1</td>' in page
    assert '<td class="sentence">word word' in page
    assert "<td>m1</td>" in page


def test_a_number_says_where_its_runs_are_and_what_has_none_does_not():
    readable = pd.DataFrame({"model": ["m1", "m2"], "mean": ["0.5", "—"]})
    page = page_of(readable, links={"mean": ["runs/m1/t1/full/", ""]})
    assert '<td class="number" data-runs="runs/m1/t1/full/">0.5</td>' in page
    assert '<td class="number">—</td>' in page
    assert "<a href" not in page


def test_texts_are_escaped():
    readable = pd.DataFrame({"<b>": ["A & B <i>"]})
    page = page_of(readable, links={"<b>": ['"><script>']}, note="<p>")
    assert "<th>&lt;b&gt;</th>" in page
    assert "A &amp; B &lt;i&gt;" in page
    assert 'data-runs="&#34;&gt;&lt;script&gt;"' in page


def test_columns_of_numbers_are_told_from_texts():
    numbers = ["0.81 ± 0.01 (5) †1 ‡2", "−0.9 … +1.5", "< 0.0001", "failed ‡5", "—", "8 × 32"]
    assert holds_numbers(numbers)
    assert holds_numbers(["3 of 5", "1e-04", "2.0e+03", "25.0 %"])
    assert holds_numbers([1, 2])
    assert not holds_numbers(["—", "—"])
    assert not holds_numbers([])
    assert not holds_numbers(["3", "4 seeds"])
    assert not holds_numbers(["f00f00f00f", "1234567890"])


def test_the_columns_that_name_a_row_are_those_before_all_others():
    tables = built()
    assert count_row_names(tables["quality"].readable) == 2
    assert count_row_names(tables["summary"].readable) == 4
    assert count_row_names(tables["hard"].readable) == 1
    assert count_row_names(pd.DataFrame({"title": []})) == 1
