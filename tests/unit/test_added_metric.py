"""A metric that is one entry of the registry reaches every table, figure and sheet."""

from typing import NamedTuple

import numpy as np
import openpyxl
import pandas as pd
import pytest
from synthetic import (
    CARDS,
    COMPARISONS,
    ERRORS,
    MEMORY,
    STEPS,
    make_comparison,
    make_evaluations,
    make_history,
    make_intervals,
    make_runs,
)

from tunegrid.metrics import METRICS, TaskMetrics, default_metrics, metric
from tunegrid.reporting.answer_sheet import answer_sheet
from tunegrid.reporting.bars_figure import plot_bars
from tunegrid.reporting.curves_figure import plot_curves
from tunegrid.reporting.methods_figure import plot_methods
from tunegrid.reporting.pareto_figure import plot_pareto
from tunegrid.reporting.result_tables import build_tables
from tunegrid.reporting.summary_tables import main_metric_table
from tunegrid.reporting.workbook import write_workbook
from tunegrid.reporting.workbook_columns import describe_column
from tunegrid.statistics.costs import cost
from tunegrid.statistics.measured_tasks import MeasuredTask
from tunegrid.statistics.overall import OVERALL
from tunegrid.statistics.summarise import summarise

TASKS = ("t1", "t2", "t1+t2")
#: Each method is compared on one task alone.
NO_OVERALL = pd.DataFrame(columns=OVERALL)


def add_matthews():
    """A metric that can be negative."""

    @metric(
        title="Matthews correlation",
        noun="Matthews correlation",
        needs="label_counts",
        higher_is_better=True,
        bounds=(-1.0, 1.0),
        source="Gorodkin 2004",
    )
    def matthews(counts):
        raise NotImplementedError  # no prediction is scored here

    return METRICS["matthews"]


def add_perplexity():
    """A metric of which less is better, which is never 0 and has no upper bound, but a unit."""

    @metric(
        title="Perplexity",
        needs="log_probabilities",
        higher_is_better=False,
        bounds=(1.0, float("inf")),
        source="Jelinek et al. 1977",
        unit="labels",
    )
    def perplexity(log_probabilities, labels):
        raise NotImplementedError  # no prediction is scored here

    return METRICS["perplexity"]


@pytest.fixture(autouse=True)
def registry():
    """The registry of metrics; what a test adds is gone after it."""
    before = dict(METRICS)
    yield
    METRICS.clear()
    METRICS.update(before)


@pytest.fixture(params=[add_matthews, add_perplexity])
def added(request):
    return request.param()


def measured_by(name):
    """Every task of the grids below, whose main metric is this one, with the usual ones."""
    metrics = TaskMetrics(names=default_metrics("single_label").names, main=name)
    return dict.fromkeys(TASKS, MeasuredTask("single_label", metrics))


class Results(NamedTuple):
    runs: pd.DataFrame
    summary: pd.DataFrame
    costs: pd.DataFrame
    tables: dict


def make_results(main="accuracy"):
    """The results of a grid that is measured by the usual metrics, added ones among them."""
    runs = make_runs(tasks=TASKS, measured=measured_by(main))
    joined = runs["task"] == "t1+t2"
    for part in ("t1", "t2"):
        for name in default_metrics("single_label").names:
            runs[f"parts.{part}.{name}"] = runs[name].where(joined)
        runs[f"parts.{part}.examples"] = np.where(joined, 8.0, np.nan)
        runs[f"parts.{part}.outside"] = np.where(joined, 0.25, np.nan)
    summary = summarise(runs, CARDS, make_intervals(runs))
    added = [
        make_comparison(
            "m1",
            difference=-0.012,
            low=-0.020,
            high=-0.004,
            verdict="worse" if entry.higher_is_better else "better",
            metric=name,
        )
        for name, entry in METRICS.items()
        if name in default_metrics("single_label").names and name != "accuracy"
    ]
    comparisons = pd.concat([COMPARISONS, pd.DataFrame(added)], ignore_index=True)
    comparisons["main"] = comparisons["metric"] == main
    costs = cost(runs, STEPS)
    tables = build_tables(
        runs=runs,
        summary=summary,
        cards=CARDS,
        comparisons=comparisons,
        overall=NO_OVERALL,
        costs=costs,
        memory=STEPS,
        errors=ERRORS,
    )
    return Results(runs, summary, costs, tables)


def test_it_reaches_every_table_of_metrics(added):
    results = make_results()
    tables = results.tables
    for name in ("summary", "methods", "comparisons"):
        assert added.title in set(tables[name].readable["metric"]), name
    assert added.title in tables["runs"].readable
    assert added.noun in tables["parts"].readable
    for name in ("summary", "methods", "comparisons"):
        assert added.name in set(tables[name].data["metric"]), name
    for name in ("runs", "parts", "cost"):
        assert added.name in tables[name].data, name
    shown = tables["parts"].readable.iloc[0]
    values = results.runs.loc[results.runs["task"] == "t1+t2", added.name][:2]
    assert shown[added.noun] == f"{values.mean():.4f} ± {values.std():.4f}"


def test_it_reaches_every_figure_of_metrics(added):
    results = make_results()
    runs, summary = results.runs, results.summary
    label = f"{added.with_unit(added.title)}, test split"
    assert plot_bars(summary, added.name, "sd").axes[0].get_ylabel() == label
    figure = plot_methods(runs, summary, "sd")
    label += "" if added.higher_is_better else ", less is better"
    assert label in [axes.get_ylabel().replace("\n", " ") for axes in figure.axes]
    of_task = runs[runs["task"] == "t1"]
    figure = plot_curves(make_history(of_task), make_evaluations(of_task), of_task)
    titles = [axes.get_title(loc="left") for axes in figure.axes]
    assert added.with_unit(f"Dev {added.noun}") in titles
    drawn = figure.axes[titles.index(added.with_unit(f"Dev {added.noun}"))]
    assert len(drawn.lines) == 4
    assert all(np.isfinite(line.get_ydata()).all() for line in drawn.lines)


def test_it_reaches_every_sheet_of_metrics_and_is_described(added, tmp_path):
    results = make_results()
    sheets = {name: results.tables[name].data for name in ("comparisons", "cost", "data")}
    sheets |= {"overall": NO_OVERALL, "memory": MEMORY, "per class": ERRORS["per_class"]}
    write_workbook(results.runs, results.summary, sheets, tmp_path / "results.xlsx")
    workbook = openpyxl.load_workbook(tmp_path / "results.xlsx")
    for name in ("runs", "cost"):
        header = {cell.value: cell.column for cell in workbook[name][1]}
        assert workbook[name].cell(2, header[added.name]).number_format == "0.0000"
    for name in ("summary", "comparisons"):
        header = [cell.value for cell in workbook[name][1]]
        column = header.index("metric") + 1
        names = {workbook[name].cell(row, column).value for row in range(2, 30)}
        assert added.name in names
    meanings = [
        meaning
        for _, column, meaning in workbook["glossary"].iter_rows(max_col=3, values_only=True)
        if column == added.name
    ]
    direction = "Higher is better." if added.higher_is_better else "Lower is better."
    assert len(meanings) == 2
    for meaning in meanings:
        assert added.title in meaning
        assert direction in meaning
        assert added.source in meaning


def test_bars_of_a_signed_metric_point_down_where_it_is_negative():
    matthews = add_matthews()
    runs = make_runs(models=["m1"], tasks=("t1",), measured=measured_by(matthews.name))
    runs[matthews.name] = np.where(runs["method"] == "a8", -0.3, 0.5)
    summary = summarise(runs, CARDS, make_intervals(runs))
    axes = plot_bars(summary, matthews.name, "sd").axes[0]
    assert axes.get_ylim() == (-1, 1)
    heights = [bar.get_height() for bar in axes.patches]
    assert heights == pytest.approx([0.5, -0.3])
    assert {bar.get_y() for bar in axes.patches} == {0}
    mark = next(text for text in axes.texts if "†1" in text.get_text())
    assert mark.get_va() == "top"
    assert mark.get_position()[1] == pytest.approx(-0.3)
    readable = main_metric_table(summary).readable.set_index("method")["t1"]
    assert readable["a8"] == "−0.3000 ± 0.0000 (2) †1"
    assert readable["full"] == "**0.5000 ± 0.0000 (2)**"


def test_bars_begin_at_the_bound_of_a_metric_that_is_never_0():
    perplexity = add_perplexity()
    runs = make_runs(models=["m1"], tasks=("t1",), measured=measured_by(perplexity.name))
    runs[perplexity.name] = 1.5
    summary = summarise(runs, CARDS, make_intervals(runs))
    axes = plot_bars(summary, perplexity.name, "sd").axes[0]
    assert axes.get_ylim()[0] == 1
    assert [(bar.get_y(), bar.get_height()) for bar in axes.patches] == [(1, 0.5), (1, 0.5)]


def test_the_main_metric_is_that_of_the_answer_of_its_table_and_beside_the_costs():
    matthews = add_matthews()
    results = make_results(main=matthews.name)
    (answer,) = results.tables["answer"].readable["answer"]
    assert answer == (
        "a8 loses Matthews correlation against full: −1.2 points (−2.2 … −0.2). It trains 1.000 %"
        " of the parameters and takes 61 % of the memory of full."
    )
    title = main_metric_table(results.summary).title
    assert title.startswith("Test Matthews correlation, mean")
    shown = results.tables["cost"].readable["Matthews correlation"]
    assert shown[0] == f"{results.costs[matthews.name][0]:.4f}"
    assert "Matthews correlation, trained alone" in results.tables["parts"].readable
    figure = plot_pareto(results.costs, results.summary, COMPARISONS)
    assert figure.axes[0].get_ylabel() == "Matthews correlation, test split"


def test_the_first_sheet_has_the_main_metric_in_its_own_unit():
    perplexity = add_perplexity()
    results = make_results(main=perplexity.name)
    comparisons = results.tables["comparisons"].data
    answer = answer_sheet(comparisons, NO_OVERALL, results.costs)
    row = answer.set_index(["model", "task", "method"]).loc[("m1", "t1", "a8")]
    assert row["difference (labels)"] == -0.012
    assert perplexity.name in answer
    described = describe_column("answer", "difference (labels)")
    assert described.number_format == "+0.0000;-0.0000;0.0000"
    assert "in the main metric" in described.meaning


def test_of_a_metric_whose_lower_values_are_better_the_lowest_is_the_best():
    perplexity = add_perplexity()
    results = make_results(main=perplexity.name)
    (answer,) = results.tables["answer"].readable["answer"]
    assert answer == (
        "a8 lowers perplexity against full: −0.0120 labels (−0.0220 … −0.0020). It trains 1.000 %"
        " of the parameters and takes 61 % of the memory of full."
    )
    summary = results.summary
    of_task = summary[(summary["metric"] == perplexity.name) & (summary["task"] == "t1")]
    bold = main_metric_table(summary).readable["t1"]
    assert bold[bold.str.startswith("**")].tolist()[0].startswith(f"**{of_task['mean'].min():.4f}")
    costs = cost(make_runs(tasks=("t1",), measured=measured_by(perplexity.name)), STEPS)
    costs["traced"] = [1.0, 2.0, 3.0, 4.0]
    costs["quality"] = [1.4, 1.5, 1.1, 1.2]
    figure = plot_pareto(costs, summary, COMPARISONS)
    assert figure.axes[0].lines[0].get_ydata().tolist() == [1.4, 1.1]
    assert "no mean is lower at lower cost" in figure.legends[0].get_title().get_text()
