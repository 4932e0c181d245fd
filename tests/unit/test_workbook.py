"""The workbook, as openpyxl reads it."""

from pathlib import Path
from tempfile import TemporaryDirectory

import openpyxl
import pandas as pd
import pytest
from synthetic import CARDS, COMPARISONS, ERRORS, MEMORY, RUNS, SUMMARY, add_test_splits, built
from tuning_runs import make_tuning

from tunegrid.reporting.answer_sheet import answer_sheet
from tunegrid.reporting.report_table import read_table
from tunegrid.reporting.sheet_layout import SCALES, inches, pages_across, room_at
from tunegrid.reporting.test_splits_table import table_of_test_splits
from tunegrid.reporting.tuning_table import tuning_table
from tunegrid.reporting.workbook import SHEETS, write_workbook
from tunegrid.statistics.overall import OVERALL

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
#: As compare_methods returns it, for one model.
OVER_TASKS = pd.DataFrame(
    [
        {
            "question": "against the reference",
            "model": "m1",
            "method": "a8",
            "reference_model": "m1",
            "reference": "full",
            "metric": "accuracy",
            "verdict": "worse",
            "tasks": 2,
            "difference": -0.02,
            "verdict_low": -0.03,
            "verdict_high": -0.01,
        }
    ],
    columns=OVERALL,
)


def sheets():
    """The tables of the workbook, beside runs and summary."""
    tables = {name: built()[name].data for name in ("comparisons", "cost", "data")}
    with TemporaryDirectory() as folder:
        tables["tuning"] = tuning_table(make_tuning(Path(folder), candidates=4)).data
    test_splits = {"near": CARDS[1]["splits"]["test"]}
    cards = [CARDS[0], CARDS[1] | {"test_splits": test_splits}]
    return tables | {
        "overall": OVER_TASKS,
        "memory": MEMORY,
        "published": PUBLISHED,
        "per class": ERRORS["per_class"],
        "test splits": table_of_test_splits(add_test_splits(RUNS.copy()), SUMMARY, cards).data,
    }


def cells_of(sheet, **names):
    """The cells of the one row that has these values, by the heads of their columns."""
    heads = [cell.value for cell in sheet[1]]
    (row,) = (
        row
        for row in sheet.iter_rows(min_row=2)
        if all(row[heads.index(name)].value == value for name, value in names.items())
    )
    return dict(zip(heads, row, strict=True))


@pytest.fixture(scope="module")
def workbook(tmp_path_factory):
    path = tmp_path_factory.mktemp("workbook") / "results.xlsx"
    write_workbook(RUNS, SUMMARY, sheets(), path)
    return openpyxl.load_workbook(path)


def test_the_workbook_has_its_sheets_with_frozen_headers_and_filters(workbook):
    assert workbook.sheetnames == list(SHEETS)
    assert (workbook.sheetnames[0], workbook.sheetnames[-1]) == ("answer", "glossary")
    for sheet in workbook.worksheets[:-1]:
        assert sheet.freeze_panes is not None
        assert sheet.freeze_panes.endswith("2")
        assert sheet.auto_filter.ref is not None
        assert all(cell.font.bold for cell in sheet[1])
        names = [cell.value for cell in sheet[1]]
        assert len(set(names)) == len(names)


def test_its_last_sheet_says_what_every_sheet_and_column_is(workbook):
    meanings, sheet = {}, None
    for first, column, meaning in workbook["glossary"].iter_rows(max_col=3, values_only=True):
        sheet = first or sheet
        if column and not first:
            meanings[sheet, column] = meaning
    for other in workbook.worksheets[:-1]:
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
        ("answer", "degenerate"),
        ("answer", "failed"),
        ("answer", "missing"),
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


def test_the_answer_is_a_row_for_each_method_with_its_verdict_and_cost(workbook):
    answer = workbook["answer"]
    row = cells_of(answer, model="m1", task="t1", method="a8")
    values = {name: cell.value for name, cell in row.items()}
    assert (values["reference"], values["verdict"]) == ("full", "worse")
    # The difference is the method − the reference, in points.
    shown = [values[name] for name in ("difference (points)", "from (points)", "to (points)")]
    assert shown == pytest.approx([-1.2, -2.2, -0.2])
    assert row["difference (points)"].number_format == "+0.0;-0.0;0.0"
    assert values["parameters trained (%)"] == pytest.approx(1.0)
    assert values["memory of a step (GB)"] == pytest.approx(0.061)
    assert values["training time (min)"] == pytest.approx(1.25 / 60)
    assert (values["seeds"], values["degenerate"]) == (5, 1)
    means = SUMMARY.query("model == 'm1' and task == 't1' and method == 'a8'")
    assert values["accuracy"] == means.set_index("metric").loc["accuracy", "mean"]


def test_the_reference_has_a_row_with_its_cost_and_no_difference(workbook):
    row = cells_of(workbook["answer"], model="m1", task="t1", method="full")
    assert row["verdict"].value == "reference"
    assert row["reference"].value is row["difference (points)"].value is None
    assert row["parameters trained (%)"].value == 100


def test_the_rows_over_all_tasks_follow_those_of_their_model(workbook):
    rows = list(workbook["answer"].iter_rows(min_row=2, max_col=3, values_only=True))
    assert [model for model, _, _ in rows] == sorted(model for model, _, _ in rows)
    assert rows[4] == ("m1", "all 2 tasks", "a8")
    row = cells_of(workbook["answer"], task="all 2 tasks")
    assert row["difference (points)"].value == pytest.approx(-2.0)
    assert row["verdict"].value == "worse"
    assert row["runs"].value == 4


def test_the_answer_leads_to_the_rows_that_it_is_taken_from(workbook):
    answer = workbook["answer"]
    compared = cells_of(answer, model="m2", task="t1", method="a8")
    assert compared["difference (points)"].hyperlink.location == "'comparisons'!A3"
    assert compared["accuracy"].hyperlink.location.startswith("'summary'!A")
    over_tasks = cells_of(answer, task="all 2 tasks")
    assert over_tasks["difference (points)"].hyperlink.location == "'overall'!A2"


def test_a_grid_of_one_method_or_one_task_has_an_answer_without_differences():
    costs = sheets()["cost"].query("method == 'full'").reset_index(drop=True)
    answer = answer_sheet(COMPARISONS.iloc[:0], OVER_TASKS.iloc[:0], costs)
    assert answer["verdict"].isna().all()
    assert answer["task"].tolist() == ["t1", "t2"] * 2


def test_methods_without_a_finished_run_keep_their_rows_in_the_answer():
    costs = sheets()["cost"]
    lost = (costs["task"] == "t1") & (costs["method"] == "a8")
    costs = costs.assign(
        **{name: costs[name].mask(lost) for name in ("quality", "trainable_percent", "traced")},
        n_failed=costs["n_failed"].mask(lost, 2),
    )
    unknown = ["difference", "verdict_low", "verdict_high"]
    none = COMPARISONS.assign(verdict="not compared", seeds=0, **dict.fromkeys(unknown))
    answer = answer_sheet(none, OVER_TASKS.iloc[:0], costs)
    row = answer.set_index(["model", "task", "method"]).loc[("m1", "t1", "a8")]
    assert (row["verdict"], row["seeds"], row["failed"]) == ("not compared", 0, 2)
    assert row[["difference (points)", "accuracy", "parameters trained (%)"]].isna().all()


def test_lines_over_all_tasks_are_read_back_as_they_are_written(tmp_path):
    OVER_TASKS.to_csv(tmp_path / "one.csv", index=False)
    OVER_TASKS.iloc[:0].to_csv(tmp_path / "none.csv", index=False)
    costs = sheets()["cost"]
    one = answer_sheet(COMPARISONS, read_table(tmp_path / "one.csv"), costs)
    none = answer_sheet(COMPARISONS, read_table(tmp_path / "none.csv"), costs)
    assert len(one) == len(none) + 1
    assert none["difference (points)"].notna().sum() == len(COMPARISONS)


def test_truths_are_shown_as_truths(workbook):
    assert cells_of(workbook["comparisons"], model="m1")["paired"].value is True


def test_every_page_repeats_the_heads_and_says_its_sheet_and_number(workbook):
    for sheet in workbook.worksheets:
        assert sheet.page_setup.orientation == "landscape"
        assert sheet.oddFooter.left.text == "&A"
        assert sheet.oddFooter.right.text == "Page &P of &N"
        assert sheet.oddHeader.left.text.startswith(SHEETS[sheet.title][:20])
        if sheet.title != "glossary":
            assert sheet.print_title_rows == "$1:$1"


def test_a_sheet_is_one_page_wide_where_it_can_be_read_and_else_repeats_its_names(workbook):
    for sheet in workbook.worksheets:
        widths = [
            int(dimension.width)
            for dimension in sheet.column_dimensions.values()
            for _ in range(dimension.min, dimension.max + 1)
        ]
        if sheet.sheet_properties.pageSetUpPr and sheet.sheet_properties.pageSetUpPr.fitToPage:
            assert inches(widths) <= room_at(SCALES[-1])
        else:
            assert sheet.page_setup.scale in SCALES
            assert sheet.print_title_cols.startswith("$A:$")
    assert workbook["answer"].sheet_properties.pageSetUpPr.fitToPage
    assert workbook["summary"].print_title_cols == "$A:$D"


def test_the_pages_across_are_counted_with_the_columns_that_each_repeats():
    # 13 characters are an inch.
    assert pages_across([13] * 10, names=1, scale=100) == 1
    assert pages_across([13] * 11, names=1, scale=100) == 2
    assert pages_across([13] * 19, names=1, scale=100) == 2
    assert pages_across([13] * 20, names=1, scale=100) == 3
    assert pages_across([13] * 20, names=1, scale=50) == 1
