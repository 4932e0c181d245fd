"""The workbook, as openpyxl reads it."""

import openpyxl
import pandas as pd
import pytest
from synthetic import ERRORS, MEMORY, RUNS, SUMMARY, built

from tunegrid.reporting.workbook import write_workbook
from tunegrid.reporting.workbook_columns import SHEETS

PUBLISHED = pd.DataFrame(
    {
        "source": ["a paper"],
        "model": ["m1"],
        "task": ["t1"],
        "method": ["full"],
        "metric": ["accuracy"],
        "published": [0.8],
        "ours": [0.7],
        "n": [2],
    }
)


def sheets():
    """The tables of the workbook, beside runs and summary."""
    tables = {name: built()[name].data for name in ("comparisons", "cost", "data")}
    return tables | {"memory": MEMORY, "published": PUBLISHED, "per class": ERRORS["per_class"]}


@pytest.fixture(scope="module")
def workbook(tmp_path_factory):
    path = tmp_path_factory.mktemp("workbook") / "results.xlsx"
    write_workbook(RUNS, SUMMARY, sheets(), path)
    return openpyxl.load_workbook(path)


def test_the_workbook_has_its_sheets_with_frozen_headers_and_filters(workbook):
    assert workbook.sheetnames == list(SHEETS)
    for sheet in workbook.worksheets[1:]:
        assert sheet.freeze_panes is not None
        assert sheet.freeze_panes.endswith("2")
        assert sheet.auto_filter.ref is not None
        assert all(cell.font.bold for cell in sheet[1])
        names = [cell.value for cell in sheet[1]]
        assert len(set(names)) == len(names)


def test_its_first_sheet_says_what_every_sheet_and_column_is(workbook):
    meanings, sheet = {}, None
    for first, column, meaning in workbook["README"].iter_rows(max_col=3, values_only=True):
        sheet = first or sheet
        if column and not first:
            meanings[sheet, column] = meaning
    for other in workbook.worksheets[1:]:
        for cell in other[1]:
            assert meanings[other.title, cell.value], f"{other.title}: {cell.value}"


def test_a_mean_leads_to_the_first_run_that_has_the_metric(tmp_path):
    first, second = RUNS.query("model == 'm1' and task == 't2' and method == 'a8'").index
    runs = RUNS.assign(loss=RUNS["loss"].mask(RUNS.index == first))
    write_workbook(runs, SUMMARY, sheets(), tmp_path / "results.xlsx")
    summary = openpyxl.load_workbook(tmp_path / "results.xlsx")["summary"]
    place = [cell.value for cell in summary[1]].index("mean")
    targets = {
        row[3].value: row[place].hyperlink.location
        for row in summary.iter_rows(min_row=2)
        if [cell.value for cell in row[:3]] == ["m1", "t2", "a8"]
    }
    assert targets["loss"] == f"'runs'!A{second + 2}"
    assert targets["accuracy"] == f"'runs'!A{first + 2}"


def test_numbers_lead_to_the_rows_of_their_runs(workbook):
    names = [cell.value for cell in workbook["summary"][1]]
    row = next(
        row
        for row in workbook["summary"].iter_rows(min_row=2)
        if [cell.value for cell in row[:4]] == ["m1", "t2", "a8", "accuracy"]
    )
    for column in ("min", "max"):
        cell = row[names.index(column)]
        sheet, place = cell.hyperlink.location.split("!")
        run = workbook[sheet.strip("'")][int(place[1:])]
        runs = [cell.value for cell in workbook["runs"][1]]
        assert [cell.value for cell in run[:3]] == ["m1", "t2", "a8"]
        assert run[runs.index("accuracy")].value == cell.value
    seeds = [row[3].value for row in workbook["runs"].iter_rows(min_row=2)]
    place = [cell.value for cell in workbook["runs"][1]].index("hash")
    link = workbook["runs"].cell(3, place + 1).hyperlink.location
    assert link == "'provenance'!A3"
    assert workbook["provenance"].cell(3, 4).value == seeds[1]


@pytest.mark.parametrize(
    ("sheet", "column"),
    [
        ("runs", "state"),
        ("runs", "degenerate"),
        ("summary", "n_failed"),
        ("summary", "n_missing"),
        ("comparisons", "seeds"),
        ("comparisons", "reference_degenerate"),
        ("cost", "n_failed"),
        ("per class", "n_degenerate"),
    ],
)
def test_degenerate_failed_and_missing_rows_have_a_colour(workbook, sheet, column):
    header = workbook[sheet][1]
    letter = next(cell.column_letter for cell in header if cell.value == column)
    formulas = [
        rule.formula[0]
        for formatting in workbook[sheet].conditional_formatting
        for rule in formatting.rules
    ]
    assert any(formula.startswith(f"${letter}2") for formula in formulas)


def test_its_numbers_are_the_table_s_unrounded_and_formatted(workbook):
    rows = list(workbook["summary"].iter_rows(values_only=True))
    column = rows[0].index("mean")
    assert [row[column] for row in rows[1:]] == pytest.approx(SUMMARY["mean"].tolist(), rel=1e-15)
    assert workbook["summary"].cell(2, column + 1).number_format == "0.0000"
    settings = [cell.value for cell in workbook["settings"][1]]
    rate = workbook["settings"].cell(2, settings.index("learning_rate") + 1)
    assert (rate.value, rate.number_format) == (2e-5, "0.0E+00")


def test_text_that_looks_like_a_formula_stays_text_and_missing_stays_empty(workbook):
    names = [cell.value for cell in workbook["runs"][1]]
    cell = workbook["runs"].cell(2, names.index("hash") + 1)
    assert (cell.value, cell.data_type) == ("=1+1", "s")
    assert workbook["runs"].cell(2, names.index("degenerate_reason") + 1).value is None


def test_equal_tables_give_an_equal_workbook(tmp_path):
    for name in ("a", "b"):
        write_workbook(RUNS, SUMMARY, sheets(), tmp_path / f"{name}.xlsx")
    assert (tmp_path / "a.xlsx").read_bytes() == (tmp_path / "b.xlsx").read_bytes()
