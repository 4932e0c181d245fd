"""Cost beside quality, as a table."""

import pandas as pd

from tunegrid.reporting.marks import runs_text, table_note
from tunegrid.reporting.readable import Table, join_notes, or_dash
from tunegrid.results import GROUP

NOTE = (
    "Parameters: those that receive a gradient. Time: training and its evaluations of a run, mean"
    " over seeds. Step: live tensors at the peak of one training step, traced (at the method's"
    " largest batch and length). Peak: of the whole run as measured, of tensors on a GPU, of the"
    " process on a CPU. Energy: the GPU's own counter, where it has one."
)
DIFFERENT = "Times and peaks are of different devices and cannot be compared: {}."


def cost_table(costs: pd.DataFrame) -> Table:
    """Every cell group's cost beside its accuracy.

    Args:
        costs: as `tunegrid.statistics.costs.cost` returns it.
    """
    gigabytes = or_dash("{:.2f}")
    shown = costs[GROUP].assign(
        runs=[runs_text(row) for row in costs.itertuples()],
        **{
            "accuracy": costs["accuracy"].map(or_dash("{:.4f}")),
            "parameters": costs["trainable_parameters"].map(or_dash("{:,.0f}")),
            "share": costs["trainable_percent"].map(or_dash("{:.3f} %")),
            "minutes": (costs["train_seconds"] / 60).map(or_dash("{:.2f}")),
            "step of": [
                "—" if pd.isna(row.traced) else f"{row.batch:.0f} × {row.tokens:.0f}"
                for row in costs.itertuples()
            ],
            "step (GB)": (costs["traced"] / 1e9).map(gigabytes),
            "peak (GB)": (costs["peak_memory"] / 1e9).map(gigabytes),
            "energy (kJ)": (costs["train_joules"] / 1e3).map(or_dash("{:.1f}")),
        },
    )
    devices = sorted({kind for kinds in costs["devices"].dropna() for kind in kinds.split(", ")})
    told = DIFFERENT if len(devices) > 1 else "Device: {}."
    notes = [NOTE, table_note(costs), told.format("; ".join(devices)) if devices else ""]
    return Table("Cost beside quality, means over seeds", shown, costs, join_notes(*notes))
