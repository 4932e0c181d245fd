"""What is lost with a method that trains less: in words, and in the numbers behind them."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from tunegrid.metrics import titles
from tunegrid.reporting.data_tables import leak_note
from tunegrid.reporting.gpu_fit import NOTE as FIT_NOTE
from tunegrid.reporting.readable import Table, interval_texts, join_notes, or_dash
from tunegrid.results import GROUP
from tunegrid.statistics.bootstrap import RESAMPLES
from tunegrid.statistics.dominance import THRESHOLD

#: Below this corrected p two methods are told apart.
ALPHA = 0.05
NOTE = (
    "Degenerate: runs of the method / of the reference that predict one class, or whose loss"
    " is not finite. Difference: method − reference, the mean over the seeds that both have."
    f" Interval: 95 %, crossed bootstrap of {RESAMPLES:,} resamples over seeds and test examples"
    " (with one seed, over examples alone). p: two-sided, over both together, by Holm's method for"
    " all comparisons of the metric. d: mean over standard deviation of the seeds' differences;"
    " seeds needed: how many a paired t test would need to find such a d with power 80 %."
    " Shown from: the difference that these seeds and examples would find with power 80 %,"
    " before Holm's correction. One example: what one test example is worth in accuracy;"
    " smaller differences are between the seeds' means only. ASO: almost stochastic order of"
    " the higher mean over the lower, on the seeds' scores alone: the upper bound of its"
    f" violation ratio, said to tell the two apart below {THRESHOLD}; its false positives: how"
    " often it would at so many seeds where there is no difference."
)
BRACKETS = (
    "In brackets: the 95 % interval of this difference alone. Cannot be told: p is not below"
    f" {ALPHA} by Holm's method for all comparisons. Power: how often the test of this comparison"
    " alone, before Holm's correction, would find such a difference. Memory: of a training step at"
    " the same shape, traced."
)
#: With fewer seeds than this a reader is told what that does to the intervals.
ENOUGH = 4
FEW = (
    "Seeds: {}, of which an interval over seeds can hardly be told (two widen it 9-fold, five"
    " 1.6-fold); take five or more."
)
NOTHING = "The grid has one method for each model and task: there is nothing to compare."


def answer_table(
    comparisons: pd.DataFrame, summary: pd.DataFrame, memory: pd.DataFrame, steps: str = ""
) -> Table:
    """What each method loses against the one that trains most, a sentence each.

    Args:
        comparisons: as compare_methods returns it.
        summary: as summarise returns it.
        memory: the table `memory`: columns model, method, batch, tokens and traced (bytes).
        steps: a warning to be added, where the methods' schedules differ.
    """
    accuracy = comparisons[comparisons["metric"] == "accuracy"]
    told = accuracy[accuracy["seeds"] > 0]
    shares = summary.drop_duplicates(GROUP).set_index(GROUP)["trainable_parameters"]
    trained = shares.astype(float).to_dict()  # not a number where no run of the group is finished
    steps_of = {(row.model, row.method): row for row in memory.itertuples()}
    data = accuracy.assign(
        parameters=[_parameters(trained, row) for row in accuracy.itertuples()],
        memory=[_memory(steps_of, row) for row in accuracy.itertuples()],
    )
    data["answer"] = pd.Series([_words(row) for row in data.itertuples()], data.index, dtype=object)
    readable = data[["task", "model", "answer"]]
    if data.empty:
        return Table("What is lost", readable, data, NOTHING)
    fewest = told["seeds"].min() if len(told) else ENOUGH
    notes = [
        BRACKETS,
        FEW.format(fewest) if fewest < ENOUGH else "",
        steps,
        leak_note(summary),
    ]
    title = "What is lost, at which share of parameters and memory"
    return Table(title, readable, data, join_notes(*notes))


def answer_page(answer: Table, fit: Mapping[str, Sequence[str]]) -> str:
    """Both answers as reStructuredText: what is lost, a list a task; what fits, a list a model.

    Args:
        answer: as `answer_table` returns it.
        fit: as `tunegrid.reporting.gpu_fit.fit_lines` returns it.
    """
    lost = {
        task: [f"{row.model}: {row.answer}" for row in rows.itertuples()]
        for task, rows in answer.readable.groupby("task", sort=False)
    }
    lines = ["**What is lost**", "", *_lists(lost), _escaped(answer.note), ""]
    if fit:
        lines += ["**Will it fit**", "", *_lists(fit), _escaped(FIT_NOTE), ""]
    return "\n".join(lines)


def _lists(told: Mapping[str, Sequence[str]]) -> list[str]:
    """A list under each name."""
    lines = []
    for name, items in told.items():
        lines += [f"*{_escaped(name)}*", "", *(f"- {_escaped(item)}" for item in items), ""]
    return lines


def _escaped(text: str) -> str:
    """Text in which nothing is markup."""
    return re.sub(r"([*`|_\\\[\]<>])", r"\\\1", text)


def _words(row: Any) -> str:
    """The comparison in one sentence, differences in points (hundredths)."""
    if pd.isna(row.reference):
        return f"{row.method} cannot be compared: no run of {row.model} on {row.task} is finished"
    if not row.seeds:
        return (
            f"{row.method} cannot be compared: it has no finished run of a seed that"
            f" {row.reference} has, too ({row.seeds_planned} in the grid)"
        )
    points, low, high = (100 * value for value in (row.difference, row.low, row.high))
    if row.p_holm < ALPHA:
        verb, sign = ("loses", -1) if points < 0 else ("gains", 1)
        ends = sorted((sign * low, sign * high))
        found = (
            f"{row.method} {verb} {abs(points):.1f} points ({ends[0]:.1f} … {ends[1]:.1f}) of"
            f" accuracy against {row.reference}"
        )
    else:
        found = (
            f"{row.method} cannot be told from {row.reference} in accuracy:"
            f" {points:+.1f} points ({low:+.1f} … {high:+.1f}), where {_seeds(row)} on"
            f" {row.examples} examples find {100 * row.detectable:.1f} points with power 80 %"
        )
    if caveats := _caveats(row):
        found += f" ({'; '.join(caveats)})"
    costs = [f"{row.parameters:.3g} % of the parameters trained"]
    if not pd.isna(row.memory):
        costs.append(f"{row.memory:.0f} % of the memory")
    return f"{found}, at {' and '.join(costs)}"


def _caveats(row: Any) -> list[str]:
    """What to know of the runs behind a sentence."""
    told = [f"by {row.seeds} of {row.seeds_planned} seeds"] * bool(row.seeds < row.seeds_planned)
    if row.seeds == 1:
        told.append("one seed tells of these two runs alone")
    for method, count in ((row.method, row.degenerate), (row.reference, row.reference_degenerate)):
        if count:
            told.append(f"{count} of {method}'s runs degenerate")
    return told


def _p_value(p: float) -> str:
    return "—" if pd.isna(p) else "< 0.0001" if p < 1e-4 else f"{p:.4f}"


def _seeds(row: Any) -> str:
    return "1 seed" if row.seeds == 1 else f"{row.seeds} seeds"


def _parameters(trained: Mapping[tuple[str, str, str], float], row: Any) -> float:
    """How much of what the reference trains the method trains, percent; missing if unknown."""
    if pd.isna(row.reference):
        return float("nan")
    mine, other = (trained[row.model, row.task, name] for name in (row.method, row.reference))
    return 100 * mine / other


def _memory(steps: Mapping[tuple[str, str], Any], row: Any) -> float | None:
    """How much of the reference's memory the method takes at the same shape, percent."""
    mine, other = (steps.get((row.model, name)) for name in (row.method, row.reference))
    if not mine or not other or (mine.batch, mine.tokens) != (other.batch, other.tokens):
        return None
    return 100 * mine.traced / other.traced


def comparisons_table(comparisons: pd.DataFrame, summary: pd.DataFrame) -> Table:
    """The numbers behind the answer, for every metric that is compared."""
    data = comparisons.reset_index(drop=True)
    shown = data[["model", "task", "method"]].assign(
        reference=data["reference"].map(or_dash("{}")),
        metric=data["metric"].map(titles()),
        seeds=[
            f"{row.seeds}"
            if row.seeds == row.seeds_planned
            else f"{row.seeds} of {row.seeds_planned}"
            for row in data.itertuples()
        ],
        degenerate=[
            "—" if not row.seeds else f"{row.degenerate} / {row.reference_degenerate}"
            for row in data.itertuples()
        ],
        difference=data["difference"].map(or_dash("{:+.4f}")),
        interval=interval_texts(data, "low", "high", "{:+.4f}"),
        p=data["p_holm"].map(_p_value),
        d=data["effect_size"].map(or_dash("{:+.2f}")),
        needed=data["seeds_needed"].map(or_dash("{:.0f}")),
        detectable=data["detectable"].map(or_dash("{:.4f}")),
        example=(1 / data["examples"].astype(float)).map(or_dash("{:.4f}")),
        aso=data["aso"].map(or_dash("{:.2f}")),
        false=data["aso_false_positives"].map(or_dash("{:.0%}")),
    )
    words = {
        "needed": "seeds needed", "example": "one example", "p": "p (Holm)",
        "detectable": "shown from", "aso": "ASO", "false": "ASO's false positives",
    }  # fmt: skip
    note = join_notes(NOTE, leak_note(summary)) if len(data) else NOTHING
    return Table(
        "Methods compared, by seed and test example", shown.rename(columns=words), data, note
    )
