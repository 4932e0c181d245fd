"""What a reader must know before relying on the answer, the gravest first.

A further caveat is one function that returns its sentences, and one entry of `CAVEATS`.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pandas as pd

from tunegrid.reporting.answer_sentences import (
    describe_unlike_metrics,
    name_first,
    name_sides,
)
from tunegrid.reporting.data_tables import leak_note, unseen_note
from tunegrid.reporting.padding_note import padding_note
from tunegrid.reporting.summary_tables import steps_note
from tunegrid.reporting.tuning_caveats import (
    describe_budget,
    describe_edges,
    describe_indistinct,
    rates_are_tuned,
)
from tunegrid.results import GROUP
from tunegrid.statistics.verdicts import Verdict

#: With fewer seeds than this, readers are told what that does to the intervals.
ENOUGH_SEEDS = 4


@dataclass(frozen=True)
class Evidence:
    """What the answer is made of, and its caveats are found in.

    Attributes:
        compared: the comparisons that the answer states, of each task's main metric.
        summary: as summarise returns it.
        tuning: as `tunegrid.tuning.tuning_rows.collect_tuning` returns it; None without tuning.
    """

    compared: pd.DataFrame
    summary: pd.DataFrame
    tuning: pd.DataFrame | None = None

    @property
    def groups(self) -> pd.DataFrame:
        """One row for each model, task and method of the grid."""
        return self.summary.drop_duplicates(GROUP)


def list_caveats(evidence: Evidence) -> list[str]:
    """Every caveat of these results as a sentence, the gravest first."""
    return [sentence for find in CAVEATS for sentence in find(evidence)]


def _degenerate_runs(evidence: Evidence) -> Iterator[str]:
    groups = evidence.groups[evidence.groups["n_degenerate"] > 0]
    if groups.empty:
        return
    named = [
        f"{row.n_degenerate} of {row.n_runs} of {_name_group(row)}" for row in groups.itertuples()
    ]
    yield (
        "Degenerate runs, which predict one class for every example or have a loss that is not"
        f" finite, are part of the numbers: {name_first(named)}."
    )


def _unlike_metrics(evidence: Evidence) -> Iterator[str]:
    if note := describe_unlike_metrics(evidence.compared):
        yield note


def _few_seeds(evidence: Evidence) -> Iterator[str]:
    seeds = evidence.compared["seeds"].dropna()
    compared = seeds[seeds > 0]
    if compared.empty or compared.min() >= ENOUGH_SEEDS:
        return
    fewest, most = compared.min(), compared.max()
    number = f"{fewest}" if fewest == most else f"{fewest} to {most}"
    word = "seed" if most == 1 else "seeds"
    yield (
        f"Few seeds: {number} {word} for each comparison, so that it is hardly known how far seeds"
        " differ; five or more are better."
    )


def _missing_seeds(evidence: Evidence) -> Iterator[str]:
    lacking = evidence.groups
    lacking = lacking[lacking["n_failed"] + lacking["n_missing"] > 0]
    if lacking.empty:
        return
    named = [
        f"{row.n_failed + row.n_missing} of {row.n_runs} of {_name_group(row)}"
        for row in lacking.itertuples()
    ]
    yield (
        "Runs without a result are left out, which flatters a method whose runs fail because they"
        f" go badly: {name_first(named)}."
    )


def _unequal_steps(evidence: Evidence) -> Iterator[str]:
    if note := steps_note(evidence.summary):
        yield _begin_sentence(note.removeprefix("Warning: "))


def _still_rising(evidence: Evidence) -> Iterator[str]:
    rising = evidence.groups
    rising = rising[rising["still_rising"].fillna(False).astype(bool)]
    if rising.empty:
        return
    named = [_name_group(row) for row in rising.itertuples()]
    yield (
        "Still better in the last epoch, so that more epochs may change the difference:"
        f" {name_first(named)}."
    )


def _leaks(evidence: Evidence) -> Iterator[str]:
    if note := leak_note(evidence.summary):
        yield _begin_sentence(note.removeprefix("Warning, leakage: "))
    if note := unseen_note(evidence.summary):
        yield _begin_sentence(note.removeprefix("Warning, labels: "))


def _padding(evidence: Evidence) -> Iterator[str]:
    if note := padding_note(evidence.summary):
        yield _begin_sentence(note.removeprefix("Warning: "))


def _tuning(evidence: Evidence) -> Iterator[str]:
    if evidence.tuning is not None and not evidence.tuning.empty:
        yield from describe_budget(evidence.tuning, evidence.compared)
        yield from describe_indistinct(evidence.tuning)
        yield from describe_edges(evidence.tuning)


def _untuned_rates(evidence: Evidence) -> Iterator[str]:
    tuned = evidence.tuning is not None and rates_are_tuned(evidence.tuning)
    if not tuned and (evidence.compared["verdict"] != Verdict.NOT_COMPARED).any():
        yield (
            "Each method was trained with the learning rate that the configuration gives it. None"
            " was tuned here, and another rate may change any of these differences."
        )


#: The caveats in the order of their weight.
CAVEATS: list[Callable[[Evidence], Iterator[str]]] = [
    _degenerate_runs,
    _unlike_metrics,
    _few_seeds,
    _missing_seeds,
    _padding,
    _unequal_steps,
    _leaks,
    _tuning,
    _untuned_rates,
    _still_rising,
]


def remark_on_runs(row: Any) -> str:
    """What is to be known of the runs behind one comparison; empty if there is nothing.

    Args:
        row: of the comparisons, as compare_methods returns them.
    """
    sides = name_sides(row)
    remarks = []
    if 0 < row.seeds < row.seeds_planned:
        remarks.append(f"by {row.seeds} of {row.seeds_planned} seeds")
    for name, count in (
        (sides.subject, row.degenerate),
        (sides.other, row.reference_degenerate),
    ):
        if row.seeds and count:
            remarks.append(f"{count} of {name}'s runs degenerate")
    return "; ".join(remarks)


def _name_group(row: Any) -> str:
    return f"{row.method} ({row.model} on {row.task})"


def _begin_sentence(text: str) -> str:
    """The text with a capital letter at its beginning."""
    return text[0].upper() + text[1:]
