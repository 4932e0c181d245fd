"""Figures: what they show, that they can be read, and that they are the same bytes every time."""

from itertools import product

import numpy as np
import pandas as pd
import pytest
from synthetic import (
    CARDS,
    RUNS,
    STEPS,
    SUMMARY,
    make_evaluations,
    make_history,
    make_intervals,
    make_runs,
)

from tunegrid.metrics import METRICS, compared_metrics
from tunegrid.reporting import bars_figure as bars
from tunegrid.reporting import curves_figure as curves
from tunegrid.reporting import figure_style as style
from tunegrid.reporting import methods_figure as comparison
from tunegrid.reporting.confusion_figure import plot_confusion
from tunegrid.reporting.pareto_figure import plot_pareto
from tunegrid.results import FAILED, FINISHED, MISSING
from tunegrid.statistics.costs import cost
from tunegrid.statistics.summarise import summarise


@pytest.mark.parametrize("traced", [True, False])
def test_the_pareto_figure_has_a_panel_a_task_and_cost(traced):
    figure = plot_pareto(cost(RUNS, STEPS.assign(traced=STEPS["traced"] if traced else np.nan)))
    assert len(figure.axes) == 4
    assert len(figure.axes[0].lines) == 1 + 4
    texts = [text.get_text() for text in figure.axes[0].texts if text.get_text()]
    assert texts == (["†1", "†1"] if traced else ["not known"])
    some = cost(RUNS, STEPS[STEPS["method"] == "full"])
    texts = {text.get_text() for text in plot_pareto(some).axes[0].texts}
    assert "m1 · a8: not known\nm2 · a8: not known" in texts


@pytest.mark.parametrize("kinds", [2, 12, 60])
def test_the_confusion_figure_writes_what_can_be_read(kinds):
    labels = [f"label {at}" for at in range(kinds)]
    rows = [
        {
            "model": "m",
            "task": "t",
            "method": method,
            "label": one,
            "predicted_label": two,
            "count": 1,
            "share": 1 / kinds,
        }
        for method in ("full", "a8")
        for one in labels
        for two in labels
    ]
    counts = {"n_runs": 2, "n_degenerate": 0, "n_failed": 0, "n_missing": 0}
    groups = pd.DataFrame(
        [
            {"model": "m", "task": "t", "method": "full"} | counts,
            {"model": "m", "task": "t", "method": "a8"} | counts | {"n_degenerate": 1},
            {"model": "m", "task": "t", "method": "none"} | counts | {"n_failed": 2},
        ]
    )
    figure = plot_confusion(pd.DataFrame(rows), labels, groups)
    first = figure.axes[0]
    assert sum(bool(text.get_text()) for text in first.texts) == (kinds**2 if kinds <= 10 else 0)
    titles = [axes.get_title(loc="left") for axes in figure.axes[:3]]
    assert titles == ["full", "a8 †1", "none ‡2"]
    assert [text.get_text() for text in figure.axes[2].texts] == [FAILED]
    assert len(first.get_xticklabels()) == (kinds if kinds <= 30 else 0)


def test_every_figure_marks_degenerate_failed_and_missing_runs():
    runs = make_runs(models=["m1"], methods=("full", "a8", "none"), tasks=("t1",))
    runs.loc[runs["method"] == "none", "state"] = FAILED
    runs.loc[(runs["method"] == "full") & (runs["seed"] == 1), "state"] = MISSING
    runs.loc[runs["state"] != FINISHED, list(METRICS)] = None
    summary = summarise(runs, CARDS, make_intervals(runs))
    finished = runs[runs["state"] == FINISHED]
    history, evaluations = make_history(finished), make_evaluations(finished)

    def texts(figure):
        figure.draw_without_rendering()
        found = {text.get_text().strip() for axes in figure.axes for text in axes.texts}
        legend = figure.legends[0]
        return found | {text.get_text() for text in legend.texts} | {legend.get_title().get_text()}

    bar = texts(bars.plot_bars(summary, "accuracy", "sd"))
    assert {"†1", "‡1", "failed"} <= bar
    explained = "†k: k degenerate runs; ‡k: k runs without a result"
    assert any(explained in text for text in bar)
    pareto = texts(plot_pareto(cost(runs, STEPS)))
    assert {"†1", "‡1", "none: failed"} <= pareto
    assert any(explained in text for text in pareto)
    curve = texts(curves.plot_curves(history, evaluations, runs))
    assert {"full ‡1", "a8 †1", "none failed"} <= curve
    methods = texts(comparison.plot_methods(runs, summary, "sd"))
    assert {"failed", "†1", "‡1"} <= methods
    assert any(explained in text for text in methods)
    assert any("crossed: a degenerate one" in text for text in methods)


def test_a_curve_ends_where_the_first_of_its_runs_stopped():
    runs = make_runs(models=["m1"], methods=["full"], tasks=["t1"])
    history, evaluations = (
        table[(table["seed"] == 1) | (table["step"] <= 10)]
        for table in (make_history(runs), make_evaluations(runs))
    )
    figure = curves.plot_curves(history, evaluations, runs)
    for axes in figure.axes:
        assert axes.lines
        assert all(line.get_xdata().max() == 10 for line in axes.lines)


def test_panels_keep_their_size_whatever_the_legend_holds():
    heights = []
    for models in (["m"], [f"a-long-model-name-{at}" for at in range(30)]):
        runs = make_runs(models=models, tasks=("t1", "t2"), seeds=(1,))
        figure = plot_pareto(cost(runs, STEPS))
        figure.draw_without_rendering()
        panel = figure.axes[0].get_position().height * figure.get_figheight()
        heights.append(panel)
    assert heights[1] == pytest.approx(heights[0], rel=0.15)


def test_figures_are_the_same_bytes_every_time(tmp_path):
    for name in ("a", "b"):
        figure = plot_pareto(cost(RUNS, STEPS))
        style.save(figure, [tmp_path / f"{name}.{kind}" for kind in ("png", "svg", "pdf")], 60)
    for kind in ("png", "svg", "pdf"):
        assert (tmp_path / f"a.{kind}").read_bytes() == (tmp_path / f"b.{kind}").read_bytes()


@pytest.mark.parametrize("runs", [RUNS, make_runs(["m"], ["full"], ["t"], [1])])
def test_figures_are_drawn_and_say_what_their_bars_are(runs, tmp_path):
    summary = summarise(runs, CARDS, make_intervals(runs))
    n = runs["seed"].nunique()
    for metric in METRICS:
        figure = bars.plot_bars(summary, metric, "sd")
        title = figure.legends[0].get_title().get_text()
        assert ("± standard deviation over 2 seeds (n−1)" if n > 1 else "one seed") in title
        series = runs[["model", "method"]].drop_duplicates()
        assert len(figure.axes[0].containers) >= len(series)
        style.save(figure, [tmp_path / f"{metric}.png"], 60)
    figure = comparison.plot_methods(runs, summary, "variance")
    assert len(figure.axes) == len(compared_metrics()) * runs["task"].nunique()
    style.save(figure, [tmp_path / "methods.png"], 60)
    of_task = runs[runs["task"] == runs["task"].iloc[0]]
    figure = curves.plot_curves(make_history(of_task), make_evaluations(of_task), of_task)
    assert [axes.get_title(loc="left") for axes in figure.axes] == [
        "Training loss (nats)",
        "Dev loss (nats)",
        "Dev accuracy",
        "Dev macro-F1",
    ]
    style.save(figure, [tmp_path / "curves.png"], 60)


def test_equal_input_gives_equal_figures(tmp_path):
    for name in ("a", "b"):
        outputs = [tmp_path / f"{name}.png", tmp_path / f"{name}.svg"]
        style.save(bars.plot_bars(SUMMARY, "accuracy", "sd"), outputs, 60)
    for suffix in ("png", "svg"):
        assert (tmp_path / f"a.{suffix}").read_bytes() == (tmp_path / f"b.{suffix}").read_bytes()


def test_series_can_be_told_apart_without_colour():
    grids = [("m", "abcdef"), ("lmn", "abcd"), ("m", "abcdefghijkl"), ("lmnopqr", "ab")]
    for series in (list(product(*grid)) for grid in grids):
        looks = style.series_looks(series)
        full = {(look.color, look.hatch) for look in looks.values()}
        assert len(full) == len(series)
        if len({model for model, _ in series}) == 1 and len(series) <= 6:
            assert len({look.hatch for look in looks.values()}) == len(series)
