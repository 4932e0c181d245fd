"""A paper's numbers beside ours, and the audits of the report's own."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from tunegrid.metrics import METRICS
from tunegrid.published.audit import audit_published
from tunegrid.published.finding_kinds import KINDS, Finding
from tunegrid.published.findings import (
    FAILS,
    HOLDS,
    JUDGES,
    UNKNOWN,
    Estimate,
    check_findings,
)
from tunegrid.published.number_comparison import (
    NARROW_POINTS,
    compare_published,
    expected_interval,
    number_table,
    welch_interval,
)
from tunegrid.published.number_file import PublishedNumber
from tunegrid.published.paper import read_paper, sourced_findings
from tunegrid.reporting.published_tables import findings_table, published_tables
from tunegrid.reporting.table_names import PUBLISHED_TABLES
from tunegrid.reporting.workbook_columns import describe_column
from tunegrid.statistics.verdicts import t_quantile

PAPER = read_paper("config/published/lab-report-2024")
FINDINGS = sourced_findings([PAPER])
REPORT = number_table(PAPER.numbers)
#: The report's test splits, as `check_task` finds them (labels of train and test).
ACL = ["Uses", "Future", "CompareOrContrast", "Motivation", "Extends", "Background"]


def card(task, test, train=None):
    splits = {"train": train or test, "test": test}
    return {
        "task": task,
        "splits": {
            split: {"examples": sum(labels.values()), "labels": labels}
            for split, labels in splits.items()
        },
    }


CARDS = [
    card("acl_sup", dict(zip(ACL, (26, 5, 25, 7, 5, 71), strict=True))),
    card("restaurant_sup", {"positive": 728, "negative": 196, "neutral": 196}),
]


def row(model, task, method, accuracy, n=5, half=0.01, trained=1000, total=1000):
    return {
        "model": model, "task": task, "method": method, "metric": "accuracy", "n": n,
        "mean": accuracy, "sd": half / 1.2416 if n > 1 else None,  # t(4) / √5
        "low": accuracy - half if n > 1 else None,
        "high": accuracy + half if n > 1 else None, "crossed_low": accuracy - half,
        "crossed_high": accuracy + half, "trainable_parameters": trained,
        "total_parameters": total, "n_runs": 5, "n_degenerate": 0, "n_failed": 0,
        "n_missing": 5 - n, "trainable_percent": 100 * trained / total,
    }  # fmt: skip


def with_micro(rows):
    return pd.DataFrame([*rows, *(r | {"metric": "micro_f1"} for r in rows)])


def printed(value, metric="accuracy", task="t", model="m", method="full", **spread):
    """A number of the paper p."""
    return PublishedNumber("p", model, task, method, metric, value, **spread)


def verdict_on(number, rows):
    """The verdict on one published number beside rows of a summary."""
    return compare_published(number_table([number]), pd.DataFrame(rows))["verdict"].item()


def remarks_on(*numbers, summary=None):
    """What the audit says of numbers, as (value, finding)."""
    found = audit_published(number_table(numbers), CARDS, SUMMARY if summary is None else summary)
    return list(zip(found["value"], found["finding"], strict=True))


SUMMARY = with_micro(
    [
        row("roberta-base", "restaurant_sup", "full", 0.861),
        row("roberta-base", "acl_sup", "full", 0.72),
        row("roberta-base", "acl_sup", "adapter-64", 0.63, n=1, trained=2972163, total=127027203),
    ]
)


def test_a_published_number_is_within_our_interval_or_not():
    found = compare_published(REPORT, SUMMARY).set_index(["model", "task", "method", "metric"])
    inside = found.loc[("roberta-base", "restaurant_sup", "full", "accuracy")]
    assert inside["verdict"] == "within"
    assert inside["difference"] == pytest.approx(0.861 - 0.86018)
    verdicts = found["verdict"]
    assert verdicts["roberta-base", "acl_sup", "full", "accuracy"] == "outside"
    assert verdicts["roberta-base", "acl_sup", "adapter-64", "accuracy"] == "one run"
    assert verdicts["bert-base-uncased", "acl_sup", "full", "accuracy"] == "not in the grid"
    assert verdicts["roberta-base", "", "adapter-64", "trainable_percent"] == "differs"
    assert len(found) == len(REPORT)


def test_the_tables_show_what_was_printed_and_what_cannot_be_told():
    compared = compare_published(REPORT, SUMMARY)
    audit = audit_published(REPORT, CARDS, SUMMARY)
    tables = published_tables(compared, audit)
    assert list(tables) == PUBLISHED_TABLES
    shown = tables["published"].readable
    assert shown["published"].tolist() == REPORT["value"].tolist()
    first = shown.iloc[0]
    assert (first["ours"], first["runs"], first["difference"]) == ("0.8610", "5", "+0.0008")
    one = shown[(shown["method"] == "adapter-64") & (shown["task"] == "acl_sup")]
    assert one.set_index("metric").loc["accuracy", "runs"] == "1 ‡4"
    assert first["interval"] == "0.8510 … 0.8710"
    links = tables["published"].links["ours"]
    assert links[0] == f"runs/{first['model']}/{first['task']}/{first['method']}/"
    no_task = [link for link, task in zip(links, shown["task"], strict=True) if not task]
    assert set(no_task) == {""}
    assert "None of these" not in tables["published"].note
    other = with_micro([row("m", "t", "full", 0.5)])
    none = published_tables(compare_published(REPORT, other), audit.iloc[:0])
    assert none["published"].note.startswith("None of these models")
    assert none["published_audit"].note.startswith("None was found")


@pytest.mark.parametrize(
    ("value", "mean_of", "verdict"),
    [
        ("0.9090", 5, "within"), ("0.9110", 5, "within chance"), ("0.9135", 5, "within chance"),
        ("0.9145", 5, "outside"), ("0.9145", 1, "within chance"), ("0.9240", 1, "within chance"),
        ("0.9250", 1, "outside"), ("0.9110", None, "outside"),
    ],
)  # fmt: skip
def test_a_mean_of_few_runs_may_lie_outside_by_chance(value, mean_of, verdict):
    """Ours: .90 ± .01 of 5 runs; so a mean of 5 lies within √2, a single run within √6 of that."""
    number = printed(value, mean_of=mean_of)
    assert verdict_on(number, [row("m", "t", "full", 0.9)]) == verdict


@pytest.mark.parametrize(
    ("half", "verdict"),
    [(0.01, "within"), (0.0299, "within"), (0.031, "too wide to tell"), (0.2, "too wide to tell")],
)
def test_a_wide_interval_agrees_with_no_number(half, verdict):
    """Else two noisy runs would confirm whatever a paper prints."""
    assert verdict_on(printed("0.8999"), [row("m", "t", "full", 0.9, half=half)]) == verdict


def test_a_wide_interval_still_contradicts_what_is_far_off():
    assert verdict_on(printed("0.6000"), [row("m", "t", "full", 0.9, half=0.2)]) == "outside"


def test_an_invented_loss_is_not_within_a_wide_interval():
    """Ours: .82, with an interval from 0.02 to 1.62; the paper: .05."""
    wide = row("m", "t", "full", 0.82, half=0.8) | {"metric": "loss"}
    assert verdict_on(printed("0.05", metric="loss"), [wide]) == "too wide to tell"
    narrow = row("m", "t", "full", 0.82, half=0.08) | {"metric": "loss"}
    assert verdict_on(printed("0.05", metric="loss"), [narrow]) == "outside"
    assert verdict_on(printed("0.80", metric="loss"), [narrow]) == "too wide to tell"
    assert verdict_on(printed("0.800", metric="loss"), [narrow]) == "within"


def test_a_number_with_one_digit_is_too_coarse_to_tell():
    assert verdict_on(printed("0.9"), [row("m", "t", "full", 0.9)]) == "too wide to tell"


def test_what_chance_explains_must_be_narrow_too():
    """Ours: ± 2 points of 5 runs; where a single run falls is ± 4.9 points wide."""
    noisy = [row("m", "t", "full", 0.9, half=0.02)]
    assert verdict_on(printed("0.9400", mean_of=1), noisy) == "too wide to tell"
    assert verdict_on(printed("0.9500", mean_of=1), noisy) == "outside"


def test_runs_that_all_score_the_same_say_nothing_of_their_spread():
    constant = [row("m", "t", "full", 0.9, half=0.0)]
    assert verdict_on(printed("0.9000"), constant) == "equal"
    assert verdict_on(printed("0.9010"), constant) == "differs"
    assert verdict_on(printed("0.9010", mean_of=5), constant) == "differs"
    with_spread = printed("0.9010", mean_of=5, sd=0.005)
    assert verdict_on(with_spread, constant) == "within chance"


def test_the_paper_s_own_spread_is_used():
    """Ours: ± 1 point of 5 runs. A paper of more varied runs is farther off by chance."""
    ours = [row("m", "t", "full", 0.9)]
    steady = printed("0.9170", mean_of=5, sd=0.001)
    varied = printed("0.9170", mean_of=5, sd=0.016)
    assert verdict_on(steady, ours) == "outside"
    assert verdict_on(varied, ours) == "within chance"
    same_error = printed("0.9170", mean_of=5, standard_error=0.016 / 5**0.5)
    found = compare_published(number_table([varied, same_error]), pd.DataFrame(ours))
    assert found["expected_low"][0] == pytest.approx(found["expected_low"][1])
    table = published_tables(found, audit_published(number_table([]), [], SUMMARY))["published"]
    assert table.readable["spread"].tolist() == ["sd 0.0160", "se 0.0072"]
    assert table.data["published_sd"].tolist()[0] == 0.016


def test_the_interval_with_the_paper_s_spread_is_welch_s():
    """Its ends are where SciPy's test of both samples has p = 5 %."""
    for n, sd, other_n, other_sd in ((2, 0.01, 5, 0.03), (5, 0.02, 3, 0.001), (4, 0.01, 10, 0.0)):
        error = other_sd / other_n**0.5
        for end in welch_interval(n, 0.8, sd, other_error=error, other_n=other_n):
            _, p = stats.ttest_ind_from_stats(
                mean1=0.8, std1=sd, nobs1=n, mean2=end, std2=other_sd, nobs2=other_n,
                equal_var=False,
            )  # fmt: skip
            assert p == pytest.approx(0.05)
    assert welch_interval(3, 0.8, 0.0, other_error=0.0, other_n=3) == (0.8, 0.8)


def test_the_tables_say_what_narrow_is():
    compared = compare_published(REPORT, SUMMARY)
    note = published_tables(compared, audit_published(REPORT, CARDS, SUMMARY))["published"].note
    for text in (note, describe_column("published", "verdict").meaning):
        assert "too wide to tell" in text.lower()
        assert f"more than {NARROW_POINTS:g} points (of the loss: 10 % of our" in text
    assert "margin" in describe_column("comparisons", "verdict").meaning


def test_the_trainable_share_is_written_in_one_way():
    """As in the tables of methods and of costs: percent of all parameters, with three digits."""
    tables = published_tables(
        compare_published(REPORT, SUMMARY), audit_published(REPORT, CARDS, SUMMARY)
    )
    shown = tables["published"].readable
    share = shown[(shown["metric"] == "trainable_percent") & (shown["method"] == "adapter-64")]
    assert share[["ours", "difference"]].values.tolist() == [["2.340 %", "−0.478 %"]]
    audited = tables["published_audit"].readable
    assert audited["finding"].str.contains("without it 2.340 %", regex=False).sum() == 1


def test_expected_means_are_where_they_fall():
    """Of simulated papers with 3 runs each, beside 5 of ours, 95 of 100 lie in what is expected."""
    draw = np.random.default_rng(0)
    ours, theirs = draw.normal(size=(20_000, 5)), draw.normal(size=(20_000, 3)).mean(axis=1)
    low, high = expected_interval(
        n=5, mean=ours.mean(axis=1), sd=ours.std(axis=1, ddof=1), further_runs=3
    )
    assert ((low < theirs) & (theirs < high)).mean() == pytest.approx(0.95, abs=0.005)


def test_a_group_whose_runs_all_failed_is_no_single_run():
    none = row("roberta-base", "acl_sup", "adapter-64", np.nan, n=0, trained=np.nan)
    found = compare_published(REPORT, with_micro([none]))
    mine = found[(found["method"] == "adapter-64") & (found["task"] != "restaurant_sup")]
    verdicts = mine.set_index(["task", "metric"])["verdict"]
    assert verdicts["acl_sup", "accuracy"] == "no finished run"
    assert verdicts["", "trainable_percent"] == "no finished run"


def test_the_last_printed_digit_is_no_difference():
    for mean, verdict in ((0.8851, "within"), (0.8849, "outside")):
        assert verdict_on(printed("0.90"), [row("m", "t", "full", mean, half=0.01)]) == verdict


def test_the_audit_finds_what_the_report_has_and_nothing_else():
    found = audit_published(REPORT, CARDS, SUMMARY)
    told = {(r.model, r.task, r.method, r.value): r.finding for r in found.itertuples()}
    assert set(told) == {
        ("roberta-base", "acl_sup", "full", "accuracy 0.7822"),
        ("roberta-base", "acl_sup", "adapter-8", "accuracy 0.511, macro-F1 0.113"),
        ("roberta-base", "restaurant_sup", "adapter-64", "loss 0.145"),
        ("roberta-base", "", "adapter-64", "2.818 % trainable"),
    }
    findings = list(told.values())
    assert any("no mean of 5 runs on 139 test examples" in text for text in findings)
    assert any("predicting Background for every example (71 of 139)" in text for text in findings)
    assert any("(errors cost 0.127 at least)" in text for text in findings)
    assert any("(642,393 parameters); without it 2.340 %" in text for text in findings)


@pytest.mark.parametrize(
    ("value", "mean_of", "impossible"),
    [
        ("0.75216", 20, None), ("0.75216", None, "1 to 10 runs"),  # 2091 of 20 · 139
        ("0.73022", 1, "one run"), ("0.73022", None, None),  # 101.5 of 139
    ],
)  # fmt: skip
def test_a_mean_is_tried_for_the_runs_that_it_is_of(value, mean_of, impossible):
    found = remarks_on(printed(value, task="acl_sup", mean_of=mean_of))
    remark = f"is no mean of {impossible} on 139 test examples (GRIM)"
    assert found == ([(f"accuracy {value}", remark)] if impossible else [])


def test_a_loss_below_what_the_errors_cost_cannot_be():
    ((_, finding),) = remarks_on(printed("0.5"), printed("0.2", metric="loss"))
    assert finding.startswith("cannot be of the same predictions as accuracy 0.5")


@pytest.mark.parametrize(
    ("value", "metric", "finding"),
    [
        ("1.2", "accuracy", "cannot be: the greatest possible value is 1"),
        ("-0.1", "macro_f1", "cannot be: the least possible value is 0"),
        ("-0.3", "loss", "cannot be: the least possible value is 0"),
        ("281.8", "trainable_percent", "cannot be: the greatest possible value is 100"),
        ("1.000", "macro_f1", None), ("0.0", "loss", None), ("99", "loss", None),
    ],
)  # fmt: skip
def test_a_value_out_of_its_metric_s_range_cannot_be(value, metric, finding):
    """And nothing else is told of it: an accuracy of 1.2 need not be tried by GRIM."""
    found = remarks_on(printed(value, metric=metric, task="acl_sup"))
    assert [text for _, text in found] == ([finding] if finding else [])


def test_an_accuracy_that_is_not_the_micro_f1_beside_it_is_told():
    task = "restaurant_sup"
    (found,) = remarks_on(printed("0.861", task=task), printed("0.858", "micro_f1", task=task))
    assert found[0] == "accuracy 0.861, micro-F1 0.858"
    assert found[1].startswith("differ, but are one number where each example has one label")
    # As far as they were printed they may be one.
    assert remarks_on(printed("0.861", task=task), printed("0.86", "micro_f1", task=task)) == []


def test_a_number_that_a_paper_prints_in_two_ways_is_told():
    task = "restaurant_sup"
    table = printed("0.861", task=task, where="table 2")
    text = printed("0.85", task=task, where="abstract")
    assert remarks_on(table, text) == [
        ("accuracy 0.861 (table 2)", "is 0.85 elsewhere in the paper (abstract)")
    ]
    assert remarks_on(table, dataclasses.replace(text, value="0.86")) == []
    found = compare_published(number_table([table, text]), SUMMARY)
    shown = published_tables(found, audit_published(number_table([]), [], SUMMARY))["published"]
    assert shown.readable["where"].tolist() == ["table 2", "abstract"]


def test_notes_stand_beside_their_number_and_under_the_table():
    audit = audit_published(number_table([]), [], SUMMARY)
    plain = published_tables(compare_published(number_table([printed("0.85")]), SUMMARY), audit)[
        "published"
    ]
    assert "note" not in plain.readable
    noted = printed("0.85", note="from another checkpoint")
    found = compare_published(number_table([noted]), SUMMARY)
    shown = published_tables(found, audit, ["smith2025: The best epoch."])["published"]
    assert shown.readable["note"].tolist() == ["from another checkpoint"]
    assert "smith2025: The best epoch. Ours: mean over the runs." in shown.note


def test_few_digits_round_to_a_score_and_do_not_say_that_they_are_it():
    """.511 of 139 examples is 71 and nothing else; .65 of 1,120 may be 723 to 733 of them."""
    (is_it,) = remarks_on(printed("0.511", task="acl_sup"))
    assert is_it[1].startswith("is that of predicting Background for every example (71 of 139)")
    task = "restaurant_sup"
    (rounds,) = remarks_on(printed("0.65", task=task))
    assert rounds[1].startswith(
        "may be that of predicting positive for every example (728 of 1120)"
    )
    assert "which rounds to it" in rounds[1]
    # A mean of five runs has five times as many values.
    assert "rounds to" in remarks_on(printed("0.511", task="acl_sup", mean_of=15))[0][1]


def test_a_share_of_few_digits_rounds_to_one_that_counts_an_unused_head():
    def share(value):
        return remarks_on(
            printed(value, "trainable_percent", task="", model="roberta-base", method="adapter-64")
        )

    assert share("2.818")[0][1].startswith("counts an unused head")
    assert "gives 2.831 %, which rounds to it; without it 2.340 %" in share("2.8")[0][1]
    # What the right share rounds to is not suspected.
    assert share("2.34") == share("2.3") == share("2") == []


def findings_of(rows):
    return check_findings(FINDINGS, with_micro(rows))


def verdicts(rows):
    return findings_of(rows)["verdict"].tolist()


def findings_grid(half, hard=0.1, best=0.9, small=0.1, adapter=0.6):
    """Accuracies of three models by full fine-tuning, and of roberta-base by two adapters."""
    return [
        *(row(m, t, "full", a, half=half) for m, base in
          (("roberta-base", best), ("scibert_scivocab_uncased", 0.83), ("bert-base-uncased", 0.8))
          for t, a in (("acl_sup", base - hard), ("agnews_sup", base))),
        row("roberta-base", "acl_sup", "adapter-64", adapter, half=half),
        row("roberta-base", "acl_sup", "adapter-8", adapter - small, half=half),
        row("roberta-base", "agnews_sup", "adapter-64", adapter + 0.2, half=half),
        row("roberta-base", "agnews_sup", "adapter-8", adapter + 0.17, half=half),
    ]  # fmt: skip


def test_the_report_s_findings_hold_or_not():
    assert verdicts(findings_grid(0.002)) == [HOLDS] * 6
    other = findings_grid(0.002, hard=-0.05, best=0.7, small=0.01, adapter=0.9)
    assert verdicts(other) == [FAILS, FAILS, FAILS, FAILS, FAILS, HOLDS]


def test_what_lies_within_the_intervals_cannot_be_told():
    assert verdicts(findings_grid(0.2)) == [UNKNOWN] * 5 + [HOLDS]
    # .10 apart with ± .06 each: sqrt(2) · .06 = .085; ± .08 each: .113.
    assert verdicts(findings_grid(0.06))[0] == HOLDS
    assert verdicts(findings_grid(0.08))[0] == UNKNOWN


def test_few_seeds_do_not_make_findings_hold_by_chance():
    """Of two equal methods with two seeds each, one is called better in less than 5 of 100 grids.

    By normal quantiles it would be in about a fifth of them.
    """
    draw = np.random.default_rng(0)
    signs = []
    for first, second in draw.normal(size=(2000, 2, 2)):
        ends = []
        for scores in (first, second):
            half = t_quantile(2) * scores.std(ddof=1) / 2**0.5
            mean = scores.mean()
            ends.append(Estimate(mean, low=mean - half, high=mean + half))
        signs.append((ends[0] - ends[1]).sign)
    assert np.mean(np.array(signs) != 0) < 0.05


def test_the_end_of_a_metric_s_range_is_an_end_of_an_interval():
    """An interval that the range cuts off is not as short on its other side."""
    near_one = Estimate(0.98, low=0.90, high=1.0)
    lower = Estimate(0.93, low=0.92, high=0.94)
    assert (near_one - lower).low == pytest.approx(0.05 - np.hypot(0.08, 0.01))
    assert (near_one - lower).high == pytest.approx(0.05 + np.hypot(0.02, 0.01))


def test_one_seed_tells_no_finding():
    one = [row | {"n": 1, "n_missing": 4} for row in findings_grid(0.002)]
    found = findings_of(one)
    assert found["verdict"].tolist() == [UNKNOWN] * 5 + [HOLDS]
    assert "roberta-base full on acl_sup: 1 of 5 runs" in found["because"][0]
    assert "nan" not in " ".join(found["because"])


def test_tasks_are_compared_by_the_same_models_only():
    full = [
        row("bert-base-uncased", "acl_sup", "full", 0.7, half=0.002),
        row("roberta-base", "agnews_sup", "full", 0.85, half=0.002),
    ]
    found = findings_of(full)
    assert found["verdict"][0] == UNKNOWN
    assert found["because"][0].startswith("no model has a result on all tasks")


def test_a_degenerate_run_behind_a_finding_is_named():
    grid = findings_grid(0.002)
    broken = [row | {"n_degenerate": 2 if row["method"] == "adapter-8" else 0} for row in grid]
    found = findings_of(broken)
    assert "roberta-base adapter-8 on acl_sup: 2 of 5 runs degenerate" in found["because"][4]
    assert "degenerate" not in found["because"][0]


def test_a_share_is_audited_where_some_groups_have_no_finished_run():
    none = SUMMARY.assign(total_parameters=SUMMARY["total_parameters"].astype("Int64"))
    none["trainable_parameters"] = none["trainable_parameters"].astype("Int64")
    none.loc[none["task"] == "restaurant_sup", "trainable_parameters"] = pd.NA
    none.loc[none["task"] == "restaurant_sup", "method"] = "adapter-64"
    found = audit_published(REPORT, CARDS, none)
    assert found["value"].str.contains("% trainable").sum() == 1


def test_what_is_not_in_the_grid_cannot_be_told():
    found = findings_of([row("m", "t", "full", 0.5)])
    assert found["verdict"].tolist() == [UNKNOWN] * 5 + [HOLDS]
    assert found["because"].str.startswith("the grid has no ").tolist() == [True] * 5 + [False]
    none = [row("m", "acl_sup", "full", 0.5) | {"mean": None}, row("m", "t", "full", 0.5)]
    assert verdicts(none)[0] == UNKNOWN


def test_every_kind_of_finding_has_its_function():
    assert sorted(JUDGES) == sorted(KINDS)


def test_the_report_s_findings_are_told_in_these_words():
    """Word for word, so that no edit of a kind of finding changes what is told in silence."""
    found = findings_of(findings_grid(0.06))
    assert found[["finding", "verdict", "because"]].values.tolist() == [
        [
            "acl_sup is the hardest task (full fine-tuning)",
            "holds",
            "acl_sup 0.7433 ± 0.0600, agnews_sup 0.8433 ± 0.0600",
        ],
        [
            "agnews_sup is the easiest task (full fine-tuning)",
            "holds",
            "acl_sup 0.7433 ± 0.0600, agnews_sup 0.8433 ± 0.0600",
        ],
        [
            "roberta-base and scibert beat bert-base-uncased (full fine-tuning)",
            "cannot tell",
            ("mean over tasks: bert-base-uncased 0.7500 ± 0.0424, scibert_scivocab_uncased "
            "0.7800 ± 0.0424, roberta-base 0.8500 ± 0.0424"),
        ],
        [
            "full fine-tuning is mostly better than an adapter",
            "holds",
            "of 4 comparisons better in 4, worse in 0, cannot be told in 0",
        ],
        [
            "a larger adapter helps the hardest task most (size 64 against 8)",
            "cannot tell",
            "hardest: acl_sup; gains: agnews_sup +0.0300 ± 0.0849, acl_sup +0.1000 ± 0.0849",
        ],
        [
            "accuracy equals micro-F1",
            "holds",
            ("with one label an example each error is one false positive and one false "
            "negative; largest difference 0e+00"),
        ],
    ]  # fmt: skip
    table = findings_table(found)
    assert list(table.readable) == ["source", "finding", "verdict", "because"]
    assert set(table.data["source"]) == {"report"}


def claim(**kind):
    """A finding of one kind, as a paper of the name p has it."""
    return [("p", Finding(finding="what it says", **kind))]


def test_a_metric_of_which_less_is_better_turns_hard_and_easy_round(monkeypatch):
    """No such metric is compared today; one that is registered so must not be read upside down."""
    less = dataclasses.replace(METRICS["accuracy"], higher_is_better=False)
    monkeypatch.setitem(METRICS, "accuracy", less)
    summary = with_micro(
        [
            row("m", "low", "full", 0.2), row("m", "high", "full", 0.9),
            row("m", "low", "a", 0.1), row("m", "high", "a", 0.5),
        ]
    )  # fmt: skip
    for kind, task, verdict in (
        ("hardest_task", "high", HOLDS), ("hardest_task", "low", FAILS),
        ("easiest_task", "low", HOLDS), ("easiest_task", "high", FAILS),
    ):  # fmt: skip
        found = check_findings(claim(**{kind: {"task": task, "method": "full"}}), summary)
        assert found["verdict"].item() == verdict
    better = claim(mostly_better_method={"method": "a", "than": ["full"]})
    assert check_findings(better, summary)["verdict"].item() == HOLDS
    gains = claim(gains_most_on_hardest_task={"method": "a", "over": "full"})
    found = check_findings(gains, summary)
    assert found["verdict"].item() == HOLDS
    assert found["because"].item().startswith("hardest: high; gains: low +0.1000 ± 0.0141, high +")
