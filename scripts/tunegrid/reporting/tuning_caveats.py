"""What the answer owes to tuning: its budget, choices at an edge, and choices that say little."""

from collections.abc import Iterator
from typing import Any

import pandas as pd

from tunegrid.metrics import METRICS
from tunegrid.reporting.answer_sentences import name_first
from tunegrid.tuning.budget import order_stays_from
from tunegrid.tuning.tuning_rows import (
    JOINED_BY,
    SETTING,
    candidates_of,
    summarise_choices,
    tried_settings,
)


def describe_budget(rows: pd.DataFrame, compared: pd.DataFrame) -> Iterator[str]:
    """That each method is at its best on dev, of how many candidates, and what that decides.

    Args:
        rows: as `tunegrid.tuning.tuning_rows.collect_tuning` returns them.
        compared: the comparisons that the answer states, as compare_methods returns them.
    """
    choices = summarise_choices(rows)
    settings = JOINED_BY.join(tried_settings(rows))
    seeds = _range(choices["seeds"])
    budget = (
        f"Each method at the best of {_range(choices['candidates'])} candidates on dev ({settings};"
        f" {seeds} {'seed' if seeds == '1' else 'seeds'} each)."
    )
    if choices["stopped"].any():
        yield (
            f"{budget} Of these, {_range(choices['stopped'])} were stopped early by successive"
            " halving, and one that starts slowly may have been among them."
        )
    else:
        yield f"{budget} {_describe_order(rows, compared)}".rstrip()


def _describe_order(rows: pd.DataFrame, compared: pd.DataFrame) -> str:
    """From how many candidates on the order on dev is what it is; empty if nothing is compared."""
    scores = {
        key: list(of_method["mean"])
        for key, of_method in candidates_of(rows).groupby(["model", "chosen_on", "method"])
    }
    chosen_on = rows.drop_duplicates(["model", "task", "method"]).set_index(
        ["model", "task", "method"]
    )["chosen_on"]
    metric_of = rows.drop_duplicates("chosen_on").set_index("chosen_on")["metric"]
    stays: dict[str, int | None] = {}
    for row in compared.itertuples():
        sides = []
        for model, method in ((row.model, row.method), (row.reference_model, row.reference)):
            where = chosen_on.get((model, row.task, method))
            sides.append([] if where is None else scores[model, where, method])
        if not all(sides):
            continue
        stays[_name_pair(row, where)] = order_stays_from(
            sides[0], sides[1], METRICS[metric_of[where]]
        )
    if not stays:
        return ""
    changed = [name for name, first in stays.items() if first is None]
    settled = [first for first in stays.values() if first is not None]
    if not changed:
        latest = max(settled)
        if len(stays) == 1:
            (name,) = stays
            return f"On dev the order of {name} is the same from {_candidates(latest)} on."
        return (
            f"On dev the order of both is the same from {_candidates(latest)} on, in all"
            f" {len(stays)} comparisons."
        )
    return (
        "On dev the order of both still changed at the last candidate, so that a larger budget may"
        f" change the verdict, too, of {name_first(changed)}."
    )


def _candidates(number: int) -> str:
    return "the first candidate" if number == 1 else f"{number} candidates"


def _name_pair(row: Any, chosen_on: str) -> str:
    """Both sides of a comparison, with the model that they share and what they are tuned on."""
    if row.model == row.reference_model:
        return f"{row.method} and {row.reference} ({row.model} on {chosen_on})"
    return f"{row.model} and {row.reference_model} ({row.method} on {chosen_on})"


def describe_edges(rows: pd.DataFrame) -> Iterator[str]:
    """Which chosen values are the least or the greatest that were tried."""
    named = [
        f"the {end} {key} of {_name_choice(row)}"
        for row in summarise_choices(rows).itertuples()
        for end, keys in (("least", row.lowest_edges), ("greatest", row.highest_edges))
        for key in str(keys).split(JOINED_BY)
        if key
    ]
    if named:
        yield (
            "At the edge of what was tried, beyond which there may be a better value:"
            f" {name_first(named)}. A wider range under tune: space would tell."
        )


def describe_indistinct(rows: pd.DataFrame) -> Iterator[str]:
    """Where dev is too small to choose by."""
    choices = summarise_choices(rows)
    small = choices[choices["dev_too_small"]]
    if small.empty:
        return
    named = [
        f"{row.not_told} of {row.others} for {_name_choice(row)}" for row in small.itertuples()
    ]
    yield (
        "Dev is too small to choose by where it does not tell the chosen candidate from half of the"
        f" others or more, so that chance may have chosen: {name_first(named)}."
    )


def rates_are_tuned(rows: pd.DataFrame) -> bool:
    """Whether every method that is tuned has a learning rate that was chosen.

    Args:
        rows: as `tunegrid.tuning.tuning_rows.collect_tuning` returns them.
    """
    column = f"{SETTING}learning_rate"
    return column in rows and bool(rows[column].notna().all())


def _name_choice(row: Any) -> str:
    return f"{row.method} ({row.model} on {row.chosen_on})"


def _range(values: pd.Series) -> str:
    fewest, most = values.min(), values.max()
    return f"{fewest}" if fewest == most else f"{fewest} to {most}"
