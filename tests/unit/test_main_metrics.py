"""Tables and figures of a grid whose tasks are measured by different metrics."""

import pandas as pd
import pytest
from synthetic import (
    CARDS,
    ERRORS,
    MEMORY,
    MIXED,
    PREDICTED,
    STEPS,
    make_card,
    make_comparison,
    make_evaluations,
    make_history,
    make_intervals,
    make_runs,
)

from tunegrid.config.compare_settings import CompareSettings
from tunegrid.metrics import METRICS, TaskMetrics
from tunegrid.reporting.answer_sheet import answer_sheet
from tunegrid.reporting.bars_figure import plot_bars
from tunegrid.reporting.curves_figure import plot_curves
from tunegrid.reporting.first_page import first_page
from tunegrid.reporting.forest_figure import draw_forest
from tunegrid.reporting.memory_tables import fits_table
from tunegrid.reporting.methods_figure import plot_methods
from tunegrid.reporting.pareto_figure import plot_pareto
from tunegrid.reporting.result_tables import build_tables
from tunegrid.reporting.workbook_columns import describe_column
from tunegrid.reporting.workbook_links import sheet_links
from tunegrid.statistics.costs import cost
from tunegrid.statistics.measured_tasks import MeasuredTask
from tunegrid.statistics.overall import compare_over_tasks
from tunegrid.statistics.summarise import summarise

#: Which steps fit which GPU.
FITS = fits_table(PREDICTED).data
#: A task of numbers whose main metric has no upper bound, and of which less is better.
BY_ERROR = MeasuredTask("regression", TaskMetrics(("loss", "pearson", "rmse"), main="rmse"))


class Grid:
    """The results of a grid whose tasks are measured as is said."""

    def __init__(self, measured):
        self.measured = measured
        self.runs = make_runs(models=("m1",), tasks=tuple(measured), measured=measured)
        self.cards = [make_card(task, task) for task in measured]
        self.summary = summarise(self.runs, self.cards, make_intervals(self.runs))
        self.comparisons = pd.DataFrame(
            [
                make_comparison(
                    "m1",
                    difference=-0.012,
                    low=-0.020,
                    high=-0.004,
                    verdict="worse" if metric.higher_is_better else "better",
                    metric=metric.name,
                )
                | {
                    "task": task,
                    "main": metric.name == of_task.metrics.main,
                    "margin": 0.01 if metric.bounded else None,
                }
                for task, of_task in measured.items()
                for metric in of_task.compared
            ]
        ).astype({"seeds_needed": "Int64", "examples_needed": "Int64"})
        self.overall = compare_over_tasks(self.comparisons, CompareSettings())
        self.costs = cost(self.runs, STEPS)

    def tables(self):
        return build_tables(
            runs=self.runs,
            summary=self.summary,
            cards=CARDS + self.cards,
            comparisons=self.comparisons,
            overall=self.overall,
            costs=self.costs,
            memory=STEPS,
            errors=ERRORS,
        )


@pytest.fixture(scope="module")
def mixed():
    """Tasks by accuracy, correlations and micro-F1: all in points, and more is better."""
    return Grid(MIXED)


@pytest.fixture(scope="module")
def errors():
    """Two tasks of numbers by their errors, the second's numbers a thousand times the first's."""
    grid = Grid({"heights": BY_ERROR, "years": BY_ERROR})
    larger = grid.comparisons["task"] == "years"
    ends = ["difference", "standard_error", "low", "high", "verdict_low", "verdict_high"]
    grid.comparisons.loc[larger, ends] *= 1000
    grid.overall = compare_over_tasks(grid.comparisons, CompareSettings())
    return grid


@pytest.fixture(scope="module")
def unlike():
    """A task by accuracy, and one by an error in its own unit."""
    return Grid({"t1": MIXED["t1"], "years": BY_ERROR})


def test_each_answer_is_by_the_main_metric_of_its_task(mixed):
    answer = mixed.tables()["answer"].readable.set_index("task")["answer"]
    for task, of_task in MIXED.items():
        assert answer[task].startswith(
            f"a8 loses {of_task.main.noun} against full: −1.2 points (−2.2 … −0.2)."
        )
    assert answer["all 4 tasks"].startswith("a8 loses the tasks' main metrics against full: −1.2")


def test_of_an_error_less_is_better_in_its_own_unit_and_nothing_is_averaged(unlike):
    tables = unlike.tables()
    answer = tables["answer"].readable.set_index("task")["answer"]
    noun = METRICS["rmse"].noun
    assert answer["years"].startswith(f"a8 lowers {noun} against full: −0.0120 (−0.0220 … −0.0020)")
    assert list(answer.index) == ["t1", "years"]
    assert "are not averaged" in tables["overall"].note
    assert "are not averaged" in tables["answer"].note


def test_one_main_metric_is_averaged_under_its_own_name():
    grid = Grid({"cola": MIXED["cola"], "rte": MIXED["cola"]})
    tables = grid.tables()
    answer = tables["answer"].readable.set_index("task")["answer"]
    assert answer["all 2 tasks"].startswith("a8 loses Matthews correlation against full")
    assert tables["quality"].title.startswith("Test Matthews correlation, mean")
    assert "Matthews correlation" in tables["cost"].readable
    assert "not averaged" not in tables["overall"].note


def test_the_table_of_main_metrics_names_each_and_its_best(mixed, unlike):
    for grid in (mixed, unlike):
        table = grid.tables()["quality"]
        assert table.title.startswith("Test scores by the main metric of each task")
        for task, of_task in grid.measured.items():
            column = f"{task} ({of_task.main.noun})"
            assert column in table.links
            rows = grid.summary[(grid.summary["task"] == task) & grid.summary["main"]]
            means = rows.set_index("method")["mean"]
            best = means.idxmax() if of_task.main.higher_is_better else means.idxmin()
            shown = table.readable.set_index("method")[column]
            assert [method for method in means.index if shown[method].startswith("**")] == [best]


def test_costs_and_the_first_sheet_have_each_task_s_own_score(mixed, unlike):
    shown = mixed.tables()["cost"].readable
    assert list(shown["metric"].unique()) == [task.main.title for task in MIXED.values()]
    row = mixed.costs.iloc[-1]
    assert shown["main metric"].iloc[-1] == f"{row['micro_f1']:.4f}"
    sheet = answer_sheet(mixed.comparisons, mixed.overall, mixed.costs)
    assert "difference (points)" in sheet
    assert list(sheet["main metric"])[-1] == "Main metrics"
    sheet = answer_sheet(unlike.comparisons, unlike.overall, unlike.costs)
    row = sheet.set_index(["task", "method"]).loc[("years", "a8")]
    assert (row["difference"], row["unit"], row["main metric"]) == (
        -0.012,
        "",
        METRICS["rmse"].title,
    )
    row = sheet.set_index(["task", "method"]).loc[("t1", "a8")]
    assert (row["difference"], row["unit"]) == (pytest.approx(-1.2), "points")
    for column in sheet:
        assert describe_column("answer", column).meaning, column


def test_the_first_sheet_leads_to_the_rows_of_the_main_metrics(mixed):
    sheets = {
        "answer": answer_sheet(mixed.comparisons, mixed.overall, mixed.costs),
        "comparisons": mixed.comparisons,
        "overall": mixed.overall,
        "summary": mixed.summary,
        "cost": mixed.costs,
    }
    links = sheet_links(sheets, mixed.runs)["answer"]
    answer = sheets["answer"]
    for column, sheet in (("difference (points)", "comparisons"), ("score", "summary")):
        for row, address in links[column].items():
            if answer["task"][row] not in MIXED:
                continue
            target = sheets[sheet].reset_index(drop=True).iloc[int(address.rpartition("A")[2]) - 2]
            assert target["task"] == answer["task"][row]
            assert target["metric"] == MIXED[target["task"]].metrics.main
    assert len(links["score"]) == 8


def test_the_tasks_have_the_majority_s_score_by_their_main_metric(unlike):
    shown = unlike.tables()["tasks"].readable.set_index("task")
    header = "majority class (of numbers train's mean), test, by the main metric"
    assert shown.loc["t1", "main metric"] == "Accuracy"
    assert shown.loc["t1", header] == "0.4000"
    assert shown.loc["years", "main metric"] == METRICS["rmse"].title


def test_runs_have_a_column_for_each_metric_of_the_grid(mixed):
    readable = mixed.tables()["runs"].readable
    used = {name for of_task in MIXED.values() for name in of_task.metrics.names}
    for name, metric in METRICS.items():
        assert (metric.title in readable) == (name in used), name


def test_the_forest_has_an_axis_for_each_unit_and_direction(mixed, unlike):
    figure = draw_forest(mixed.comparisons, mixed.overall)
    (axes,) = figure.axes
    assert "points of the tasks' main metrics" in axes.get_xlabel()
    labels = [label.get_text() for label in axes.get_yticklabels()]
    assert labels[1:] == [f"{task} ({one.main.noun})" for task, one in MIXED.items()]
    figure = draw_forest(unlike.comparisons, unlike.overall)
    points, error = figure.axes
    assert "← worse      points of accuracy" in points.get_xlabel()
    assert f"← better      {METRICS['rmse'].noun}" in error.get_xlabel()
    assert points.get_xlim()[0] < -1 < error.get_xlim()[0]


def test_pareto_panels_have_the_axis_of_their_task_s_metric(unlike, mixed):
    for grid in (unlike, mixed):
        figure = plot_pareto(grid.costs, grid.summary, grid.comparisons)
        drawn = {
            axes.get_title(): axes.get_ylabel().replace("\n", " ")
            for axes in figure.axes
            if axes.get_title()
        }
        assert drawn == {
            task: f"{of_task.main.with_unit(of_task.main.title)}, test split"
            + ("" if of_task.main.higher_is_better else ", less is better")
            for task, of_task in grid.measured.items()
        }


def test_errors_of_numbers_in_different_units_share_no_axis(errors):
    figure = draw_forest(errors.comparisons, errors.overall)
    labels = [[label.get_text() for label in axes.get_yticklabels()] for axes in figure.axes]
    assert labels == [["a8, heights"], ["a8, years"]], "a panel and axis each, and no mean"
    small, large = (axes.get_xlim()[1] for axes in figure.axes)
    assert large > 100 * small
    pareto = plot_pareto(errors.costs, errors.summary, errors.comparisons)
    figures = [pareto, plot_methods(errors.runs, errors.summary, "sd")]
    figures += [plot_bars(errors.summary, name, "sd") for name in ("rmse", "loss")]
    for figure in figures:
        panels = {axes.get_title(): axes for axes in figure.axes if axes.get_title()}
        one, other = panels["heights"], panels["years"]
        which = "y" if figure is pareto else "x"
        assert other not in getattr(one, f"get_shared_{which}_axes")().get_siblings(one)


def test_correlations_of_numbers_share_their_axis(errors):
    figure = plot_bars(errors.summary, "pearson", "sd")
    (axes,) = figure.axes
    assert [label.get_text() for label in axes.get_xticklabels()] == ["heights", "years"]


def test_axes_say_where_less_is_better(unlike):
    named = {axes.get_ylabel() for axes in plot_methods(unlike.runs, unlike.summary, "sd").axes}
    words = {" ".join(name.split()) for name in named if name}
    error = METRICS["rmse"].title
    assert f"{error}, test split, less is better" in words
    assert "Accuracy, test split" in words


def test_the_line_of_best_means_follows_the_direction_of_the_metric(unlike):
    costs = unlike.costs.copy()
    costs["traced"] = [1.0, 2.0, 1.0, 2.0]
    costs["quality"] = [0.7, 0.8, 1.5, 1.2]
    figure = plot_pareto(costs, unlike.summary, unlike.comparisons)
    fronts = {
        axes.get_title(): list(axes.lines[0].get_ydata())
        for axes in figure.axes
        if axes.get_title()
    }
    assert fronts == {"t1": [0.7, 0.8], "years": [1.5, 1.2]}
    assert "no mean is better at lower cost" in figure.legends[0].get_title().get_text()


def test_methods_have_a_panel_for_each_metric_that_a_task_has(mixed):
    figure = plot_methods(mixed.runs, mixed.summary, "sd")
    titles = [axes.get_title() for axes in figure.axes if axes.axison]
    assert sorted(titles) == sorted(
        task for task, of_task in MIXED.items() for _ in of_task.compared
    )


@pytest.mark.parametrize("task", MIXED)
def test_curves_show_the_metrics_of_their_task_with_its_unit(task, mixed):
    runs = mixed.runs[mixed.runs["task"] == task]
    figure = plot_curves(make_history(runs), make_evaluations(runs), runs)
    titles = [axes.get_title(loc="left") for axes in figure.axes if axes.axison]
    of_task = MIXED[task]
    unit = " (nats)" if of_task.target != "regression" else ""
    assert titles[:2] == [f"Training loss{unit}", f"Dev loss{unit}"]
    assert titles[2:] == [
        f"Dev {metric.noun}" for metric in of_task.compared if metric.name != "loss"
    ]


def test_bars_are_drawn_of_the_tasks_that_have_the_metric(mixed):
    used = {name for of_task in MIXED.values() for name in of_task.metrics.names}
    for name in used - {"loss"}:
        figure = plot_bars(mixed.summary, name, "sd")
        labels = [label.get_text() for label in figure.axes[0].get_xticklabels()]
        assert labels == [task for task, one in MIXED.items() if name in one.metrics.names], name


def test_a_loss_of_numbers_has_no_unit_and_their_baselines_have_their_own_names(mixed):
    panels = [axes for axes in plot_bars(mixed.summary, "loss", "sd").axes if axes.axison]
    assert [axes.get_title() for axes in panels] == ["t1", "cola", "topics", "sts"]
    named = [axes.get_ylabel().replace("\n", " ") for axes in panels]
    assert named == ["Loss (nats), test split", "", "", "Loss, test split"]
    only_numbers = mixed.summary[mixed.summary["task"] == "sts"]
    assert plot_bars(only_numbers, "loss", "sd").axes[0].get_ylabel() == "Loss, test split"
    figure = plot_bars(mixed.summary, "rmse", "sd")
    names = [text.get_text() for text in figure.legends[0].get_texts()]
    assert "mean of train's numbers" in names
    assert "majority class" not in names
    rows = set(mixed.tables()["quality"].readable["model"])
    assert "TF-IDF, logistic (of numbers ridge) regression" in rows


def test_the_first_page_states_each_task_where_nothing_can_be_averaged(unlike, mixed):
    page = first_page(unlike.comparisons, unlike.overall, unlike.summary, MEMORY, FITS)
    assert "t1: a8 loses accuracy" in page
    assert "years: a8 lowers root mean squared error" in page
    assert "are not averaged" in page
    page = first_page(mixed.comparisons, mixed.overall, mixed.summary, MEMORY, FITS)
    assert "a8 loses the tasks&#39; main metrics against full" in page
