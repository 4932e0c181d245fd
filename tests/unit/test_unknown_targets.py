"""A target that nothing makes: the line names what can be made."""

import logging
from types import SimpleNamespace

import pytest

from tunegrid.planning.unknown_targets import NamedRule, TargetWording, target_problems

FIGURES = ("results/figures/forest.png", "results/figures/bars_accuracy.png")
RULES = [
    NamedRule("report", ("results/report.html",), has_wildcards=False, asked_for=True),
    NamedRule("figures", FIGURES, has_wildcards=False, asked_for=True),
    NamedRule("runs", ("results/runs/a/b/c/seed1/training.json",), False, asked_for=True),
    NamedRule("train", ("results/runs/{model}/{seed}/history.csv",), True, asked_for=False),
]


@pytest.mark.parametrize(
    ("target", "told"),
    [
        (
            "reprot",
            "reprot: no rule is called so; did you mean report? targets: figures, report, runs",
        ),
        ("xyz", "xyz: no rule is called so; targets: figures, report, runs"),
        ("train", "train: is the rule of many files; name one of them, results/runs/{model}/"),
        ("results/figures/forrest.png", "did you mean results/figures/forest.png?"),
        ("results/figures/bars_accurcy.png", "did you mean results/figures/bars_accuracy.png?"),
        ("results/figures/qqq.png", "results/figures will hold bars_accuracy, forest"),
        ("forest.png", "did you mean results/figures/forest.png?"),
        ("results/runs/a/x/c/seed1/training.json", "python scripts/expand_grid.py --configfile"),
        ("result/report.htm", "did you mean results/report.html?"),
        ("a.b", "a.b: nothing makes it; snakemake --list-target-rules shows"),
    ],
)
def test_an_unknown_target_is_answered_with_what_can_be_made(target, told):
    [problem] = target_problems([target], RULES)
    assert problem.startswith(f"{target}: ")
    assert told in problem
    assert "\n" not in problem


class Rule(SimpleNamespace):
    def is_producer(self, target):
        return target in self.output

    def has_wildcards(self):
        return False


@pytest.mark.parametrize(
    ("target", "exception", "printed"),
    [
        (
            "out.txf",
            "MissingRuleException",
            "error: out.txf: nothing makes it; did you mean out.txt?",
        ),
        ("out.txt", "WorkflowError", "At least one job failed"),
        ("out.txf", "ChildIOException", "At least one job failed"),
    ],
)
def test_only_an_error_about_a_target_is_put_into_other_words(target, exception, printed):
    rule = Rule(name="make", output=["out.txt"], input=[], snakefile="data.smk")
    settings = SimpleNamespace(targets={target})
    wording = TargetWording(SimpleNamespace(rules=[rule], dag_settings=settings))
    record = logging.makeLogRecord({"msg": "At least one job failed", "exception": exception})
    assert wording.filter(record)
    assert record.getMessage().startswith(printed)
