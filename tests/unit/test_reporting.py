"""Tables: what is said, and that nothing is left out of them."""

import copy
import dataclasses

import pandas as pd
from synthetic import (
    CARDS,
    COMPARISONS,
    ERRORS,
    MEASURED,
    OVERALL,
    PREDICTED,
    RUNS,
    STEPS,
    SUMMARY,
    built,
    make_intervals,
    make_runs,
)

from tunegrid.metrics import default_metrics, titles
from tunegrid.reporting import bars_figure as bars
from tunegrid.reporting import methods_figure as comparison
from tunegrid.reporting.comparisons_table import comparisons_table
from tunegrid.reporting.cost_table import cost_table
from tunegrid.reporting.data_tables import card_tables, leak_note, lengths_table
from tunegrid.reporting.gpu_fit import fit_lines, fit_summaries
from tunegrid.reporting.html_page import to_html
from tunegrid.reporting.memory_tables import fits_table, prediction_table
from tunegrid.reporting.report_table import read_table
from tunegrid.reporting.result_tables import build_tables
from tunegrid.reporting.run_links import link_groups, link_runs
from tunegrid.reporting.run_tables import SHOWN_WHERE_SET, hyperparameters_table
from tunegrid.reporting.summary_tables import main_metric_table
from tunegrid.reporting.table_files import to_markdown
from tunegrid.reporting.table_names import TABLES
from tunegrid.results import FAILED, FINISHED, MISSING
from tunegrid.statistics.costs import cost, pareto_front
from tunegrid.statistics.run_counts import count_runs
from tunegrid.statistics.summarise import summarise


def tables_of(runs, summary=SUMMARY, comparisons=COMPARISONS, errors=ERRORS):
    """All tables of these runs."""
    return build_tables(
        runs=runs,
        summary=summary,
        cards=CARDS,
        comparisons=comparisons,
        overall=OVERALL,
        costs=cost(runs, STEPS),
        memory=STEPS,
        errors=errors,
    )


def test_the_best_of_a_task_is_bold_and_degenerate_runs_are_marked():
    table = main_metric_table(SUMMARY)
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
    assert "<b>" in to_html("", [tables["quality"]])
    assert "**" not in to_html("", [tables["quality"]])


def test_the_trainable_share_is_the_first_row_of_each_method():
    readable = built()["methods"].readable
    shown = [titles()[name] for name in default_metrics("single_label").names]
    assert readable["metric"].tolist() == ["Trainable", *shown] * 4
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
    for name in ("tasks", "data", "quality", "methods"):
        assert "leakage" in tables[name].note
        assert "t1 7 and 3 nearly of 200 (5.0 %)." in tables[name].note
        assert "t2" not in tables[name].note
    leaked = SUMMARY.drop_duplicates("task").set_index("task")["test_in_train"]
    assert leaked.to_dict() == {"t1": 7, "t2": 0}
    assert not leak_note(SUMMARY[SUMMARY["task"] == "t2"])


def test_what_fits_is_said_of_each_method():
    memory, fits = prediction_table(PREDICTED, MEASURED).data, fits_table(PREDICTED).data
    assert fit_summaries(memory) == {
        "m1": (
            "a training step needs 9.2 GB by full and 8.1 GB by a8; a GPU like RTX 3060, RTX"
            " 4070 (12 GB) has room for each"
        )
    }
    lines = fit_lines(memory, fits)["m1"]
    sizes = {"full": "7.00 GB, with margins 9.2 GB", "a8": "6.00 GB, with margins 8.1 GB"}
    assert lines == [
        f"{method}: a step of 8 × 32 tokens takes {size}; a GPU like RTX 3060, RTX 4070"
        " (12 GB) fits, and takes 16 such examples at once"
        for method, size in sizes.items()
    ]
    large = [dataclasses.replace(record, traced=200 * 10**9) for record in PREDICTED]
    lines = fit_lines(prediction_table(large, []).data, fits_table(large).data)["m1"]
    assert lines[0].endswith("it; of such examples a GPU like H200 (150 GB) takes not even one")
    untraced = fit_lines(prediction_table([], MEASURED).data, fits_table([]).data)["m1"]
    assert untraced == ["full: cannot be traced; 4 × 32 tokens took 6.00 GB on CPU"]


def test_names_that_look_like_numbers_or_truths_stay_names(tmp_path):
    names = pd.DataFrame({"label": ["0", "true", "NA"], "id": ["0004", "1", "2"], "n": [1, 2, 3]})
    names.to_csv(tmp_path / "t.csv", index=False)
    found = read_table(tmp_path / "t.csv")
    assert found["label"].tolist() == ["0", "true", "NA"]
    assert found["id"].tolist() == ["0004", "1", "2"]
    assert found["n"].tolist() == [1, 2, 3]


def test_the_summary_says_which_interval_is_of_what():
    table = built()["summary"]
    group = (table.readable[["model", "task", "method"]] == ["m1", "t1", "a8"]).all(axis=1)
    row = table.readable[group].set_index("metric")
    accuracy, unrounded = row.loc["Accuracy"], SUMMARY.iloc[5]
    assert (unrounded["method"], unrounded["metric"]) == ("a8", "accuracy")
    assert accuracy["over seeds"] == f"{unrounded['low']:.4f} … {unrounded['high']:.4f}"
    assert accuracy["over seeds and examples"] == (
        f"{unrounded['mean'] - 0.1:.4f} … {unrounded['mean'] + 0.1:.4f}"
    )
    shown = accuracy[["n", "degenerate", "TF-IDF, logistic regression"]].tolist()
    assert shown == ["2", 1, "0.6100"]
    assert row.loc["Loss", "over seeds and examples"] == "—"
    assert "Student's t" in table.note


def test_the_numbers_behind_the_answer_say_what_cannot_be_told():
    table = built()["comparisons"].readable
    assert table["verdict"].tolist() == ["worse", "cannot be told"]
    assert table["needed"].tolist() == ["—", "14 seeds or 2,400 examples"]
    # Method − reference, in points.
    assert table["difference"].tolist() == ["−1.2", "+0.3"]
    assert table["interval"].tolist() == ["−2.2 … −0.2", "−1.1 … +1.7"]
    assert table["alone"].tolist() == ["−2.0 … −0.4", "−0.9 … +1.5"]
    assert table["shown from"].tolist() == ["1.7", "1.7"]
    assert "in points (hundredths)" in built()["comparisons"].note


def test_what_is_not_compared_has_dashes_and_leads_nowhere():
    unknown = ["difference", "low", "high", "verdict_low", "verdict_high", "p_holm", "detectable"]
    none = COMPARISONS.iloc[:1].assign(reference=None, seeds=0, **dict.fromkeys(unknown))
    table = comparisons_table(none, SUMMARY)
    shown = table.readable.iloc[0][["compared with", "seeds", "difference", "interval", "alone"]]
    assert shown.tolist() == ["—", "0 of 5", "—", "—", "—"]
    assert table.links["difference"] == [""]


def test_a_number_of_runs_leads_to_where_they_are_listed():
    tables = built()
    accuracy = tables["quality"]
    row = accuracy.readable.index[accuracy.readable["model"] == "m2"][1]
    assert accuracy.links["t1"][row] == "runs/m2/t1/a8/"
    # The baselines are of no run.
    assert accuracy.links["t1"][-2:] == ["", ""]
    assert len(accuracy.links["t1"]) == len(accuracy.readable)
    methods = tables["methods"]
    assert [methods.links["t2"][at] for at in (0, 1)] == ["", "runs/m1/t2/full/"]
    assert tables["summary"].links["mean"][0] == "runs/m1/t1/full/"
    assert tables["cost"].links["accuracy"][-1] == "runs/m2/t2/a8/"
    assert tables["comparisons"].links["difference"][1] == "runs/m2/t1/a8/"
    assert tables["runs"].links["Accuracy"][1] == "runs/m1/t1/full/seed2/provenance.json"


def test_runs_that_are_not_there_are_not_linked_and_names_are_quoted():
    runs = make_runs(["m 1"], ["full"], ["t1", "t#2"], [1])
    runs.loc[0, "state"] = MISSING
    assert link_runs(runs) == ["", "runs/m%201/t%232/full/seed1/provenance.json"]
    counts = count_runs(runs).reset_index()
    assert link_groups(counts) == ["", "runs/m%201/t%232/full/"]


def test_labels_stand_in_the_task_s_order_with_their_scores():
    table = built()["classes"].readable
    assert table["label"].tolist() == ["x", "y"] * 8
    row = table[(table["method"] == "a8") & (table["label"] == "y")].iloc[0]
    # Seed 1 gets both wrong and the two x right; seed 2 one of each.
    assert (row["support"], row["runs"], row["recall"]) == ("2", "2 †1", "0.2500 ± 0.3536")


def test_agreement_and_the_examples_that_all_get_wrong():
    tables = built()
    agreement = tables["agreement"].readable.set_index(["model", "task", "method"])
    row = agreement.loc[("m1", "t1", "a8")]
    assert row.tolist()[:5] == ["2 †1", "4", "25.0 %", "25.0 %", "50.0 %"]
    hard = tables["hard"].readable
    assert hard[["task", "id", "label", "runs", "mostly predicted"]].to_numpy().tolist() == [
        [task, "d", "y", 8, "x"] for task in ("t1", "t2")
    ]
    none = ERRORS | {"hard": ERRORS["hard"].iloc[:0]}
    table = tables_of(RUNS, errors=none)["hard"]
    assert "right in at least one of them" in table.note


def test_cost_stands_beside_quality():
    runs = RUNS.assign(train_joules=5000.0)
    table = tables_of(runs)["cost"]
    row = table.readable.set_index(["model", "task", "method"]).loc[("m1", "t1", "a8")]
    shown = row[["parameters", "trainable", "step (GB)", "peak (GB)", "energy (kJ)"]].tolist()
    assert shown == ["10", "1.000 %", "0.061", "2.000", "5.0"]
    assert table.note.endswith("Device: CPU.")
    runs.loc[0, "provenance.device"] = "A100"
    assert "cannot be compared: A100; CPU." in tables_of(runs)["cost"].note


def test_the_pareto_front_is_what_none_beats():
    costs, scores = pd.Series([1, 2, 2, 3, None, 4]), pd.Series([0.5, 0.7, 0.6, 0.7, 0.9, 0.8])
    assert pareto_front(costs, scores) == [0, 1, 5]
    assert pareto_front(pd.Series([None]), pd.Series([0.5])) == []


def test_a_data_card_shows_what_was_found_and_leaves_out_what_was_not():
    tables = card_tables(CARDS[0])
    labels, warnings, dropped, texts, ends, signs, data, lengths, leaks, conflicts = tables
    assert warnings.readable["warning"].tolist() == CARDS[0]["warnings"]
    assert dropped.readable.to_dict("records") == [
        {"split": "train", "reason": "label -", "rows": "2"}
    ]
    assert texts.readable["text"].tolist() == ["a text", "|**a** <b>"]
    assert ends.readable["text"].tolist() == ["a", "b↵c→d"]
    assert signs.readable[["train", "test"]].to_dict("records") == [{"train": "1", "test": "0"}]
    assert "No text has mark-up" in signs.note
    assert labels.readable["train"].tolist() == ["150 (75.0 %)", "50 (25.0 %)", "200"]
    assert "16 examples of each label, drawn from these by its own seed" in labels.note
    train, test = data.readable.to_dict("records")
    assert (train["in train"], test["in train"], test["nearly in train"]) == ("—", 7, 3)
    assert (train["rarest label"], train["contradicting labels"]) == ("y: 50", 2)
    assert lengths.readable["share cut"].tolist() == ["0.5 %", "0.5 %"]
    assert leaks.readable.to_dict("records") == [
        {"example": "test e1", "stands in": "train e2", "similarity": "1"}
    ]
    assert conflicts.readable["label"].tolist() == ["x", "y"]
    assert len(card_tables(CARDS[1])) == 6


def test_control_tokens_in_texts_stand_in_the_card_only_where_there_are_some():
    assert "control tokens" not in lengths_table(CARDS).readable
    assert lengths_table(CARDS).note == ""
    assert set(lengths_table(CARDS).data["control_tokens"]) == {0}
    card = copy.deepcopy(CARDS[0])
    lengths = card["tokenizers"]["m1"]["splits"]
    lengths["test"] = lengths["test"] | {"control_tokens": 3}
    [table] = [one for one in card_tables(card) if one.title.startswith("Lengths")]
    assert table.readable.set_index("split")["control tokens"].to_dict() == {"train": 0, "test": 3}
    assert "read as text" in table.note
    for text in (to_markdown(table), to_html("t1", [table])):
        assert "control tokens" in text
        assert "read as text" in text


def test_aggregated_tasks_stand_by_their_parts_beside_the_parts_alone():
    runs = make_runs(["m1"], ["full"], ["t1", "t1+t2"], [1, 2])
    joined = runs["task"] == "t1+t2"
    for part, accuracy in (("t1", 0.75), ("t2", 0.5)):
        found = {"examples": 8, "loss": 1.0, "accuracy": accuracy, "macro_f1": 0.4, "outside": 0.25}
        for key, value in found.items():
            runs[f"parts.{part}.{key}"] = pd.Series(value, runs.index).where(joined)
    summary = summarise(runs, CARDS, make_intervals(runs))
    table = tables_of(runs, summary, COMPARISONS.iloc[:0])["parts"]
    one, two = table.readable.to_dict("records")
    assert (one["part"], one["runs"], one["accuracy"]) == ("t1", "2", "0.7500 ± 0.0000")
    assert one["other parts' labels"] == "25.0 %"
    alone = runs.loc[~joined, "accuracy"].mean()
    assert one["accuracy, trained alone"] == f"{alone:.4f}"
    assert one["difference"] == f"{100 * (0.75 - alone):+.1f}".replace("-", "−")
    assert two["accuracy, trained alone"] == two["difference"] == "—"
    # A run whose loss is not finite counts; one without a result is marked.
    first = runs.index[joined][0]
    runs.loc[first, ["parts.t1.loss", "degenerate", "parts.t1.accuracy"]] = None, True, 0.25
    table = tables_of(runs, summary, COMPARISONS.iloc[:0])["parts"]
    assert table.readable.loc[0, ["runs", "accuracy"]].tolist() == ["2 †1", "0.5000 ± 0.3536"]
    lost = runs.drop(columns=[name for name in runs if name.startswith("parts.")])
    lost = lost.assign(state=FAILED, degenerate=False)
    table = tables_of(lost, summary, COMPARISONS.iloc[:0])["parts"]
    assert table.readable["runs"].tolist() == ["failed ‡2"] * 2
    assert table.readable["accuracy"].tolist() == ["—"] * 2


def test_a_cell_group_that_is_missing_is_shown_as_missing():
    partial = SUMMARY.drop(SUMMARY[(SUMMARY["model"] == "m2") & (SUMMARY["task"] == "t2")].index)
    readable = main_metric_table(partial).readable
    assert (readable.set_index("model").loc["m2", "t2"] == "—").all()


def test_runs_without_a_result_stand_in_every_table_and_figure():
    runs = make_runs(models=["m1"]).astype({"steps": "Int64", "labels.train": "Int64"})
    broken, one = runs["method"] == "a8", (runs["task"] == "t1") & (runs["seed"] == 1)
    measured = [
        *default_metrics("single_label").names,
        "steps",
        "trainable_parameters",
        "labels.train",
        "majority_accuracy",
    ]
    for chosen, state in ((broken & (runs["task"] == "t2"), FAILED), (~broken & one, MISSING)):
        runs.loc[chosen, "state"] = state
        runs.loc[chosen, measured] = None
    runs.loc[runs["state"] != FINISHED, "degenerate"] = False
    summary = summarise(runs, CARDS, make_intervals(runs))
    unknown = ["difference", "low", "high", "verdict_low", "verdict_high", "p_holm", "family"]
    lacking = COMPARISONS.iloc[:1].assign(
        task="t2",
        verdict="not compared",
        seeds=0,
        seeds_planned=2,
        **dict.fromkeys([*unknown, "detectable", "examples"]),
    )
    # As a group without a finished run leaves it: neither a number nor NaN.
    known = summary["trainable_parameters"].astype(object)
    summary["trainable_parameters"] = known.where(known.notna(), None)
    tables = tables_of(runs, summary, lacking)
    accuracy = tables["quality"]
    cells = accuracy.readable.set_index("method")
    assert cells.loc["a8", "t2"] == "failed ‡2"
    assert cells.loc["full", "t1"].endswith("(1) ‡1")
    assert "in all 2 have failed and 1 are missing" in accuracy.note
    methods = tables["methods"].readable.set_index(["method", "metric"])
    assert methods.loc[("a8", "Accuracy"), "t2"] == "failed ‡2"
    assert "is not compared with full on t2" in tables["answer"].readable["answer"].iloc[0]
    assert tables["comparisons"].readable["seeds"].tolist() == ["0 of 2"]
    every = tables["runs"].readable.set_index(["task", "method", "seed"])
    shown = every.loc[("t2", "a8", 2), ["state", "Accuracy", "steps"]].tolist()
    assert shown == [FAILED, "—", "—"]
    shown = every.loc[("t1", "a8", 2), ["state", "commit", "Slurm job"]].tolist()
    assert shown == ["degenerate", "f00f00f00f", "—"]
    settings = tables["hyperparameters"].readable.set_index(["task", "method"])["steps"]
    assert settings[("t2", "a8")] == "—"
    assert settings[("t1", "full")] == "20"
    figure = bars.plot_bars(summary, "accuracy", "sd")
    assert "failed" in {text.get_text().strip() for text in figure.axes[0].texts}
    comparison.plot_methods(runs, summary, "sd")


def test_every_table_warns_of_a_model_that_padding_changes():
    summary = SUMMARY.assign(padding_dependent=SUMMARY["model"] == "m2")
    warning = "Warning: predictions of m2 depend on the padding of their batch"
    for table in tables_of(RUNS, summary=summary).values():
        assert table.note.startswith(warning)
    assert not any("padding" in table.note for table in tables_of(RUNS).values())


def test_settings_of_the_optimizer_step_are_shown_where_a_run_has_another_than_the_default():
    runs = make_runs(models=("m1",))
    plain = hyperparameters_table(runs).readable
    assert not set(plain) & set(SHOWN_WHERE_SET)
    steps = runs["method"].eq("a8").map({True: 50.0, False: None})
    shown = hyperparameters_table(runs.assign(**{"settings.max_steps": steps})).readable
    of_method = shown.drop_duplicates("method").set_index("method")
    assert of_method.loc["a8", ["epochs", "max_steps"]].tolist() == ["—", "50"]
    assert (of_method.drop(index="a8")[["epochs", "max_steps"]] == ["2", "—"]).all(axis=None)
    assert "optimizer" not in shown


def measured(runs):
    """The runs, each with what its model costs at use: of `a8` merged, too."""
    own = {"latency_seconds": 0.004, "examples_per_second": 500.0}
    merged = runs["method"].eq("a8").map({True: 0.003, False: None}).astype(float)
    return runs.assign(
        **own, merged_latency_seconds=merged, merged_examples_per_second=2e5 * merged
    )


def test_the_cost_at_use_stands_beside_the_score_where_it_was_measured():
    runs = make_runs(models=("m1",))
    plain = cost_table(cost(runs, STEPS)).readable
    assert not {"one example (ms)", "merged (ms)", "examples/s"} & set(plain)
    assert set(plain["stored (MB)"]) == {"0.000", "0.004"}
    costs = cost(measured(runs), STEPS)
    table = cost_table(costs)
    row = table.readable.drop_duplicates("method").set_index("method").loc["a8"]
    assert (row["one example (ms)"], row["merged (ms)"]) == ("4.00", "3.00")
    assert (row["examples/s"], row["merged, examples/s"]) == ("500", "600")
    other = table.readable.drop_duplicates("method").set_index("method").drop(index="a8")
    assert (other["merged (ms)"] == "—").all()
    at_use = costs.drop_duplicates("method").set_index("method")["latency_at_use"]
    assert at_use["a8"] == 0.003
    assert (at_use.drop("a8") == 0.004).all()
    assert "medians of forward passes" in table.note
