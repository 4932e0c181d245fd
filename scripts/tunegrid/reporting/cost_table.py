"""Cost beside quality, as a table."""

from typing import Any

import pandas as pd

from tunegrid.metrics import METRICS, titles
from tunegrid.reporting.marks import explain_marks, format_run_count
from tunegrid.reporting.number_formats import (
    BYTES_OF_GIGABYTE,
    GIGABYTES,
    MINUTES,
    SCORE,
    TRAINABLE_PERCENT,
)
from tunegrid.reporting.report_table import DASH, ReportTable, format_numbers, join_notes
from tunegrid.reporting.run_links import link_groups
from tunegrid.results import GROUP

NOTE = (
    "Parameters: those that receive a gradient, the classification head included. Trainable: their"
    " share of all parameters of the trained model. Minutes: training and its evaluations of a run,"
    " the mean over seeds. Step: the live tensors at the peak of one training step, traced (at the"
    " method's largest batch and length). Peak: of the whole run as measured; of tensors on a GPU,"
    " of the process on a CPU. Energy: by the GPU's own counter, where it has one. Stored: what a"
    " task needs beside the pretrained model (MB: 10^6 bytes)."
)
INFERENCE_NOTE = (
    "One example, and examples a second in a batch of 32: medians of forward passes without dropout"
    " on the run's device, over texts of middling length, as trained; merged: with the method"
    " merged into the pretrained weights, where it can be."
)
TUNING_NOTE = (
    "Tuning: all runs that tried candidates of the method, together. With tuning: these and one run"
    " at the chosen settings, what a tuned model takes in all."
)


def cost_table(costs: pd.DataFrame) -> ReportTable:
    """The cost of every cell group beside the mean of its task's main metric.

    Args:
        costs: as `tunegrid.statistics.costs.cost` returns it.
    """
    mains = costs["main_metric"].unique()
    score = METRICS[mains[0]].noun if len(mains) == 1 else "main metric"
    columns = {"runs": [format_run_count(row) for row in costs.itertuples()]}
    if len(mains) > 1:
        columns["metric"] = costs["main_metric"].map(titles())
    columns |= {
        score: format_numbers(costs["quality"], SCORE),
        "parameters": format_numbers(costs["trainable_parameters"], "{:,.0f}"),
        "trainable": format_numbers(costs["trainable_percent"], TRAINABLE_PERCENT),
        "minutes": format_numbers(costs["train_seconds"] / 60, MINUTES),
        "step of": [_format_step(row) for row in costs.itertuples()],
        "step (GB)": format_numbers(costs["traced"] / BYTES_OF_GIGABYTE, GIGABYTES),
        "peak (GB)": format_numbers(costs["peak_memory"] / BYTES_OF_GIGABYTE, GIGABYTES),
        "energy (kJ)": format_numbers(costs["train_joules"] / 1e3, "{:.1f}"),
        "stored (MB)": format_numbers(costs["stored_bytes"] / 1e6, "{:,.3f}"),
    }
    measured = "latency_at_use" in costs
    if measured:
        columns |= {
            "one example (ms)": format_numbers(1e3 * costs["latency_seconds"], "{:.2f}"),
            "merged (ms)": format_numbers(1e3 * costs["merged_latency_seconds"], "{:.2f}"),
            "examples/s": format_numbers(costs["examples_per_second"], "{:,.0f}"),
            "merged, examples/s": format_numbers(costs["merged_examples_per_second"], "{:,.0f}"),
        }
    tuned = "tuning_runs" in costs
    if tuned:
        columns |= {
            "tuning runs": format_numbers(costs["tuning_runs"], "{:.0f}"),
            "tuning minutes": format_numbers(costs["tuning_seconds"] / 60, MINUTES),
            "tuning energy (kJ)": format_numbers(costs["tuning_joules"] / 1e3, "{:.1f}"),
            "minutes with tuning": format_numbers(costs["tuned_seconds"] / 60, MINUTES),
            "energy with tuning (kJ)": format_numbers(costs["tuned_joules"] / 1e3, "{:.1f}"),
        }
    return ReportTable(
        "Cost beside quality, means over seeds",
        costs[GROUP].assign(**columns),
        costs,
        join_notes(
            NOTE,
            INFERENCE_NOTE if measured else "",
            TUNING_NOTE if tuned else "",
            explain_marks(costs),
            _devices_note(costs["devices"]),
        ),
        dict.fromkeys([score, "minutes", "peak (GB)"], link_groups(costs)),
    )


def _format_step(row: Any) -> str:
    """Examples × tokens of the traced step; a dash if none was traced."""
    return DASH if pd.isna(row.traced) else f"{row.batch:.0f} × {row.tokens:.0f}"


def _devices_note(devices: pd.Series) -> str:
    """The device of the runs, or a warning if there are several; empty if none is known."""
    kinds = sorted({kind for kinds in devices.dropna() for kind in kinds.split(", ")})
    if not kinds:
        return ""
    if len(kinds) == 1:
        return f"Device: {kinds[0]}."
    return f"Times and peaks are of different devices and cannot be compared: {'; '.join(kinds)}."
