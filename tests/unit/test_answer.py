"""The answer: its sentences by verdict, its caveats, its picture and the first page."""

import numpy as np
import pandas as pd
import pytest
from synthetic import (
    COMPARISONS,
    MEMORY,
    OVERALL,
    PREDICTED,
    STEPS,
    SUMMARY,
    make_comparison,
)

from tunegrid.reporting.answer_caveats import Evidence, list_caveats
from tunegrid.reporting.answer_table import (
    answer_table,
    choose_answers,
    gather_answers,
    pairs_table,
)
from tunegrid.reporting.first_page import MOST_ROWS, MOST_SENTENCES, first_page
from tunegrid.reporting.forest_figure import draw_forest, plot_forest
from tunegrid.reporting.forest_panels import forest_panels, shorten_panels
from tunegrid.reporting.memory_tables import fits_table
from tunegrid.reporting.overall_table import overall_table
from tunegrid.statistics.compare import COLUMNS, WHOLE_NUMBERS
from tunegrid.statistics.pairs import Question
from tunegrid.statistics.verdicts import Verdict

FITS = fits_table(PREDICTED).data
NO_INTERVAL = {"verdict_low": np.nan, "verdict_high": np.nan}
#: A row of the comparisons for each verdict: a8 against full, in tasks t1 to t7.
ROWS = [
    make_comparison("m1", difference=-0.032, low=-0.051, high=-0.013, verdict="worse"),
    make_comparison("m1", difference=0.032, low=0.013, high=0.051, verdict="better"),
    make_comparison("m1", difference=0.001, low=-0.002, high=0.004, verdict="same"),
    make_comparison(
        "m1", difference=-0.032, low=-0.088, high=0.024, verdict="cannot be told",
        needed=(8, 1200),
    ),
    make_comparison("m1", difference=0.0, low=0.0, high=0.0, verdict="identical") | NO_INTERVAL,
    make_comparison("m1", difference=-0.032, low=-0.1, high=0.04, verdict="one seed")
    | NO_INTERVAL
    | {"seeds": 1},
    make_comparison("m1", difference=np.nan, low=np.nan, high=np.nan, verdict="not compared")
    | NO_INTERVAL
    | {"seeds": 0, "reference": None},
]  # fmt: skip


def as_comparisons(rows):
    """The rows as compare_methods returns them."""
    table = pd.DataFrame(rows, columns=COLUMNS)
    return table.astype(dict.fromkeys(WHOLE_NUMBERS, "Int64"))


EACH = as_comparisons([row | {"task": f"t{at}"} for at, row in enumerate(ROWS, start=1)])


def make_overall(verdict="worse", speaks_of="these tasks", **changes):
    """A row as compare_over_tasks returns it: a8 against full over four tasks."""
    row = {
        "question": "against the reference",
        "model": "m1",
        "method": "a8",
        "reference_model": "m1",
        "reference": "full",
        "metric": "accuracy",
        "main": True,
        "verdict": verdict,
        "tasks": 4,
        "speaks_of": speaks_of,
        "difference": -0.02,
        "low": -0.03,
        "high": -0.01,
        "family": 2,
        "p_holm": 0.001,
        "verdict_low": -0.035,
        "verdict_high": -0.005,
        "wins": 1,
        "ties": 0,
        "untold": 1,
        "losses": 2,
    }
    return pd.DataFrame([row | changes])


def many_methods(methods, tasks):
    """The comparisons and means of a grid of one model: every method is worse on every task."""
    rows = [
        ROWS[0] | {"method": f"method-{method}", "task": f"task-{task}"}
        for method in range(methods)
        for task in range(tasks)
    ]
    means = [make_overall(method=f"method-{method}", tasks=tasks) for method in range(methods)]
    return as_comparisons(rows), pd.concat(means, ignore_index=True)


def sentences(comparisons, overall=OVERALL):
    """What the table says of each task, without the costs."""
    table = answer_table(comparisons, overall, SUMMARY, STEPS)
    return [text.split(". It t")[0].removesuffix(".") for text in table.readable["answer"]]


def test_each_verdict_has_its_sentence_with_one_sign():
    assert sentences(EACH) == [
        "a8 loses accuracy against full: −3.2 points (−5.3 … −1.1)",
        "a8 gains accuracy against full: +3.2 points (+1.1 … +5.3)",
        "a8 is the same as full within 1 point of accuracy: +0.1 points (−0.4 … +0.6)",
        (
            "a8 cannot be told from full in accuracy: −3.2 points (−9.0 … +2.6); to tell such a"
            " difference, 8 seeds or 1,200 test examples are needed"
        ),
        "a8 predicts exactly what full does, on all 139 test examples",
        (
            "one run of a8 and one of full differ by −3.2 points of accuracy; one seed says nothing"
            " about others"
        ),
        "a8 is not compared: no run of m1 on t7 is finished",
    ]


@pytest.mark.parametrize(
    ("needed", "words"),
    [
        ((8, None), "8 seeds would tell such a difference, more test examples alone would not"),
        ((None, 1200), "1,200 test examples would tell such a difference, more seeds alone would"),
        ((None, None), "neither more seeds nor more test examples alone would tell such a"),
    ],
)
def test_what_would_tell_a_difference_is_said_of_seeds_and_examples(needed, words):
    seeds, examples = needed
    row = ROWS[3] | {"seeds_needed": seeds, "examples_needed": examples}
    assert words in sentences(as_comparisons([row]))[0]


def test_a_mean_over_tasks_stands_before_the_tasks_and_says_what_it_speaks_of():
    whole, *tasks = sentences(EACH.iloc[:4], make_overall())
    assert whole == (
        "a8 loses accuracy against full: −2.0 points (−3.5 … −0.5) on average over these 4 tasks;"
        " better on 1 of them, worse on 2, cannot be told on 1"
    )
    assert len(tasks) == 4
    whole = sentences(EACH.iloc[:4], make_overall(speaks_of="tasks like these"))[0]
    assert "on average over these 4 tasks and others like them; better" in whole
    table = overall_table(make_overall(), EACH).readable
    assert table.loc[0, ["compared with", "verdict", "worse"]].tolist() == ["full", "worse", 2]
    assert table.loc[0, ["difference", "interval"]].tolist() == ["−2.0", "−3.5 … −0.5"]


def test_the_costs_are_those_of_the_other_tables():
    loses, equal = answer_table(COMPARISONS, OVERALL, SUMMARY, STEPS).readable["answer"]
    costs = "It trains 1.000 % of the parameters and takes 61 % of the memory of full."
    assert loses.endswith(costs)
    # The steps of m2 differ in their batch, so their memory is not compared.
    assert equal.endswith("It trains 1.000 % of the parameters.")


def test_models_and_methods_that_are_compared_with_each_other_have_a_table():
    models = ROWS[0] | {"question": "among the models", "model": "m2", "reference": "a8"}
    methods = ROWS[1] | {"question": "among the methods", "method": "a64", "reference": "a8"}
    comparisons = as_comparisons([models, methods])
    table = pairs_table(comparisons, OVERALL, SUMMARY, STEPS)
    first, second = table.readable["answer"]
    assert first.startswith("m2 loses accuracy against m1: −3.2 points")
    assert second.startswith("a64 gains accuracy against a8: +3.2 points")
    assert answer_table(comparisons, OVERALL, SUMMARY, STEPS).readable.empty
    question, answers = choose_answers(comparisons, OVERALL)
    assert (question, len(answers)) == (Question.AMONG_MODELS, 1)
    nothing = pairs_table(COMPARISONS, OVERALL, SUMMARY, STEPS)
    assert nothing.readable.empty
    assert "one model" in nothing.note


def test_a_task_without_a_finished_run_stands_with_the_others_of_its_method():
    (answer,) = gather_answers(EACH, OVERALL, [Question.AGAINST_REFERENCE])
    assert (answer.subject, answer.other, len(answer.tasks)) == ("a8", "full", 7)


def test_caveats_stand_in_the_order_of_their_weight():
    summary = SUMMARY.assign(n_missing=SUMMARY["n_missing"].where(SUMMARY["method"] != "full", 1))
    summary = summary.assign(still_rising=summary["method"] == "a8")
    beginnings = ("Degenerate", "Few seeds: 1 to 5", "Runs without", "Examples", "Each", "Still")
    caveats = list_caveats(Evidence(EACH, summary))
    assert len(caveats) == len(beginnings)
    for caveat, beginning in zip(caveats, beginnings, strict=True):
        assert caveat.startswith(beginning)
    assert "1 of 2 of a8 (m1 on t1)" in caveats[0]


def test_the_forest_has_a_row_for_each_task_and_a_diamond_for_the_mean():
    figure = draw_forest(EACH, make_overall())
    (axes,) = figure.axes
    labels = [label.get_text() for label in axes.get_yticklabels()]
    assert labels == ["a8, mean of 4 tasks", *(f"t{at}" for at in range(1, 8))]
    assert [text.get_text() for text in axes.texts] == ["worse", *EACH["verdict"]]
    # The band of the margin, and the diamond.
    assert len(axes.patches) == 2
    assert axes.get_xlabel() == "← worse      points of accuracy: method − full      better →"
    low, high = axes.get_xlim()
    assert low < -9.0
    assert high > 5.3


def test_a_very_long_interval_is_cut_with_an_arrow_so_that_others_can_be_read():
    wide = ROWS[3] | {"task": "t2", "low": -0.9, "high": 0.9}
    wide |= {"verdict_low": -1.0, "verdict_high": 1.0}
    figure = draw_forest(as_comparisons([ROWS[0], wide]), OVERALL)
    low, high = figure.axes[0].get_xlim()
    assert -20 < low < high < 20
    arrows = [line for line in figure.axes[0].lines if not line.get_clip_on()]
    assert {line.get_marker() for line in arrows} == {"<", ">"}


def test_a_large_forest_stays_legible_and_is_shortened_for_the_page():
    comparisons, overall = many_methods(methods=60, tasks=8)
    panels = forest_panels(choose_answers(comparisons, overall)[1])
    assert len(panels[0].rows) == 60 * 9
    height = plot_forest(panels, margin=0.01).get_figheight()
    assert height > 60 * 9 * 0.15
    shorter = shorten_panels(panels, MOST_ROWS)
    assert len(shorter[0].rows) == MOST_ROWS
    assert all(row.is_overall for row in shorter[0].rows)
    small = forest_panels(choose_answers(EACH, make_overall())[1])
    assert shorten_panels(small, MOST_ROWS) == small


def test_the_first_page_holds_picture_sentences_fit_and_caveats():
    page = first_page(EACH, make_overall(), SUMMARY, MEMORY, FITS)
    assert page.count('<li class="sentence">') == 1
    assert "a8 loses accuracy against full: −2.0 points" in page
    assert 'src="data:image/svg+xml;base64,' in page
    assert "a training step needs 8.6 GB by full" in page
    assert page.index("Degenerate runs") < page.index("Few seeds")
    assert "not finished" not in page
    # No mean over tasks: each task has its sentence.
    page = first_page(EACH, OVERALL, SUMMARY, MEMORY, FITS)
    assert page.count('<li class="sentence">') == len(EACH)
    assert page.count("It trains") == 1
    # One seed on each task: one sentence for all of them.
    single = [
        ROWS[5] | {"task": "t1"},
        ROWS[5] | {"task": "t2", "difference": 0.01},
    ]
    page = first_page(as_comparisons(single), OVERALL, SUMMARY, MEMORY, FITS)
    assert page.count('<li class="sentence">') == 1
    assert "on each of 2 tasks differ by −3.2 to +1.0 points of accuracy; one seed" in page
    comparisons, overall = many_methods(methods=60, tasks=8)
    page = first_page(comparisons, overall, SUMMARY, MEMORY, FITS)
    assert page.count('<li class="sentence">') == MOST_SENTENCES
    assert f"{60 - MOST_SENTENCES} more: chapter Answer" in page
    assert "shows a part of the figure forest" in page


def test_the_first_page_says_what_is_not_finished_and_when_nothing_is_compared():
    summary = SUMMARY.assign(n_failed=1)
    page = first_page(EACH, make_overall(), summary, MEMORY, FITS)
    assert "of its 16 runs, 8 are finished, 8 have failed and 0 are missing" in page
    page = first_page(COMPARISONS.iloc[:0], OVERALL, SUMMARY, MEMORY, FITS)
    assert "there is nothing to compare" in page
    assert "<img" not in page
    assert "Before you rely on it" not in page
    table = answer_table(COMPARISONS.iloc[:0], OVERALL, SUMMARY, STEPS)
    assert table.readable.empty
    assert "nothing to compare" in table.note


def test_names_are_escaped_on_the_first_page():
    row = ROWS[0] | {"method": "<i>a8"}
    page = first_page(as_comparisons([row]), OVERALL, SUMMARY, MEMORY, FITS)
    assert "&lt;i&gt;a8 loses accuracy" in page


def test_every_verdict_is_known_to_sentences_and_picture():
    assert {row["verdict"] for row in ROWS} == {str(verdict) for verdict in Verdict}


def test_a_model_that_padding_changes_is_a_caveat():
    dependent = SUMMARY.assign(padding_dependent=SUMMARY["model"] == "m2")
    (caveat,) = [one for one in list_caveats(Evidence(EACH, dependent)) if "padding" in one]
    assert caveat.startswith("Predictions of m2 depend on the padding of their batch")
    assert not any("padding" in one for one in list_caveats(Evidence(EACH, SUMMARY)))
