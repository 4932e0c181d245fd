"""What tuning chose for each model and method, and what the choice is worth, as a table."""

from typing import Any

import pandas as pd

from tunegrid.metrics import METRICS, titles
from tunegrid.reporting.number_formats import MINUTES, SCORE
from tunegrid.reporting.report_table import (
    ReportTable,
    format_mean,
    format_number,
    format_numbers,
    join_notes,
)
from tunegrid.tuning.tuning_rows import JOINED_BY, summarise_choices, tried_settings

NOTE = (
    "Each method has the values of its best candidate on dev: mean ± standard deviation over the"
    " seeds of tuning. The best of several looks better on dev than it is; the other tables are of"
    " test, which tuning never saw. Next: the best mean of the other candidates. Least tried,"
    " greatest tried: what lies beyond may be better. Not told from k of n: so many of the other"
    " candidates differ from the chosen one by less than 1.96 standard errors, over dev examples"
    " and seeds. Dev is small: that is so of half of them or more, so that another draw of dev"
    " examples or seeds may choose another one. Stopped early: by successive"
    " halving; such candidates are not among the others. Minutes and energy: of all these runs"
    " together."
)
NOTHING_NOTE = "No method is tuned yet."
SEEDS_NOTE = "With one seed of tuning, nothing is known of how far seeds differ."


def tuning_table(rows: pd.DataFrame) -> ReportTable:
    """The values that were chosen, their score on dev, its flags, and what tuning took.

    Args:
        rows: as `tunegrid.tuning.tuning_rows.collect_tuning` returns them.
    """
    if rows.empty:
        nothing = pd.DataFrame(columns=["model", "task", "method"])
        return ReportTable("Tuning", nothing, nothing, NOTHING_NOTE)
    data = summarise_choices(rows).rename(columns={"chosen_on": "task"})
    names = data["metric"].unique()
    noun = METRICS[names[0]].noun if len(names) == 1 else "main metric"
    columns = {} if len(names) == 1 else {"metric": data["metric"].map(titles())}
    columns |= {
        key: [format_setting(key, value) for value in data[key]] for key in tried_settings(rows)
    }
    columns |= {
        f"dev {noun}": [
            format_mean(row.mean, row.sd) if pd.notna(row.mean) else "not finite"
            for row in data.itertuples()
        ],
        "next": format_numbers(data["next_best"], SCORE),
        "flags": [describe_flags(row) for row in data.itertuples()],
        "candidates": data["candidates"].map(str),
        "runs": data["runs"].map(str),
        "minutes": format_numbers(data["train_seconds"] / 60, MINUTES),
        "energy (kJ)": format_numbers(data["train_joules"] / 1e3, "{:.1f}"),
    }
    return ReportTable(
        f"Tuning: the best candidate of each method by {noun} on dev",
        data[["model", "task", "method"]].assign(**columns),
        data,
        join_notes(NOTE, SEEDS_NOTE if data["seeds"].max() == 1 else ""),
    )


def format_setting(key: str, value: Any) -> str:
    """The value of a setting that was tried; a dash where a method does not try it."""
    if isinstance(value, str):
        return value
    return format_number(value, "{:.2e}" if key == "learning_rate" else "{:g}")


def describe_flags(row: Any) -> str:
    """What a reader must know of a choice; empty if there is nothing.

    Args:
        row: of `tunegrid.tuning.tuning_rows.summarise_choices`.
    """
    flags = [f"{key}: least tried" for key in row.lowest_edges.split(JOINED_BY) if key]
    flags += [f"{key}: greatest tried" for key in row.highest_edges.split(JOINED_BY) if key]
    if row.not_told:
        flags.append(f"not told from {row.not_told} of {row.others}")
    if row.dev_too_small:
        flags.append(f"dev is small ({row.examples} examples)")
    if row.stopped:
        flags.append(f"{row.stopped} of {row.candidates} stopped early")
    if row.degenerate:
        flags.append(f"{row.degenerate} of {row.runs} runs degenerate")
    return "; ".join(flags)
