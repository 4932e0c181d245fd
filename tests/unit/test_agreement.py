"""Every place that shows a number of a grid shows the same: md, html, csv, xlsx, first page."""

import html
import re
from html.parser import HTMLParser

import openpyxl
import pandas as pd
import pytest
from synthetic import COMPARISONS, ERRORS, MEMORY, OVERALL, PREDICTED, RUNS, SUMMARY, built

from tunegrid.reporting.first_page import first_page
from tunegrid.reporting.memory_tables import fits_table
from tunegrid.reporting.report_table import read_table
from tunegrid.reporting.table_files import write_tables
from tunegrid.reporting.workbook import write_workbook
from tunegrid.results import GROUP


class _Cells(HTMLParser):
    """The texts of all cells of a page's tables, row by row."""

    def __init__(self):
        super().__init__()
        self.rows = []
        self.in_cell = False

    def handle_starttag(self, tag, attrs):
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")
            self.in_cell = True

    def handle_endtag(self, tag):
        if tag in ("td", "th"):
            self.in_cell = False

    def handle_data(self, data):
        if self.in_cell:
            self.rows[-1][-1] += data


def cells_of_html(path):
    parser = _Cells()
    parser.feed(path.read_text())
    return [[" ".join(cell.split()) for cell in row] for row in parser.rows]


def cells_of_markdown(path):
    lines = [line for line in path.read_text().splitlines() if line.startswith("|")]
    rows = [line.strip("|").split("|") for line in lines if not re.match(r"\|:?-", line)]
    return [[" ".join(cell.replace("**", "").split()) for cell in row] for row in rows]


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """The tables, the workbook and the first page of the synthetic grid."""
    folder = tmp_path_factory.mktemp("results")
    (folder / "tables").mkdir()
    tables = built()
    write_tables(tables, folder / "tables")
    sheets = {name: tables[name].data for name in ("comparisons", "cost", "data")}
    sheets |= {"overall": OVERALL, "memory": MEMORY, "per class": ERRORS["per_class"]}
    write_workbook(RUNS, SUMMARY, sheets, folder / "results.xlsx")
    page = first_page(COMPARISONS, OVERALL, SUMMARY, MEMORY, fits_table(PREDICTED).data)
    (folder / "first_page.html").write_text(page)
    return folder


def points(value):
    """A difference as every page writes it: points with a sign."""
    return f"{100 * value:+.1f}".replace("-", "−")


def test_a_table_has_the_same_cells_in_markdown_and_html(results):
    names = [path.stem for path in (results / "tables").glob("*.md")]
    assert len(names) > 10
    for name in names:
        on_page = cells_of_html(results / f"tables/{name}.html")
        assert cells_of_markdown(results / f"tables/{name}.md") == on_page, name


def test_a_difference_is_the_same_in_every_place(results):
    rows = COMPARISONS[COMPARISONS["main"]]
    assert len(rows) == 2
    table = "\n".join(
        " | ".join(row) for row in cells_of_markdown(results / "tables/comparisons.md")
    )
    answer = (results / "tables/answer.md").read_text()
    first_page = html.unescape(re.sub("<[^>]*>", "", (results / "first_page.html").read_text()))
    sheet = openpyxl.load_workbook(results / "results.xlsx")["answer"]
    heads = [cell.value for cell in sheet[1]]
    sheet_rows = [
        dict(zip(heads, (cell.value for cell in row), strict=True))
        for row in sheet.iter_rows(min_row=2)
    ]
    unrounded = read_table(results / "tables/comparisons.csv")
    for row in rows.itertuples():
        written = points(row.difference)
        interval = f"{points(row.verdict_low)} … {points(row.verdict_high)}"
        assert f"| {written} | {interval} |" in table
        assert f"{written} points ({interval})" in answer
        assert f"{written} points" in " ".join(first_page.split())
        same = unrounded.loc[row.Index]
        assert same["difference"] == pytest.approx(row.difference)
        in_sheet = [
            found
            for found in sheet_rows
            if (found["model"], found["task"], found["method"]) == (row.model, row.task, row.method)
        ]
        assert in_sheet[0]["difference (points)"] == pytest.approx(100 * row.difference)
        assert in_sheet[0]["from (points)"] == pytest.approx(100 * row.verdict_low)
        assert in_sheet[0]["verdict"] == row.verdict


def test_a_mean_and_a_trainable_share_are_the_same_in_every_place(results):
    rows = SUMMARY[SUMMARY["main"]]
    cells = {
        name: [cell for row in cells_of_html(results / f"tables/{name}.html") for cell in row]
        for name in ("quality", "methods", "summary", "cost")
    }
    sheet = openpyxl.load_workbook(results / "results.xlsx")["cost"]
    heads = [cell.value for cell in sheet[1]]
    costs = pd.DataFrame(
        [[cell.value for cell in row] for row in sheet.iter_rows(min_row=2)], columns=heads
    ).set_index(GROUP)
    for row in rows.itertuples():
        mean, share = f"{row.mean:.4f}", f"{row.trainable_percent:.3f} %"
        for name, shown in cells.items():
            assert any(mean in cell for cell in shown), (name, mean)
        for name in ("methods", "cost"):
            assert share in cells[name], (name, share)
        cost = costs.loc[(row.model, row.task, row.method)]
        assert cost["trainable_percent"] == pytest.approx(row.trainable_percent)
        assert cost["quality"] == pytest.approx(row.mean)
