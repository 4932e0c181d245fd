"""What readers see of tuning: its runs in one table, the choices, both figures, caveats, costs."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.lines import Line2D
from synthetic import RUNS, STEPS, SUMMARY, built, make_comparison, make_runs
from test_answer import as_comparisons
from test_figures import overlapping, texts_of
from tuning_runs import as_rows, make_scores, make_tuning

from tunegrid.files import write_json
from tunegrid.metrics import METRICS
from tunegrid.reporting.answer_caveats import Evidence, list_caveats
from tunegrid.reporting.budget_figure import plot_budget
from tunegrid.reporting.cost_table import cost_table
from tunegrid.reporting.rates_figure import plot_rates
from tunegrid.reporting.run_tables import hyperparameters_table
from tunegrid.reporting.tuning_table import tuning_table
from tunegrid.reporting.workbook import write_workbook
from tunegrid.reporting.workbook_columns import describe_column
from tunegrid.statistics.costs import TUNING, cost
from tunegrid.tuning.tuning_rows import (
    collect_tuning,
    read_tuning,
    summarise_choices,
    tried_settings,
)


def scores_of(means, *, settings=None, told=None, seeds=(101, 102), tasks=("t1",), joules=None):
    """What choose_settings writes of candidates with these means; the first best is chosen."""
    scores = make_scores("full", tasks, candidates=len(means), seeds=seeds)
    for position, (candidate, mean) in enumerate(zip(scores["candidates"], means, strict=True)):
        candidate["mean"] = mean
        candidate["settings"] = {"learning_rate": (settings or [1e-4, 2e-4, 3e-4])[position]}
        candidate["told"] = (told or [False] * len(means))[position]
        for run in candidate["runs"]:
            run |= {"score": mean, "degenerate": False, "train_joules": joules}
    finite = [-np.inf if mean is None else mean for mean in means]
    return scores | {"chosen": int(np.argmax(finite)), "edges": []}


def tuned_rows(folder, **methods):
    """The table of these methods' candidates, each by its means, on t1 of m1."""
    for method, means in methods.items():
        write_json(folder / "m1" / "t1" / f"{method}.json", scores_of(means))
    return collect_tuning([("m1", "t1", method) for method in methods], folder)


def test_every_run_of_every_candidate_has_a_row(tmp_path):
    rows = make_tuning(tmp_path, models=("m1", "m2"), candidates=4)
    assert len(rows) == 2 * 2 * 2 * 4 * 2
    assert rows.groupby(["model", "task", "method"])["candidate"].max().eq(4).all()
    assert rows.drop_duplicates(["model", "task", "method", "candidate"])["chosen"].sum() == 8
    assert tried_settings(rows) == ["learning_rate", "epochs"]


def test_a_choice_over_all_tasks_counts_each_run_once_and_is_one_choice(tmp_path):
    scores = scores_of([0.6, 0.7, 0.5], tasks=("t1", "t2"))
    rows = as_rows(scores, tmp_path)
    assert len(rows) == 2 * 3 * 2
    assert set(rows["chosen_on"]) == {"all 2 tasks"}
    (choice,) = summarise_choices(rows).itertuples()
    assert (choice.candidates, choice.runs, choice.seeds) == (3, 12, 2)
    assert choice.examples == 400
    assert len(plot_budget(rows).axes) == 1
    assert len([axes for axes in plot_rates(rows).axes if axes.axison]) == 2


def test_a_method_with_settings_of_its_own_leaves_those_of_others_empty(tmp_path):
    write_json(tmp_path / "m1/t1/full.json", scores_of([0.6, 0.7, 0.5]))
    own = make_scores("a8", candidates=3, settings=("learning_rate", "schedule"))
    write_json(tmp_path / "m1/t1/a8.json", own)
    rows = collect_tuning([("m1", "t1", "full"), ("m1", "t1", "a8")], tmp_path)
    readable = tuning_table(rows).readable
    assert readable["schedule"].iloc[0] == "—"
    assert readable["schedule"].iloc[1] in ("linear", "cosine")
    plot_rates(rows).draw_without_rendering()


@pytest.mark.parametrize(
    ("changes", "flags"),
    [
        ({}, "not told from 2 of 2; dev is small (200 examples)"),
        ({"told": [False, True, True]}, ""),
        ({"told": [False, True, False]}, "not told from 1 of 2; dev is small (200 examples)"),
    ],
)
def test_what_a_reader_must_know_of_a_choice_is_flagged(tmp_path, changes, flags):
    rows = as_rows(scores_of([0.7, 0.6, 0.5], **changes), tmp_path)
    table = tuning_table(rows)
    assert table.readable["flags"].iloc[0] == flags
    assert table.readable["next"].iloc[0] == "0.6000"
    assert table.readable["learning_rate"].iloc[0] == "1.00e-04"


@pytest.mark.parametrize(("chosen", "word"), [(0, "least"), (2, "greatest")])
def test_an_edge_says_on_which_side_it_is(tmp_path, chosen, word):
    means = [0.5, 0.5, 0.5]
    means[chosen] = 0.7
    scores = scores_of(means, told=[at != chosen for at in range(3)]) | {"edges": ["learning_rate"]}
    rows = as_rows(scores, tmp_path)
    assert tuning_table(rows).readable["flags"].iloc[0] == f"learning_rate: {word} tried"
    caveats = list_caveats(Evidence(as_comparisons([]), SUMMARY, rows))
    (edge,) = [one for one in caveats if "edge" in one]
    assert f"the {word} learning_rate of full (m1 on t1)" in edge


def test_candidates_without_a_finite_score_are_shown_as_such(tmp_path):
    rows = as_rows(scores_of([None, None, None]), tmp_path)
    assert tuning_table(rows).readable["dev accuracy"].iloc[0] == "not finite"
    for figure in (plot_rates(rows), plot_budget(rows)):
        figure.draw_without_rendering()


def caveats_of(rows, *comparisons):
    return [
        one
        for one in list_caveats(Evidence(as_comparisons(list(comparisons)), SUMMARY, rows))
        if "best of" in one or "Dev is too" in one or "None was tuned" in one
    ]


WORSE = make_comparison("m1", difference=-0.03, low=-0.05, high=-0.01, verdict="worse")


def test_the_answer_says_what_it_owes_to_the_budget(tmp_path):
    rows = tuned_rows(tmp_path, full=[0.5, 0.7, 0.7], a8=[0.6, 0.6, 0.6])
    caveats = caveats_of(rows, WORSE)
    assert caveats[0] == (
        "Each method at the best of 3 candidates on dev (learning_rate; 2 seeds each). On dev the"
        " order of a8 and full (m1 on t1) is the same from 2 candidates on."
    )
    assert "2 of 2 for full (m1 on t1); 2 of 2 for a8 (m1 on t1)" in caveats[1]
    assert len(caveats) == 2
    changed = tuned_rows(tmp_path / "changed", full=[0.5, 0.5, 0.7], a8=[0.6, 0.6, 0.6])
    assert "still changed at the last candidate" in caveats_of(changed, WORSE)[0]
    other = WORSE | {"method": "a9"}
    several = tuned_rows(
        tmp_path / "several", full=[0.5, 0.7, 0.7], a8=[0.6, 0.6, 0.6], a9=[0.4, 0.4, 0.4]
    )
    assert "from 2 candidates on, in all 2 comparisons" in caveats_of(several, WORSE, other)[0]


def test_rates_are_untuned_where_tuning_tries_other_settings_alone(tmp_path):
    write_json(tmp_path / "m1/t1/full.json", make_scores("full", settings=("epochs",)))
    rows = collect_tuning([("m1", "t1", "full")], tmp_path)
    assert any("None was tuned" in one for one in caveats_of(rows, WORSE))
    assert any("None was tuned" in one for one in caveats_of(None, WORSE))
    assert any("None was tuned" in one for one in caveats_of(rows.iloc[:0], WORSE))


def test_a_method_s_cost_has_that_of_its_tuning_beside_it(tmp_path):
    rows = make_tuning(tmp_path, models=("m1", "m2"), candidates=4)
    costs = cost(RUNS, STEPS, rows)
    assert list(costs.columns[-5:]) == TUNING
    first = costs.iloc[0]
    assert first["tuning_runs"] == 8
    assert first["tuning_seconds"] == pytest.approx(8 * 12.0)
    assert first["tuned_seconds"] == pytest.approx(8 * 12.0 + 1.25)
    assert pd.isna(first["tuning_joules"])
    assert cost_table(costs).readable["tuning runs"].iloc[0] == "8"
    assert "tuning runs" not in cost_table(cost(RUNS, STEPS)).readable
    assert cost(RUNS, STEPS, rows.iloc[:0])["tuning_runs"].isna().all()


def test_energy_that_some_runs_do_not_tell_is_no_sum_of_the_others(tmp_path):
    rows = as_rows(scores_of([0.7, 0.6, 0.5], joules=10.0), tmp_path)
    assert summarise_choices(rows)["train_joules"].iloc[0] == 60.0
    rows.loc[0, "train_joules"] = np.nan
    assert pd.isna(summarise_choices(rows)["train_joules"].iloc[0])


def test_the_settings_that_were_tuned_are_named_beside_those_that_were_not(tmp_path):
    rows = make_tuning(tmp_path, tasks=("t1",), methods=("full",))
    table = hyperparameters_table(make_runs(models=("m1",)), rows).readable
    tuned = dict(zip(zip(table["task"], table["method"], strict=True), table["tuned"], strict=True))
    assert tuned["t1", "full"] == "learning_rate, epochs"
    assert tuned["t1", "a8"] == tuned["t2", "full"] == ""
    assert "tuned" not in hyperparameters_table(RUNS).readable


def test_every_column_of_the_workbook_s_tuning_is_described(tmp_path):
    rows = make_tuning(tmp_path, models=("m1", "m2"), candidates=4)
    sheet = tuning_table(rows).data
    costs = cost(RUNS, STEPS, rows)
    for name, table in (("tuning", sheet), ("cost", costs)):
        for column in table:
            assert describe_column(name, column).meaning, f"{name}: {column}"
    tables = {name: built()[name].data for name in ("comparisons", "overall")}
    write_workbook(
        RUNS, SUMMARY, tables | {"cost": costs, "tuning": sheet}, tmp_path / "results.xlsx"
    )


def points_of(axes):
    return [line for line in axes.lines if line.get_linestyle() == "None"]


def test_the_rates_show_every_candidate_and_ring_the_chosen_one(tmp_path):
    rows = make_tuning(tmp_path, methods=("full", "lora"))
    figure = plot_rates(rows)
    panels = [axes for axes in figure.axes if axes.axison]
    assert [axes.get_title(loc="left") for axes in panels] == ["t1", "t2"]
    for axes, task in zip(panels, ("t1", "t2"), strict=True):
        assert axes.get_xscale() == "log"
        rings = [line for line in points_of(axes) if line.get_color() == "black"]
        assert len(points_of(axes)) == 2 * 8 + 2
        chosen = rows[(rows["task"] == task) & rows["chosen"]]
        expected = set(chosen["settings.learning_rate"])
        assert {float(ring.get_xdata()[0]) for ring in rings} == expected
        hollow = [line for line in points_of(axes) if line.get_markerfacecolor() == "white"]
        of_task = rows[rows["task"] == task].drop_duplicates(["method", "candidate"])
        assert len(hollow) == of_task["told"].sum()


@pytest.mark.parametrize(
    "settings",
    [("epochs",), ("schedule",), ("batch_size", "schedule"), ("learning_rate", "schedule")],
)
def test_the_rates_are_drawn_against_whatever_was_tuned(tmp_path, settings):
    rows = make_tuning(tmp_path, settings=settings)
    figure = plot_rates(rows)
    assert figure.get_supxlabel().lower().replace(" ", "_") == settings[0]
    figure.draw_without_rendering()


def test_the_budget_ends_at_the_best_of_all(tmp_path):
    rows = make_tuning(tmp_path, methods=("full", "lora"))
    axes = plot_budget(rows).axes[0]
    ends = [line.get_ydata()[-1] for line in axes.lines if isinstance(line, Line2D)]
    of_task = rows[rows["task"] == "t1"]
    assert ends == pytest.approx(
        [of_task[of_task["method"] == name]["mean"].max() for name in ("full", "lora")]
    )


@pytest.mark.parametrize("plot", [plot_rates, plot_budget])
@pytest.mark.parametrize(("models", "methods"), [(1, 2), (1, 5), (2, 7)])
def test_every_text_of_the_figures_of_tuning_stands_in_them_and_on_no_other_one(
    tmp_path, plot, models, methods
):
    rows = make_tuning(
        tmp_path,
        models=tuple(f"model-{at}" for at in range(models)),
        tasks=("reviews", "questions", "citations"),
        methods=tuple(f"adapter-{at}" for at in range(methods)),
    )
    figure = plot(rows)
    texts = texts_of(figure)
    assert not overlapping(texts)
    width, height = figure.get_size_inches() * figure.dpi
    for text in texts:
        box = text.get_window_extent()
        assert box.x0 >= -1, text.get_text()
        assert box.x1 <= width + 1, text.get_text()
        assert box.y0 >= -1, text.get_text()
        assert box.y1 <= height + 1, text.get_text()
    written = " ".join(text.get_text() for text in texts)
    assert all(f"adapter-{at}" in written for at in range(methods))


@pytest.mark.parametrize("plot", [plot_rates, plot_budget])
def test_the_figures_say_when_nothing_is_tuned_yet(plot):
    empty = collect_tuning([], None)
    assert "no method is tuned yet" in [text.get_text() for text in texts_of(plot(empty))]
    assert tuning_table(empty).note == "No method is tuned yet."


@pytest.mark.parametrize("metric", ["accuracy", "loss"])
def test_the_best_is_the_least_where_less_is_better(tmp_path, metric):
    scores = scores_of([0.7, 0.6, 0.5]) | {"metric": metric}
    scores["chosen"] = 0 if METRICS[metric].higher_is_better else 2
    table = tuning_table(as_rows(scores, tmp_path))
    assert table.data["next_best"].iloc[0] == 0.6
    assert METRICS[metric].noun in table.title


def test_each_choice_names_its_metric_where_tasks_are_tuned_by_different_ones(tmp_path):
    one = as_rows(scores_of([0.7, 0.6, 0.5]), tmp_path)
    other = one.assign(task="t2", chosen_on="t2", metric="pearson")
    rows = pd.concat([one, other], ignore_index=True)
    table = tuning_table(rows)
    assert table.readable["metric"].tolist() == ["Accuracy", "Pearson correlation"]
    assert "by main metric on dev" in table.title
    for plot in (plot_rates, plot_budget):
        texts = [text.get_text().replace("\n", " ") for text in texts_of(plot(rows))]
        assert "t1: accuracy" in texts
        assert "t2: Pearson correlation" in texts
        assert any("score, by each panel's metric" in text for text in texts)


def test_the_table_is_written_and_read_back(tmp_path):
    rows = make_tuning(tmp_path / "scores")
    rows.to_parquet(tmp_path / "tuning.parquet", index=False)
    again = read_tuning(tmp_path / "tuning.parquet")
    pd.testing.assert_frame_equal(again, rows)
    assert read_tuning(None) is None


def test_candidates_that_were_stopped_early_are_compared_with_none(tmp_path):
    scores = scores_of([0.7, 0.9, 0.6])
    scores["chosen"] = 0
    scores["candidates"][1]["stopped"] = True
    scores["candidates"][0]["runs"][0]["degenerate"] = False
    rows = as_rows(scores, tmp_path)
    table = tuning_table(rows)
    assert table.data["next_best"].iloc[0] == 0.6
    assert "1 of 3 stopped early" in table.readable["flags"].iloc[0]
    assert "not told from 1 of 1" in table.readable["flags"].iloc[0]
    (budget,) = [one for one in caveats_of(rows) if "best of" in one]
    assert "Of these, 1 were stopped early" in budget
    assert "with halving" in texts_of(plot_budget(rows))[0].get_text()
    faint = [line for line in points_of(plot_rates(rows).axes[0]) if (line.get_alpha() or 1) < 1]
    assert [float(line.get_xdata()[0]) for line in faint] == [2e-4]
