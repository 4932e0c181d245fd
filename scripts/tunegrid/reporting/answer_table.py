"""What is lost with a method that trains less, in one sentence for each comparison."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from tunegrid.metrics import Metric, main_metric
from tunegrid.reporting.comparisons_table import NOTHING_NOTE
from tunegrid.reporting.data_tables import leak_note
from tunegrid.reporting.gpu_fit import NOTE as FIT_NOTE
from tunegrid.reporting.report_table import ReportTable, join_notes
from tunegrid.reporting.summary_tables import steps_note
from tunegrid.results import GROUP
from tunegrid.statistics.pairs import Question
from tunegrid.statistics.verdicts import Verdict

#: Two methods are told apart where the corrected p is below this level.
ALPHA = 0.05
#: With fewer seeds than this, readers are told what that does to the intervals.
ENOUGH_SEEDS = 4

BRACKETS_NOTE = (
    "In brackets: the 95 % interval of this difference alone. Cannot be told: p is not below"
    f" {ALPHA} by Holm's method for all comparisons. Power: how often the test of this comparison"
    " alone, before Holm's correction, would find such a difference. Memory: of a training step of"
    " the same shape, traced."
)
FEW_SEEDS_NOTE = (
    "Seeds: {}, which is too few for an interval over seeds to tell much (two seeds widen it"
    " 9-fold, five 1.6-fold); take five or more."
)

#: The memory of a step by (model, method): rows of the table `memory`.
Steps = Mapping[tuple[str, str], Any]
#: The trainable parameters by (model, task, method).
Parameters = Mapping[tuple[str, str, str], float]


@dataclass(frozen=True)
class _DifferenceStyle:
    """How the sentences write the differences of a metric.

    Attributes:
        factor: what a difference is multiplied by.
        digits: its digits behind the point.
        unit: the word behind a number; empty for a metric without a unit.
    """

    factor: float
    digits: int
    unit: str

    @classmethod
    def of(cls, metric: Metric) -> "_DifferenceStyle":
        """Points, that is hundredths, of a metric with bounds; else the metric's own unit."""
        if metric.bounded:
            return cls(factor=100, digits=1, unit="points")
        return cls(factor=1, digits=4, unit=metric.unit)

    def number(self, value: float, sign: str = "") -> str:
        """The number alone; `sign="+"` writes the sign of a positive number, too."""
        return f"{self.factor * value:{sign}.{self.digits}f}"

    def size(self, value: float, sign: str = "") -> str:
        """The number and its unit."""
        return f"{self.number(value, sign)} {self.unit}".rstrip()


def answer_table(
    comparisons: pd.DataFrame, summary: pd.DataFrame, memory: pd.DataFrame
) -> ReportTable:
    """What each method loses of the main metric against the one that trains most.

    Args:
        comparisons: as compare_methods returns it.
        summary: as summarise returns it.
        memory: the table `memory`: columns model, method, batch, tokens and traced (bytes).

    Returns:
        A row with one sentence for each model, task and method.
    """
    asked = comparisons["question"] == Question.AGAINST_REFERENCE
    compared = comparisons[asked & (comparisons["metric"] == main_metric().name)]
    groups = summary.drop_duplicates(GROUP).set_index(GROUP)
    # Not a number where no run of the group is finished.
    trained = groups["trainable_parameters"].astype(float).to_dict()
    steps = {(row.model, row.method): row for row in memory.itertuples()}
    data = compared.assign(
        parameters=[_parameter_share(trained, row) for row in compared.itertuples()],
        memory=[_memory_share(steps, row) for row in compared.itertuples()],
    )
    sentences = [_write_sentence(row) for row in data.itertuples()]
    data["answer"] = pd.Series(sentences, index=data.index, dtype=object)
    note = NOTHING_NOTE
    if not data.empty:
        note = join_notes(
            BRACKETS_NOTE, _few_seeds_note(data["seeds"]), steps_note(summary), leak_note(summary)
        )
    return ReportTable(
        "What is lost, at which share of parameters and memory",
        data[["task", "model", "answer"]],
        data,
        note,
    )


def _few_seeds_note(seeds: pd.Series) -> str:
    """What few seeds do to the intervals; empty if every comparison has enough, or none has any."""
    compared = seeds[seeds > 0]
    if compared.empty or compared.min() >= ENOUGH_SEEDS:
        return ""
    return FEW_SEEDS_NOTE.format(compared.min())


def _parameter_share(trained: Parameters, row: Any) -> float:
    """How many percent of what the reference trains the method trains; missing if unknown."""
    if pd.isna(row.reference):
        return float("nan")
    by_method = trained[row.model, row.task, row.method]
    by_reference = trained[row.model, row.task, row.reference]
    return 100 * by_method / by_reference


def _memory_share(steps: Steps, row: Any) -> float | None:
    """How many percent of the reference's memory the method takes; None if not comparable."""
    step = steps.get((row.model, row.method))
    reference = steps.get((row.model, row.reference))
    if step is None or reference is None:
        return None
    if (step.batch, step.tokens) != (reference.batch, reference.tokens):
        return None
    return float(100 * step.traced / reference.traced)


def _write_sentence(row: Any) -> str:
    """One comparison as a sentence: the difference, its caveats, and what the method costs."""
    if pd.isna(row.reference):
        return f"{row.method} cannot be compared: no run of {row.model} on {row.task} is finished"
    if not row.seeds:
        return (
            f"{row.method} cannot be compared: it has no finished run of a seed that"
            f" {row.reference} has, too ({row.seeds_planned} in the grid)"
        )
    told = row.verdict in (Verdict.BETTER, Verdict.WORSE)
    sentence = _write_difference(row) if told else _write_no_difference(row)
    caveats = _list_caveats(row)
    if caveats:
        sentence += f" ({'; '.join(caveats)})"
    costs = [f"{row.parameters:.3g} % of the parameters trained"]
    if not pd.isna(row.memory):
        costs.append(f"{row.memory:.0f} % of the memory")
    return f"{sentence}, at {' and '.join(costs)}"


def _write_difference(row: Any) -> str:
    """The sentence of a difference that is told apart from none."""
    metric = main_metric()
    style = _DifferenceStyle.of(metric)
    low, high = (
        (row.verdict_low, row.verdict_high)
        if row.difference > 0
        else (-row.verdict_high, -row.verdict_low)
    )
    size = style.size(abs(row.difference))
    interval = f"({style.number(low)} … {style.number(high)})"
    if metric.higher_is_better:
        verb = "gains" if row.difference > 0 else "loses"
        return f"{row.method} {verb} {size} {interval} of {metric.noun} against {row.reference}"
    verb = "raises" if row.difference > 0 else "lowers"
    return f"{row.method} {verb} {metric.noun} by {size} {interval} against {row.reference}"


def _write_no_difference(row: Any) -> str:
    """The sentence of a difference that cannot be told, and which one could be."""
    metric = main_metric()
    style = _DifferenceStyle.of(metric)
    seeds = "1 seed" if row.seeds == 1 else f"{row.seeds} seeds"
    return (
        f"{row.method} cannot be told from {row.reference} in {metric.noun}:"
        f" {style.size(row.difference, sign='+')}"
        f" ({style.number(row.low, sign='+')} … {style.number(row.high, sign='+')}), where"
        f" {seeds} on {row.examples} examples find {style.size(row.detectable)} with power 80 %"
    )


def _list_caveats(row: Any) -> list[str]:
    """What a reader must know of the runs behind a sentence."""
    caveats = []
    if row.seeds < row.seeds_planned:
        caveats.append(f"by {row.seeds} of {row.seeds_planned} seeds")
    if row.seeds == 1:
        caveats.append("one seed tells of these two runs alone")
    for method, count in ((row.method, row.degenerate), (row.reference, row.reference_degenerate)):
        if count:
            caveats.append(f"{count} of {method}'s runs degenerate")
    return caveats


def answer_page(answer: ReportTable, fit: Mapping[str, Sequence[str]]) -> str:
    """Both answers as reStructuredText for the first page of the report.

    Args:
        answer: as `answer_table` returns it; it becomes a list for each task.
        fit: as `tunegrid.reporting.gpu_fit.fit_lines` returns it; it becomes a list for each model.
    """
    lost = {
        task: [f"{row.model}: {row.answer}" for row in rows.itertuples()]
        for task, rows in answer.readable.groupby("task", sort=False)
    }
    lines = ["**What is lost**", "", *_write_lists(lost), _escape(answer.note), ""]
    if fit:
        lines += ["**Will it fit**", "", *_write_lists(fit), _escape(FIT_NOTE), ""]
    return "\n".join(lines)


def _write_lists(items_by_name: Mapping[str, Sequence[str]]) -> list[str]:
    """The lines of a list below each name."""
    lines = []
    for name, items in items_by_name.items():
        lines += [f"*{_escape(name)}*", ""]
        lines += [f"- {_escape(item)}" for item in items]
        lines.append("")
    return lines


def _escape(text: str) -> str:
    """The text with a backslash before every character that is markup in reStructuredText."""
    return re.sub(r"([*`|_\\\[\]<>])", r"\\\1", text)
