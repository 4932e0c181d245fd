from itertools import product

import numpy as np
import openpyxl
import pandas as pd
import pytest

from tunegrid.memory import KINDS
from tunegrid.memory.fitting import gpus
from tunegrid.reporting import TABLES, bars, comparison, curves, style
from tunegrid.reporting.answer import answer_page, answer_table
from tunegrid.reporting.columns import SHEETS
from tunegrid.reporting.confusion import plot_confusion
from tunegrid.reporting.data import card_tables, leak_note
from tunegrid.reporting.memory import fits_table, prediction_table, saving_table
from tunegrid.reporting.memory_figure import plot_memory
from tunegrid.reporting.pareto import plot_pareto
from tunegrid.reporting.table import to_html, to_markdown
from tunegrid.reporting.tables import accuracy_table, build_tables
from tunegrid.reporting.workbook import write_workbook
from tunegrid.results import METRICS
from tunegrid.states import FAILED, FINISHED, MISSING
from tunegrid.statistics.cost import cost, pareto_front
from tunegrid.statistics.errors import count_errors
from tunegrid.statistics.summary import summarise


def make_runs(models=("m1", "m2"), methods=("full", "a8"), tasks=("t1", "t2"), seeds=(1, 2)):
    draw = np.random.default_rng(0)
    rows = []
    for model, task, method, seed in product(models, tasks, methods, seeds):
        accuracy = draw.uniform(0.5, 0.9)
        rows.append(
            {
                "model": model, "task": task, "method": method, "seed": seed, "hash": "=1+1",
                "loss": draw.uniform(0.3, 1), "accuracy": accuracy, "micro_f1": accuracy,
                "macro_f1": accuracy - 0.1, "majority_accuracy": 0.4, "majority_macro_f1": 0.2,
                "degenerate": method == "a8" and seed == 2, "degenerate_reason": None,
                "state": FINISHED, "problem": None,
                "trainable_parameters": 10 if method == "a8" else 1000, "total_parameters": 1000,
                "steps": 20, "train_seconds": 1.25, "examples.train": 10, "examples.test": 5,
                "labels.train": 2, "settings.split_seed": 0,
                "examples.dev": 3 if task == "t1" else None,
                "settings.learning_rate": 2e-5, "settings.epochs": 2,
                "settings.batch_size": 8, "settings.warmup_ratio": 0.1, "settings.schedule": "x",
                "settings.weight_decay": 0.0, "settings.precision": "fp32",
                "settings.protocol": "standard", "settings.select": "last",
                "settings.early_stopping": None, "provenance.started": "2026-01-02T03:04:05+00:00",
                "provenance.commit": "f00" * 9, "provenance.device": "CPU",
                "provenance.host": "node7", "provenance.slurm_job": None,
                "peak_memory": 2e9, "peak_memory_of": "process", "train_joules": None,
            }
        )  # fmt: skip
    return pd.DataFrame(rows)


def make_card(task, title, exact=0, near=0, conflicts=0):
    held = {"examples": 200, "labels": {"x": 150, "y": 50}}
    lengths = {"examples": 200, "median": 11.5, "p95": 30.2, "longest": 60, "truncated": 1}
    leak = {"source": "train", "target": "test", "exact": exact, "near": near}
    pairs = [{"target": "e1", "source": "e2", "similarity": 1.0}] * bool(exact)
    group = [{"split": "train", "id": f"e{at}", "label": label} for at, label in enumerate("xy")]
    return {
        "task": task, "title": title, "threshold": 0.8,
        "splits": {"train": held, "test": held},
        "word_baseline": {"accuracy": 0.61, "micro_f1": 0.61, "macro_f1": 0.5},
        "few_shot": [{"labels": [0, 1], "examples": 16, "seed": None}] if near else [],
        "tokenizers": {"m1": {"max_length": 32, "splits": {"train": lengths, "test": lengths}}},
        "within": {split: {"exact": 3, "near": 0} for split in ("train", "test")},
        "across": [leak | {"pairs": pairs}],
        "conflicts": {"texts": conflicts, "examples": {"train": 2 * conflicts, "test": 0},
                      "listed": [group] * conflicts},
    }  # fmt: skip


CARDS = [make_card("t1", "A & B <i>", exact=7, near=3, conflicts=1), make_card("t2", "two")]


COMPARISONS = pd.DataFrame(
    [
        {"model": model, "task": "t1", "method": "a8", "reference": "full", "metric": "accuracy",
         "seeds": 5, "examples": 139, "mean": 0.6, "reference_mean": 0.6 - difference,
         "difference": difference, "low": low, "high": high, "p": p, "p_holm": p,
         "effect_size": effect, "seeds_needed": needed, "seeds_planned": 5, "detectable": 0.017,
         "aso": 0.31, "aso_false_positives": 0.115}
        for model, difference, low, high, p, effect, needed in (
            ("m1", -0.012, -0.020, -0.004, 0.01, -1.5, 7),
            ("m2", 0.003, -0.009, 0.015, 0.6, None, None),
        )
    ]
)  # fmt: skip
STEPS = pd.DataFrame(
    [
        {"model": model, "method": method, "batch": batch, "tokens": 32, "traced": traced}
        for model, method, batch, traced in (
            ("m1", "full", 8, 100e6), ("m1", "a8", 8, 61e6), ("m2", "full", 8, 100e6),
            ("m2", "a8", 16, 99e6),
        )
    ]
)  # fmt: skip


def predictions(model, task, method, seed):
    """Four examples; full gets one wrong, a8 two, of which one always."""
    wrong = {"full": [3], "a8": [seed, 3]}[method]
    label = ["x", "y", "x", "y"]
    predicted = ["yx"[name == "y"] if at in wrong else name for at, name in enumerate(label)]
    return pd.DataFrame({"id": list("abcd"), "label": label, "predicted": predicted})


def built():
    """The tables of the runs above."""
    return build_tables(RUNS, SUMMARY, CARDS, COMPARISONS, STEPS, ERRORS)


def make_history(runs):
    rows = []
    for run in runs.itertuples():
        for step in range(1, 21):
            row = {"model": run.model, "task": run.task, "method": run.method, "seed": run.seed}
            row |= {"step": step, "epoch": (step - 1) // 10 + 1, "loss": 1 / step}
            ends = {f"eval_{metric}": 0.5 for metric in METRICS} if step % 10 == 0 else {}
            rows.append(row | ends)
    return pd.DataFrame(rows)


RUNS = make_runs()
SUMMARY = summarise(RUNS, CARDS)
ERRORS = count_errors(RUNS, predictions)


PARTS = dict.fromkeys(KINDS, 1_000_000_000)
PREDICTED = [
    {
        "model": "m1", "method": method, "batch": 8, "tokens": 32, "precision": "fp32",
        "attention": "auto", "closed_form": form, "traced": 7_000_000_000 - form // 2,
        "parts": PARTS, "fits": dict.fromkeys(gpus(), 16) | {"H200": 0},
        "by_batch": {"1": 1e9, "256": 9e10}, "by_tokens": {"32": 1e9, "512": 2e9},
    }
    for method, form in (("full", 0), ("a8", 2_000_000_000))
]  # fmt: skip
MEASURED = [
    {
        "model": "m1", "method": "full", "device": "CPU", "batch": 4, "tokens": 32,
        "peak": 6_000_000_000, "reserved": None, "predicted": 6_060_000_000,
    },
]  # fmt: skip
MEMORY = prediction_table(PREDICTED, MEASURED).data


def test_what_was_predicted_stands_beside_what_was_measured():
    full, adapter = prediction_table(PREDICTED, MEASURED).readable.to_dict("records")
    assert full["measured"] == "6.000"
    assert full["error"] == "+1.000 %"
    assert adapter["by formula"] == "2.000"
    assert adapter["measured"] == adapter["error"] == "—"


def test_a_model_that_cannot_be_traced_is_only_measured():
    (row,) = prediction_table([], MEASURED).readable.to_dict("records")
    assert (row["traced"], row["measured"]) == ("—", "6.000")
    assert fits_table([]).readable.empty
    assert saving_table([]).readable.empty
    assert "can be traced" in plot_memory([]).axes[0].get_title()


def test_what_fits_and_what_is_saved():
    assert fits_table(PREDICTED).readable["H200"].tolist() == ["none", "none"]
    saving = saving_table(PREDICTED)
    assert saving.readable["share"].tolist() == ["14 %"]
    assert saving.data["saved"].tolist() == [1_000_000_000]


def test_the_memory_figure_has_a_bar_for_each_method_and_lines_of_gpus():
    parts, batches, _ = plot_memory(PREDICTED).axes
    assert [label.get_text() for label in parts.get_xticklabels()] == ["full", "a8"]
    assert {text.get_text() for text in batches.texts} >= {"T4", "A100 (80 GB), H100"}


PUBLISHED = pd.DataFrame(
    [{"source": "a paper", "model": "m1", "task": "t1", "method": "full", "metric": "accuracy",
      "published": 0.8, "ours": 0.7, "n": 2}]
)  # fmt: skip


def sheets():
    """The tables of the workbook, beside runs and summary."""
    tables = {name: built()[name].data for name in ("comparisons", "cost", "data")}
    return tables | {"memory": MEMORY, "published": PUBLISHED, "per class": ERRORS["per_class"]}


@pytest.fixture
def workbook(tmp_path):
    write_workbook(RUNS, SUMMARY, sheets(), tmp_path / "results.xlsx")
    return openpyxl.load_workbook(tmp_path / "results.xlsx")


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
    told, sheet = {}, None
    for first, column, meaning in workbook["README"].iter_rows(max_col=3, values_only=True):
        sheet = first or sheet
        if column and not first:
            told[sheet, column] = meaning
    for other in workbook.worksheets[1:]:
        for cell in other[1]:
            assert told[other.title, cell.value], f"{other.title}: {cell.value}"


def test_numbers_lead_to_the_rows_of_their_runs(workbook):
    names = [cell.value for cell in workbook["summary"][1]]
    row = next(
        row for row in workbook["summary"].iter_rows(min_row=2)
        if [cell.value for cell in row[:4]] == ["m1", "t2", "a8", "accuracy"]
    )  # fmt: skip
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


def test_degenerate_failed_and_missing_rows_have_a_colour(workbook):
    for sheet, column in (("runs", "state"), ("runs", "degenerate"), ("summary", "n_failed"),
                          ("summary", "n_missing")):  # fmt: skip
        letter = workbook[sheet][1][
            [cell.value for cell in workbook[sheet][1]].index(column)
        ].column_letter
        rules = [rule.formula[0] for found in workbook[sheet].conditional_formatting
                 for rule in found.rules]  # fmt: skip
        assert any(formula.startswith(f"${letter}2") for formula in rules)


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


def test_the_best_of_a_task_is_bold_and_degenerate_runs_are_marked():
    table = accuracy_table(SUMMARY)
    accuracy = SUMMARY[SUMMARY["metric"] == "accuracy"]
    for task, rows in accuracy.groupby("task"):
        best = f"**{rows['mean'].max():.4f}"
        assert table.readable[task].str.startswith(best).sum() == 1
        assert table.readable[task].str.startswith("**").sum() == 1
    assert table.readable["t1"].str.contains("†1").sum() == 2
    assert "degenerate" in table.note
    majority, words = table.readable.tail(2).to_dict("records")
    assert (majority["model"], majority["t1"]) == ("majority class", "0.4000")
    assert (words["model"], words["t2"]) == ("TF-IDF, logistic regression", "0.6100")


def test_every_table_is_written_for_people_and_programs():
    tables = built()
    assert sorted(tables) == sorted(TABLES)
    for table in tables.values():
        assert to_markdown(table).startswith(f"### {table.title}\n\n| ")
        assert to_html(table.title, [table]).count("<tr") == len(table.readable) + 1
    assert "<b>" in to_html("", [tables["accuracy"]])
    assert "**" not in to_html("", [tables["accuracy"]])


def test_the_trainable_share_is_the_first_row_of_each_method():
    readable = built()["methods"].readable
    assert readable["metric"].tolist() == ["Trainable", *METRICS.values()] * 4
    shares = readable[readable["metric"] == "Trainable"].set_index(["model", "method"])["t1"]
    assert shares["m1", "full"] == "100.000 %"
    assert shares["m2", "a8"] == "1.000 %"


def test_the_table_of_tasks_has_whole_numbers_and_dashes_for_what_is_missing():
    readable = built()["tasks"].readable.set_index("task")
    assert readable.loc["t1", ["train", "dev", "test"]].tolist() == [10, 3, 5]
    assert readable.loc["t2", ["classified", "dev"]].tolist() == ["two", "—"]
    page = to_html("", [built()["tasks"]])
    assert "A &amp; B &lt;i&gt;" in page
    assert ".0<" not in page


def test_leaks_are_a_warning_on_every_table_of_test_results_and_in_the_summary():
    tables = built()
    for name in ("tasks", "data", "accuracy", "methods"):
        assert "leakage" in tables[name].note
        assert "t1 7 and 3 nearly of 200 (5.0%)." in tables[name].note
        assert "t2" not in tables[name].note
    leaked = SUMMARY.drop_duplicates("task").set_index("task")["test_in_train"]
    assert leaked.to_dict() == {"t1": 7, "t2": 0}
    assert not leak_note(SUMMARY[SUMMARY["task"] == "t2"])


def test_the_answer_is_a_sentence_with_interval_and_cost():
    answer = built()["answer"]
    loses, equal = answer.readable["answer"]
    assert loses == (
        "a8 loses 1.2 points (0.4 … 2.0) of accuracy against full, at 1 % of the parameters trained"
        " and 61 % of the memory"
    )
    assert equal == (
        "a8 cannot be told from full in accuracy: +0.3 points (-0.9 … +1.5), where 5 seeds on 139"
        " examples would show 1.7 points or more, at 1 % of the parameters trained"
    )
    page = answer_page(built()["answer"])
    assert page.startswith("*t1*\n\n- m1: a8 loses 1.2 points (0.4 … 2.0) of accuracy")
    nothing = answer_table(COMPARISONS.iloc[:0], SUMMARY, STEPS)
    assert nothing.readable.empty
    assert "nothing to compare" in nothing.note


def test_the_numbers_behind_the_answer_say_what_cannot_be_told():
    table = built()["comparisons"].readable
    assert table["seeds needed"].tolist() == ["7", "—"]
    assert table["one example"].tolist() == ["0.0072", "0.0072"]
    assert table["interval"].tolist() == ["-0.0200 … -0.0040", "-0.0090 … +0.0150"]


def test_labels_stand_in_the_task_s_order_with_their_scores():
    table = built()["classes"].readable
    assert table["label"].tolist() == ["x", "y"] * 8
    row = table[(table["method"] == "a8") & (table["label"] == "y")].iloc[0]
    # Seed 1 gets both wrong and the two x right; seed 2 one of each.
    assert (row["support"], row["recall"]) == (2, "0.2500 ± 0.3536")


def test_agreement_and_the_examples_that_all_get_wrong():
    tables = built()
    agreement = tables["agreement"].readable.set_index(["model", "task", "method"])
    row = agreement.loc[("m1", "t1", "a8")]
    assert row.tolist()[:5] == [2, 4, "25.0%", "25.0%", "50.0%"]
    hard = tables["hard"].readable
    assert hard[["task", "id", "label", "runs", "mostly predicted"]].to_numpy().tolist() == [
        [task, "d", "y", 8, "x"] for task in ("t1", "t2")
    ]
    none = ERRORS | {"hard": ERRORS["hard"].iloc[:0]}
    table = build_tables(RUNS, SUMMARY, CARDS, COMPARISONS, STEPS, none)["hard"]
    assert "right in at least one of the 16" in table.note


def test_cost_stands_beside_quality():
    runs = RUNS.assign(train_joules=5000.0)
    table = build_tables(runs, SUMMARY, CARDS, COMPARISONS, STEPS, ERRORS)["cost"]
    row = table.readable.set_index(["model", "task", "method"]).loc[("m1", "t1", "a8")]
    assert row[["parameters", "share", "step (GB)", "peak (GB)", "energy (kJ)"]].tolist() == [
        "10", "1.000 %", "0.06", "2.00", "5.0"
    ]  # fmt: skip
    assert table.note.endswith("Device: CPU.")
    runs.loc[0, "provenance.device"] = "A100"
    assert "cannot be compared: A100, CPU; CPU." in build_tables(
        runs, SUMMARY, CARDS, COMPARISONS, STEPS, ERRORS
    )["cost"].note  # fmt: skip


def test_the_pareto_front_is_what_none_beats():
    costs, scores = pd.Series([1, 2, 2, 3, None, 4]), pd.Series([0.5, 0.7, 0.6, 0.7, 0.9, 0.8])
    assert pareto_front(costs, scores) == [0, 1, 5]
    assert pareto_front(pd.Series([None]), pd.Series([0.5])) == []


@pytest.mark.parametrize("traced", [1.0, None])
def test_the_pareto_figure_has_a_panel_a_task_and_cost(traced):
    figure = plot_pareto(cost(RUNS, STEPS.assign(traced=STEPS["traced"] * (traced or np.nan))))
    assert len(figure.axes) == 4
    assert len(figure.axes[0].lines) == 1 + 4
    assert [text.get_text() for text in figure.axes[0].texts] == ["not known"] * (traced is None)


@pytest.mark.parametrize("kinds", [2, 12, 60])
def test_the_confusion_figure_writes_what_can_be_read(kinds):
    labels = [f"label {at}" for at in range(kinds)]
    rows = [
        {"model": "m", "task": "t", "method": method, "label": one, "predicted": two,
         "count": 1, "share": 1 / kinds}
        for method in ("full", "a8") for one in labels for two in labels
    ]  # fmt: skip
    figure = plot_confusion(pd.DataFrame(rows), labels)
    first = figure.axes[0]
    assert len(first.texts) == (kinds**2 if kinds <= 10 else 0)
    assert len(first.get_xticklabels()) == (kinds if kinds <= 30 else 0)


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


def test_a_data_card_shows_what_was_found_and_leaves_out_what_was_not():
    labels, data, lengths, leaks, conflicts = card_tables(CARDS[0])
    assert labels.readable["train"].tolist() == ["150 (75.0%)", "50 (25.0%)", "200"]
    assert "16 examples of each label, drawn from these by its own seed" in labels.note
    train, test = data.readable.to_dict("records")
    assert (train["in train"], test["in train"], test["nearly in train"]) == ("—", 7, 3)
    assert (train["rarest label"], train["contradicting labels"]) == ("y: 50", 2)
    assert lengths.readable["share cut"].tolist() == ["0.5%", "0.5%"]
    assert leaks.readable.to_dict("records") == [
        {"example": "test e1", "stands in": "train e2", "similarity": "1"}
    ]
    assert conflicts.readable["label"].tolist() == ["x", "y"]
    assert len(card_tables(CARDS[1])) == 3


def test_aggregated_tasks_stand_by_their_parts_beside_the_parts_alone():
    runs = make_runs(["m1"], ["full"], ["t1", "t1+t2"], [1, 2])
    joined = runs["task"] == "t1+t2"
    for part, accuracy in (("t1", 0.75), ("t2", 0.5)):
        found = {"examples": 8, "loss": 1.0, "accuracy": accuracy, "macro_f1": 0.4, "outside": 0.25}
        for key, value in found.items():
            runs[f"parts.{part}.{key}"] = pd.Series(value, runs.index).where(joined)
    summary = summarise(runs, CARDS)
    table = build_tables(runs, summary, CARDS, COMPARISONS.iloc[:0], STEPS, ERRORS)["parts"]
    one, two = table.readable.to_dict("records")
    assert (one["part"], one["n"], one["accuracy"]) == ("t1", 2, "0.7500 ± 0.0000")
    assert one["other parts' labels"] == "25.0%"
    alone = runs.loc[~joined, "accuracy"].mean()
    assert one["accuracy, trained alone"] == f"{alone:.4f}"
    assert one["difference"] == f"{0.75 - alone:+.4f}"
    assert two["accuracy, trained alone"] == two["difference"] == "—"


def test_a_cell_group_that_is_missing_is_shown_as_missing():
    partial = SUMMARY.drop(SUMMARY[(SUMMARY["model"] == "m2") & (SUMMARY["task"] == "t2")].index)
    readable = accuracy_table(partial).readable
    assert (readable.set_index("model").loc["m2", "t2"] == "—").all()


def test_runs_without_a_result_stand_in_every_table_and_figure():
    runs = make_runs(models=["m1"]).astype({"steps": "Int64", "labels.train": "Int64"})
    broken, one = runs["method"] == "a8", (runs["task"] == "t1") & (runs["seed"] == 1)
    measured = [*METRICS, "steps", "trainable_parameters", "labels.train", "majority_accuracy"]
    for chosen, state in ((broken & (runs["task"] == "t2"), FAILED), (~broken & one, MISSING)):
        runs.loc[chosen, "state"] = state
        runs.loc[chosen, measured] = None
    runs.loc[runs["state"] != FINISHED, "degenerate"] = False
    summary = summarise(runs, CARDS)
    none = {"seeds": 0, "seeds_planned": 2, "task": "t2"}
    lacking = COMPARISONS.iloc[:1].assign(**none | dict.fromkeys(
        ["difference", "low", "high", "p_holm", "effect_size", "detectable", "aso", "examples"]
    ))  # fmt: skip
    tables = build_tables(runs, summary, CARDS, lacking, STEPS, ERRORS)
    accuracy = tables["accuracy"]
    cells = accuracy.readable.set_index("method")
    assert cells.loc["a8", "t2"] == "failed ‡2"
    assert cells.loc["full", "t1"].endswith("(1) ‡1")
    assert "in all 2 have failed and 1 are missing" in accuracy.note
    methods = tables["methods"].readable.set_index(["method", "metric"])
    assert methods.loc[("a8", "Accuracy"), "t2"] == "failed ‡2"
    assert "cannot be compared" in tables["answer"].readable["answer"].iloc[0]
    assert tables["comparisons"].readable["seeds"].tolist() == ["0 of 2"]
    every = tables["runs"].readable.set_index(["task", "method", "seed"])
    assert every.loc[("t2", "a8", 2), ["state", "Accuracy", "steps"]].tolist() == [FAILED, "—", "—"]
    assert every.loc[("t1", "a8", 2), ["state", "commit", "Slurm job"]].tolist() == [
        "degenerate", "f00f00f00f", "—"
    ]  # fmt: skip
    settings = tables["hyperparameters"].readable.set_index(["task", "method"])["steps"]
    assert settings[("t2", "a8")] == "—"
    assert settings[("t1", "full")] == "20"
    figure = bars.plot_bars(summary, "accuracy", "sd")
    assert "failed" in {text.get_text().strip() for text in figure.axes[0].texts}
    comparison.plot_methods(runs, summary, "sd")


@pytest.mark.parametrize("runs", [RUNS, make_runs(["m"], ["full"], ["t"], [1])])
def test_figures_are_drawn_and_say_what_their_bars_are(runs, tmp_path):
    summary = summarise(runs, CARDS)
    n = runs["seed"].nunique()
    for metric in METRICS:
        figure = bars.plot_bars(summary, metric, "sd")
        title = figure.legends[0].get_title().get_text()
        assert ("± standard deviation over 2 seeds (n−1)" if n > 1 else "one seed") in title
        series = runs[["model", "method"]].drop_duplicates()
        assert len(figure.axes[0].containers) >= len(series)
        style.save(figure, [tmp_path / f"{metric}.png"], 60)
    figure = comparison.plot_methods(runs, summary, "variance")
    assert len(figure.axes) == 2 * runs["task"].nunique()
    style.save(figure, [tmp_path / "methods.png"], 60)
    task = runs["task"].iloc[0]
    history = make_history(runs)
    figure = curves.plot_curves(history[history["task"] == task], "dev")
    assert [axes.get_title(loc="left") for axes in figure.axes][1] == "Dev loss (nats)"
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
        full = {(look["color"], look["hatch"]) for look in looks.values()}
        assert len(full) == len(series)
        if len({model for model, _ in series}) == 1 and len(series) <= 6:
            assert len({look["hatch"] for look in looks.values()}) == len(series)
