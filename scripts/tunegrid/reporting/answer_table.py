"""What is lost with a method that trains less: in sentences, over all tasks and for each."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd

from tunegrid.metrics import find_metric
from tunegrid.reporting.answer_caveats import Evidence, list_caveats, remark_on_runs
from tunegrid.reporting.answer_costs import Costs
from tunegrid.reporting.answer_sentences import (
    describe_comparison,
    describe_overall,
    describe_single_runs,
    name_sides,
)
from tunegrid.reporting.comparisons_table import NOTHING_NOTE
from tunegrid.reporting.difference_format import DifferenceFormat
from tunegrid.reporting.report_table import DASH, ReportTable, join_notes
from tunegrid.statistics.pairs import Question
from tunegrid.statistics.verdicts import Verdict

BRACKETS_NOTE = (
    "Differences are the method − what it is compared with. In brackets: the interval that the"
    " verdict is read from, wider than 95 % where several differences are judged together. Such a"
    " difference would be told: with power 80 %, by so many seeds on the same test examples, or by"
    " so many test examples with the same seeds. Parameters: those that receive a gradient, of all"
    " that the model has. Memory: of a training step of the same shape, traced."
)
PAIRS_NOTE = (
    "Models are compared by the same method, each with the grid's first; with compare: {pairs: all}"
    " in the configuration, all of them are compared, and the methods with each other, too."
)
NO_PAIRS_NOTE = (
    "The grid has one model, and its methods are compared with the reference alone: compare:"
    " {pairs: all} in the configuration compares them with each other, too."
)
#: Stands for the task in the rows over all tasks, with their number.
OVER_TASKS = "all {} tasks"
#: The columns of the comparisons that stand beside the sentences, for programs.
KEPT = [
    "question",
    "model",
    "task",
    "method",
    "reference_model",
    "reference",
    "metric",
    "verdict",
    "seeds",
    "examples",
    "difference",
    "low",
    "high",
    "verdict_low",
    "verdict_high",
]
#: Further columns for programs.
ADDED = ["trainable_percent", "memory_percent", "remarks", "answer"]


@dataclass(frozen=True)
class Answer:
    """Everything that one subject is said to lose or gain, against one other.

    Attributes:
        question: which kind of comparison it is.
        asked: what both have in common: the model where methods are compared, or the method.
        subject: the method or model that the sentences are about.
        other: the one that it is compared with; empty if there is none.
        overall: the row over all tasks; None where fewer than two tasks compare it.
        tasks: the rows of the single tasks.
    """

    question: str
    asked: str
    subject: str
    other: str
    overall: Any | None
    tasks: list[Any]


def answer_table(
    comparisons: pd.DataFrame,
    overall: pd.DataFrame,
    summary: pd.DataFrame,
    memory: pd.DataFrame,
    tuning: pd.DataFrame | None = None,
) -> ReportTable:
    """What each method loses of each task's main metric against the reference method.

    Args:
        comparisons: as compare_methods returns it.
        overall: as `compare_over_tasks` returns it.
        summary: as summarise returns it.
        memory: the table `memory`: columns model, method, batch, tokens and traced (bytes).
        tuning: as `tunegrid.tuning.tuning_rows.collect_tuning` returns it; None without tuning.

    Returns:
        A row with one sentence for each model and method over all tasks, and for each task.
    """
    compared = select_rows(comparisons, Question.AGAINST_REFERENCE)
    table = _write_table(
        "What is lost, at which share of parameters and memory",
        gather_answers(comparisons, overall, [Question.AGAINST_REFERENCE]),
        margin_of(comparisons),
        Costs.of(summary, memory),
    )
    if compared.empty:
        return replace(table, note=NOTHING_NOTE)
    caveats = list_caveats(Evidence(compared, summary, tuning))
    return replace(table, note=join_notes(BRACKETS_NOTE, *caveats))


def pairs_table(
    comparisons: pd.DataFrame, overall: pd.DataFrame, summary: pd.DataFrame, memory: pd.DataFrame
) -> ReportTable:
    """The same of everything else that is compared: the models, and the methods with each other.

    Args:
        comparisons, overall, summary, memory: as of `answer_table`.
    """
    questions = [Question.AMONG_MODELS, Question.AMONG_METHODS]
    answers = gather_answers(comparisons, overall, questions)
    table = _write_table(
        "Models compared, and methods compared with each other",
        answers,
        margin_of(comparisons),
        Costs.of(summary, memory),
    )
    return replace(table, note=PAIRS_NOTE if answers else NO_PAIRS_NOTE)


def select_rows(table: pd.DataFrame, question: Question) -> pd.DataFrame:
    """The rows that answer a question by the main metric of each task.

    Args:
        table: the comparisons, or those over all tasks.
        question: which one.
    """
    return table[(table["question"] == question) & table["main"].astype(bool)]


def margin_of(comparisons: pd.DataFrame) -> float:
    """The margin of main metrics that have a range; not a number where no verdict needs one."""
    margins = comparisons.loc[comparisons["main"].astype(bool), "margin"]
    return float(margins.max())


def gather_answers(
    comparisons: pd.DataFrame, overall: pd.DataFrame, questions: list[Question]
) -> list[Answer]:
    """What is said of the main metrics, each subject and what it is compared with together.

    Args:
        comparisons: as compare_methods returns it.
        overall: as `compare_over_tasks` returns it.
        questions: which are answered, in this order.

    Returns:
        The answers, the subjects that are asked of together side by side, in the grid's order. A
        subject that is compared with different others on different tasks has one for each.
    """
    answers = []
    for question in questions:
        over_tasks = {_key(row): row for row in select_rows(overall, question).itertuples()}
        tasks = _group_rows(select_rows(comparisons, question))
        asked_first = list(dict.fromkeys(asked for asked, _, _ in tasks))
        # A stable sort: within what is asked, the order of the grid remains.
        for key in sorted(tasks, key=lambda key: asked_first.index(key[0])):
            asked, subject, other = key
            answers.append(
                Answer(
                    question=question,
                    asked=asked,
                    subject=subject,
                    other=other,
                    overall=over_tasks.get(key),
                    tasks=tasks[key],
                )
            )
    return answers


def choose_answers(
    comparisons: pd.DataFrame, overall: pd.DataFrame
) -> tuple[Question, list[Answer]]:
    """What is answered first: the methods against the reference, or the models by one method.

    Args:
        comparisons: as compare_methods returns it.
        overall: as `compare_over_tasks` returns it.

    Returns:
        The question, and its answers; none if nothing is compared.
    """
    for question in (Question.AGAINST_REFERENCE, Question.AMONG_MODELS):
        if answers := gather_answers(comparisons, overall, [question]):
            return question, answers
    return Question.AGAINST_REFERENCE, []


def _group_rows(rows: pd.DataFrame) -> dict[tuple[str, str, str], list[Any]]:
    """The rows of each subject and other, by `_key`.

    A task on which there is no other, since no run is finished there, stands with the tasks on
    which there is one.
    """
    groups: dict[tuple[str, str, str], list[Any]] = {}
    for row in rows.itertuples():
        groups.setdefault(_key(row), []).append(row)
    for asked, subject, other in list(groups):
        with_other = [key for key in groups if key[:2] == (asked, subject) and key[2]]
        if not other and with_other:
            groups[with_other[0]] += groups.pop((asked, subject, other))
    return groups


def _key(row: Any) -> tuple[str, str, str]:
    sides = name_sides(row)
    return sides.asked, sides.subject, sides.other


def state_answer(answer: Answer, margin: float) -> list[str]:
    """The shortest that can be said of a subject: over all tasks, or else of each task.

    Args:
        answer: of one subject.
        margin: below which a difference counts as none, in the metric's unit.
    """
    if answer.overall is not None:
        return [describe_overall(answer.overall, margin)]
    units = {DifferenceFormat.of(find_metric(row.metric)).unit for row in answer.tasks}
    if len(units) == 1 and all(row.verdict == Verdict.ONE_SEED for row in answer.tasks):
        return [describe_single_runs(answer.tasks)]
    several = len(answer.tasks) > 1
    return [
        f"{row.task}: {describe_comparison(row)}" if several else describe_comparison(row)
        for row in answer.tasks
    ]


def _write_table(title: str, answers: list[Answer], margin: float, costs: Costs) -> ReportTable:
    """The table of these answers, without a note."""
    rows = [row for answer in answers for row in _write_rows(answer, margin, costs)]
    data = pd.DataFrame(rows, columns=[*KEPT, *ADDED])
    readable = data[["model", "task", "method", "verdict", "answer", "remarks"]].rename(
        columns={"remarks": "runs"}
    )
    return ReportTable(title, readable.where(readable.notna() & (readable != ""), DASH), data)


def _write_rows(answer: Answer, margin: float, costs: Costs) -> Iterator[dict[str, Any]]:
    """The rows of one subject: over all tasks, then each task."""
    memory = costs.memory_percent(answer.tasks[0])
    if answer.overall is not None:
        sentence = describe_overall(answer.overall, margin)
        yield _kept_columns(answer.overall) | {
            "task": OVER_TASKS.format(answer.overall.tasks),
            "memory_percent": memory,
            "answer": _join_sentences(sentence, costs.describe(answer.tasks)),
        }
    for row in answer.tasks:
        yield _kept_columns(row) | {
            "trainable_percent": costs.trainable_percent(row),
            "memory_percent": memory,
            "remarks": remark_on_runs(row),
            "answer": _join_sentences(describe_comparison(row), costs.describe([row])),
        }


def _kept_columns(row: Any) -> dict[str, Any]:
    return {name: getattr(row, name) for name in KEPT if hasattr(row, name)}


def _join_sentences(sentence: str, costs: str) -> str:
    return f"{sentence}. {costs}".rstrip()
