"""Figures: what they show, that they can be read, and that they are the same bytes every time."""

from dataclasses import replace
from functools import cache
from itertools import combinations, product

import numpy as np
import pandas as pd
import pytest
from matplotlib.container import BarContainer
from matplotlib.text import Text
from matplotlib.transforms import Bbox
from synthetic import (
    CARDS,
    COMPARISONS,
    PREDICTED,
    RUNS,
    STEPS,
    SUMMARY,
    make_card,
    make_comparison,
    make_evaluations,
    make_history,
    make_intervals,
    make_runs,
)

from tunegrid.metrics import default_metrics
from tunegrid.reporting import bars_figure as bars
from tunegrid.reporting import curves_figure as curves
from tunegrid.reporting import figure_style as style
from tunegrid.reporting import methods_figure as comparison
from tunegrid.reporting.confusion_figure import plot_confusion
from tunegrid.reporting.memory_figure import plot_memory
from tunegrid.reporting.pareto_figure import plot_pareto
from tunegrid.results import FAILED, FINISHED, MISSING
from tunegrid.statistics.costs import cost
from tunegrid.statistics.summarise import summarise


def make_pareto(runs=RUNS, steps=STEPS, comparisons=COMPARISONS, cards=CARDS):
    return plot_pareto(cost(runs, steps), summarise(runs, cards, make_intervals(runs)), comparisons)


def texts_of(figure):
    """Every text of a figure, as it stands in it; axes keep numbers beyond their ends undrawn."""
    figure.draw_without_rendering()
    undrawn = set()
    for axes in figure.axes:
        for axis in (axes.xaxis, axes.yaxis):
            ticks = {*axis.get_major_ticks(), *axis.get_minor_ticks()}
            if axes.axison:
                ticks -= set(axis._update_ticks())
            undrawn |= {label for tick in ticks for label in (tick.label1, tick.label2)}
    texts = [text for text in figure.findobj(Text) if text.get_text() and text.get_visible()]
    return [text for text in texts if text not in undrawn]


def explained(figure):
    return figure.legends[0].get_title().get_text().replace("\n", " ")


def test_the_pareto_figure_has_a_row_more_where_the_cost_at_use_was_measured():
    runs = RUNS.assign(latency_seconds=0.004, examples_per_second=300.0)
    panels = [axes for axes in make_pareto(runs).axes if axes.axison]
    at_use = [axes for axes in panels if axes.get_xlabel() == "one example at use (ms)"]
    assert (len(panels), len(at_use)) == (6, 2), "two tasks, three costs"
    for axes in at_use:
        points = [container.lines[0].get_xdata()[0] for container in axes.containers]
        assert points == pytest.approx([4.0] * 4)


@pytest.mark.parametrize("traced", [True, False])
def test_the_pareto_figure_has_a_panel_a_task_and_cost(traced):
    figure = make_pareto(steps=STEPS.assign(traced=STEPS["traced"] if traced else np.nan))
    panels = [axes for axes in figure.axes if axes.axison]
    assert len(panels) == 4
    assert len(panels[0].containers) == (4 if traced else 0)
    texts = [text.get_text() for text in panels[0].texts if text.get_text()]
    assert texts == (["†1", "†1"] if traced else ["not known"])
    some = make_pareto(steps=STEPS[STEPS["method"] == "full"]).axes[0]
    assert some.get_xlabel().endswith("m1 · a8: not known\nm2 · a8: not known")


def test_the_error_bars_of_the_pareto_figure_are_those_of_the_tables():
    figure = make_pareto()
    costs = cost(RUNS, STEPS)
    costs = costs[costs["task"] == "t1"].reset_index(drop=True)
    rows = SUMMARY[SUMMARY["main"] & (SUMMARY["task"] == "t1")]
    memory, time = figure.axes[0], figure.axes[2]
    for axes, middles, spreads in (
        (memory, costs["traced"] / 1e9, [0.0] * 4),
        (time, costs["train_seconds"] / 60, costs["train_seconds_sd"] / 60),
    ):
        for at, row in enumerate(rows.itertuples()):
            bars = axes.containers[at][2]
            across, upright = (bar.get_segments()[0] for bar in bars)
            assert upright[:, 1] == pytest.approx([row.crossed_low, row.crossed_high])
            ends = [middles[at] - spreads[at], middles[at] + spreads[at]]
            assert across[:, 0] == pytest.approx(ends)
    assert "95 % interval over seeds and test examples" in explained(figure)
    assert "± standard deviation of a run's time over seeds" in explained(figure)


@pytest.mark.parametrize(
    ("verdict", "hollow"), [("same", {"full"}), ("worse", set()), ("cannot be told", set())]
)
def test_the_pareto_figure_marks_what_the_verdicts_tell_to_be_dominated(verdict, hollow):
    comparison = make_comparison("m1", difference=0.0, low=-0.1, high=0.1, verdict=verdict)
    figure = make_pareto(make_runs(["m1"], tasks=["t1"]), comparisons=pd.DataFrame([comparison]))
    lines = [container[0] for container in figure.axes[0].containers]
    marked = {
        method
        for method, line in zip(("full", "a8"), lines, strict=True)
        if line.get_markerfacecolor() == "white"
    }
    assert marked == hollow
    assert "is shown to be better, or the same within the margin" in explained(figure)
    assert "no mean is higher at lower cost, which may be chance" in explained(figure)


def test_the_panels_of_the_pareto_figure_share_their_axes_and_clip_no_marker():
    runs = make_runs(tasks=("t1", "t2", "t3", "t4"))
    scale = runs["task"].map({"t1": 1, "t2": 5, "t3": 60, "t4": 100})
    runs["train_seconds"] = 60 * scale + runs["seed"]
    figure = make_pareto(runs, cards=[make_card(f"t{at}", "") for at in range(1, 5)])
    figure.draw_without_rendering()
    panels = [axes for axes in figure.axes if axes.axison]
    assert len({axes.get_ylim() for axes in panels}) == 1
    for label in ("step memory", "training time"):
        alike = [axes for axes in panels if axes.get_xlabel().startswith(label)]
        assert len(alike) == 4
        assert len({(axes.get_xlim(), axes.get_xscale()) for axes in alike}) == 1
    for axes in panels:
        inner = axes.bbox.padded(-4)  # half a marker
        for container in axes.containers:
            ends = np.concatenate([bar.get_segments()[0] for bar in container[2]])
            for x, y in axes.transData.transform(ends):
                assert axes.bbox.contains(x, y)
            assert inner.contains(*axes.transData.transform(container[0].get_xydata()[0]))


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
    names = [text.get_text() for text in first.get_yticklabels()]
    below = [text.get_text() for text in figure.axes[2].get_xticklabels()]
    if kinds <= 30:
        assert names == below == labels
    else:
        assert names == [f"{at}: {label}" for at, label in enumerate(labels)]
        assert below == [str(at) for at in range(kinds)]


def test_every_figure_marks_degenerate_failed_and_missing_runs():
    runs = make_runs(models=["m1"], methods=("full", "a8", "none"), tasks=("t1",))
    runs.loc[runs["method"] == "none", "state"] = FAILED
    runs.loc[(runs["method"] == "full") & (runs["seed"] == 1), "state"] = MISSING
    runs.loc[runs["state"] != FINISHED, [*default_metrics("single_label").names]] = None
    summary = summarise(runs, CARDS, make_intervals(runs))
    finished = runs[runs["state"] == FINISHED]
    history, evaluations = make_history(finished), make_evaluations(finished)

    def texts(figure):
        figure.draw_without_rendering()
        found = {text.get_text().strip() for axes in figure.axes for text in axes.texts}
        found |= {axes.get_xlabel().split("\n")[-1] for axes in figure.axes}
        legend = figure.legends[0]
        return found | {text.get_text() for text in legend.texts} | {explained(figure)}

    bar = texts(bars.plot_bars(summary, "accuracy", "sd"))
    assert {"†1", "‡1", "failed"} <= bar
    marks = "†k: k degenerate runs; ‡k: k runs without a result"
    assert any(marks in text for text in bar)
    pareto = texts(make_pareto(runs))
    assert {"†1", "‡1", "none: failed"} <= pareto
    assert any(marks in text for text in pareto)
    curve = texts(curves.plot_curves(history, evaluations, runs))
    assert {"full ‡1", "a8 †1", "none failed"} <= curve
    methods = texts(comparison.plot_methods(runs, summary, "sd"))
    assert {"failed", "†1", "‡1"} <= methods
    assert any(marks in text for text in methods)
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
        figure = make_pareto(runs)
        figure.draw_without_rendering()
        panel = figure.axes[0].get_position().height * figure.get_figheight()
        heights.append(panel)
    assert heights[1] == pytest.approx(heights[0], rel=0.15)


def test_figures_are_the_same_bytes_every_time(tmp_path):
    for name in ("a", "b"):
        figure = make_pareto()
        style.save(figure, [tmp_path / f"{name}.{kind}" for kind in ("png", "svg", "pdf")], 60)
    for kind in ("png", "svg", "pdf"):
        assert (tmp_path / f"a.{kind}").read_bytes() == (tmp_path / f"b.{kind}").read_bytes()


@pytest.mark.parametrize("runs", [RUNS, make_runs(["m"], ["full"], ["t"], [1])])
def test_figures_are_drawn_and_say_what_their_bars_are(runs, tmp_path):
    summary = summarise(runs, CARDS, make_intervals(runs))
    n = runs["seed"].nunique()
    for metric in default_metrics("single_label").names:
        figure = bars.plot_bars(summary, metric, "sd")
        title = figure.legends[0].get_title().get_text()
        assert ("± standard deviation over 2 seeds (n−1)" if n > 1 else "one seed") in title
        series = runs[["model", "method"]].drop_duplicates()
        assert len(figure.axes[0].containers) >= len(series)
        style.save(figure, [tmp_path / f"{metric}.png"], 60)
    figure = comparison.plot_methods(runs, summary, "variance")
    assert len(figure.axes) == len(["accuracy", "macro_f1"]) * runs["task"].nunique()
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


METHODS = [f"adapter-{size}-houlsby" for size in range(13)]
#: Models, methods and tasks: as the demo has them, as many as looks tell apart, and many.
GRIDS = {
    "small": (["minilm-l6"], ["full", "adapter-64", "adapter-8"], ["reviews", "paper_sentences"]),
    "middle": (["m1", "m2"], METHODS[:6], ["reviews", "questions", "paper_sentences", "ask"]),
    "large": (
        ["roberta-base", "bert", "electra"],
        METHODS,
        [f"a_long_task_name_{at}" for at in range(5)],
    ),
}


@cache
def draw_all(name):
    """Every figure of a grid: what each is, and itself."""
    return list(_draw_all(*GRIDS[name]))


def _draw_all(models, methods, tasks):
    runs = make_runs(models, methods, tasks)
    runs.loc[(runs["method"] == methods[1]) & (runs["seed"] == 1), "degenerate"] = True
    runs.loc[runs["method"] == methods[2], "state"] = FAILED
    runs.loc[runs["method"] == methods[2], [*default_metrics("single_label").names]] = None
    runs["trainable_parameters"] = runs["method"].map(methods.index) + 1
    cards = [make_card(task, task) for task in tasks]
    summary = summarise(runs, cards, make_intervals(runs))
    steps = pd.DataFrame(
        [(model, method, 8, 32, 1e8 + at) for model in models for at, method in enumerate(methods)],
        columns=["model", "method", "batch", "tokens", "traced"],
    )
    of_task = runs[(runs["task"] == tasks[0]) & (runs["state"] == FINISHED)]
    yield "bars", bars.plot_bars(summary, "accuracy", "sd")
    yield "methods", comparison.plot_methods(runs, summary, "sd")
    yield "pareto", make_pareto(runs, steps, cards=cards)
    yield (
        "curves",
        curves.plot_curves(
            make_history(of_task), make_evaluations(of_task), runs[runs["task"] == tasks[0]]
        ),
    )
    step = PREDICTED[0].step
    yield (
        "memory",
        plot_memory([replace(PREDICTED[0], step=replace(step, method=one)) for one in methods]),
    )


def overlapping(texts):
    """The texts of which one stands on another."""
    boxes = [(text.get_text(), text.get_window_extent()) for text in texts]
    return [
        (one, other)
        for (one, box), (other, other_box) in combinations(boxes, 2)
        if Bbox.intersection(box, other_box) is not None
        and min(Bbox.intersection(box, other_box).size) > 1.5
    ]


@pytest.mark.parametrize("name", GRIDS)
def test_every_text_of_every_figure_stands_in_it_and_on_no_other_one(name):
    for kind, figure in draw_all(name):
        # A page of a paper is as wide.
        assert figure.get_figwidth() == style.WIDTH, kind
        texts = texts_of(figure)
        drawn = set(texts)
        whole = figure.bbox.padded(1)
        for text in texts:
            box = text.get_window_extent()
            corners = [(box.x0, box.y0), (box.x1, box.y1)]
            assert all(whole.contains(*corner) for corner in corners), (kind, text.get_text())
        for axes in figure.axes:
            if not axes.axison:
                continue
            labels = [*axes.get_xticklabels(), *axes.get_yticklabels()]
            names = [axes.title, axes._left_title, axes.xaxis.label, axes.yaxis.label]
            shown = [text for text in [*labels, *names] if text in drawn]
            assert overlapping(shown) == [], kind
        below = [text for axes in figure.axes for text in [axes.title, *axes.get_xticklabels()]]
        assert overlapping([text for text in below if text in drawn]) == [], kind
        legend = figure.legends[0]
        assert overlapping([*legend.texts, legend.get_title()]) == [], kind
        for axes in figure.axes:
            assert not legend.get_window_extent().overlaps(axes.bbox.padded(-1)), kind


@pytest.mark.parametrize("name", GRIDS)
def test_every_method_and_task_is_named_in_every_figure(name):
    _, methods, tasks = GRIDS[name]
    for kind, figure in draw_all(name):
        written = "\n".join(text.get_text() for text in texts_of(figure))
        wanted = methods if kind in ("curves", "memory") else [*methods, *tasks]
        assert [one for one in wanted if one not in written] == [], kind


def test_the_figures_of_a_grid_without_a_finished_run_say_so():
    runs = make_runs(tasks=("t1",))
    summary = summarise(runs, CARDS, make_intervals(runs))
    runs["state"] = MISSING
    runs[[*default_metrics("single_label").names, "train_seconds"]] = np.nan
    figure = plot_pareto(cost(runs, STEPS), summary.iloc[:0], COMPARISONS)
    assert "no run is finished" in explained(figure)
    assert figure.axes[0].get_xlabel().endswith("m2 · a8: missing")


@pytest.mark.parametrize("methods", [["full"], METHODS])
def test_one_seed_has_no_error_bars(methods):
    runs = make_runs(["m1"], methods, ["t1"], [1])
    summary = summarise(runs, CARDS, make_intervals(runs))
    axes = bars.plot_bars(summary, "accuracy", "sd").axes[0]
    errors = [one.errorbar for one in axes.containers if isinstance(one, BarContainer)]
    segments = [one for error in errors for one in error[2][0].get_segments()]
    assert errors
    assert all(len(segment) == 0 for segment in segments)


def test_lying_bars_show_what_upright_ones_do():
    models, methods, tasks = GRIDS["large"]
    runs = make_runs(models, methods, tasks)
    summary = summarise(runs, [make_card(task, "") for task in tasks], make_intervals(runs))
    figure = bars.plot_bars(summary, "accuracy", "sd")
    assert [axes.get_title() for axes in figure.axes if axes.axison] == tasks
    rows = summary[(summary["metric"] == "accuracy") & (summary["task"] == tasks[0])]
    widths = [bar.get_width() for bar in figure.axes[0].patches]
    wanted = pd.concat([rows[rows["model"] == model] for model in models])["mean"]
    assert widths == pytest.approx(wanted.tolist())
    assert figure.axes[0].get_xlim() == (0, 1)


@pytest.mark.parametrize("name", ["small", "large"])
def test_bars_and_methods_draw_both_scores_that_cost_nothing(name):
    for kind, figure in draw_all(name):
        if kind in ("bars", "methods"):
            labels = [text.get_text() for text in figure.legends[0].texts]
            assert labels[-2:] == ["majority class", "TF-IDF, logistic regression"]
    axes = bars.plot_bars(SUMMARY, "accuracy", "sd").axes[0]
    majority, words = (lines.get_segments() for lines in axes.collections[-2:])
    assert {y for segment in majority for _, y in segment} == {0.4}
    assert {y for segment in words for _, y in segment} == {0.61}
    without = bars.plot_bars(SUMMARY.assign(tfidf_baseline=np.nan), "accuracy", "sd")
    assert "TF-IDF" not in " ".join(text.get_text() for text in without.legends[0].texts)


def test_the_curves_explain_their_thin_lines_and_bands():
    of_task = RUNS[RUNS["task"] == "t1"]
    figure = curves.plot_curves(make_history(of_task), make_evaluations(of_task), of_task)
    title = explained(figure)
    assert "thin: the loss of each step's batch; thick: the mean of an epoch" in title
    assert "band around the thick: ± standard deviation over seeds (n−1)" in title


def test_77_labels_of_many_methods_are_all_named_and_nothing_is_left_out():
    labels = [f"balance_not_updated_after_cheque_deposit_{at}" for at in range(77)]
    groups = [("m", f"method-{at}") for at in range(60)]
    rows = [
        {"task": "t", "model": model, "method": method, "label": label}
        | {"predicted_label": label, "count": 2, "share": 1.0}
        for model, method in groups
        for label in labels
    ]
    counts = {"n_runs": 2, "n_degenerate": 1, "n_failed": 0, "n_missing": 0}
    table = pd.DataFrame([{"model": model, "method": method} | counts for model, method in groups])
    figure = plot_confusion(pd.DataFrame(rows), labels, table)
    texts = texts_of(figure)
    written = {text.get_text() for text in texts}
    assert {f"{at}: {label}" for at, label in enumerate(labels)} <= written
    assert figure.axes[0].get_title(loc="left") == "m · 60 methods †60"
    assert any("a panel holds all methods of a model" in text for text in written)
    assert overlapping(figure.axes[0].get_yticklabels()) == []
    assert overlapping(figure.axes[0].get_xticklabels()) == []
    whole = figure.bbox.padded(1)
    for text in texts:
        box = text.get_window_extent()
        assert whole.contains(box.x0, box.y0), text.get_text()
        assert whole.contains(box.x1, box.y1), text.get_text()


def test_a_figure_of_any_height_becomes_a_png(tmp_path):
    figure, _ = style.plt.subplots(figsize=(1, 400), layout="none")
    style.save(figure, [tmp_path / "a.png"], 200)
    assert (tmp_path / "a.png").stat().st_size
