"""A question asked by hand, and its answer as one readable table."""

from __future__ import annotations

from typing import Any

import pandas as pd

from tunegrid.memory import KINDS
from tunegrid.memory.catalogue import catalogue
from tunegrid.memory.fitting import CONTEXT, FRAGMENTATION, needed

Row = dict[str, Any]


def cases_of(arguments: dict[str, Any]) -> list[Row]:
    """The cases that a command line asks for, one for each method."""
    known = catalogue("methods")
    shared = {
        "batch": arguments["batch"],
        "tokens": arguments["tokens"],
        "precision": arguments["dtype"],
        **{
            key: arguments[key]
            for key in ("attention", "checkpointing", "optimizer", "accumulated", "labels")
        },
    }
    return [
        shared
        | {
            "method": name,
            "method_source": known.get(name) or {"kind": "adapter", "adapter": name},
        }
        for name in arguments["method"] or ["full"]
    ]


def as_table(rows: list[Row]) -> str:
    """The answer, GB (10^9 bytes): what a step takes, of what, and what it fits."""
    first = rows[0]
    title = (
        f"{first['model']}, {first['batch']} examples of {first['tokens']} tokens,"
        f" {first['precision']}, attention {first['attention']}"
        f"{', gradient checkpointing' if first['checkpointing'] else ''}; GB (10^9 bytes)"
    )
    table = pd.DataFrame({row["method"]: _column(row) for row in rows})
    notes = [
        f"needs: live tensors · {FRAGMENTATION} for the allocator + {CONTEXT / 1e9:g} for CUDA",
        *dict.fromkeys(row["no_closed_form"] for row in rows if "no_closed_form" in row),
    ]
    body = table.reset_index(names="").to_markdown(index=False, disable_numparse=True)
    return "\n".join([title, "", body, "", *notes])


def _column(row: Row) -> dict[str, str]:
    form = row["closed_form"]
    trained, total = row["trainable_parameters"], row["total_parameters"]
    column = {"at the peak, traced": _gb(row["traced"])}
    column |= {f"– {kind}": _gb(row["parts"][kind]) for kind in KINDS}
    column |= {
        "by formula": _gb(form) if form else "—",
        "a GPU needs": _gb(needed(row["traced"])),
        "weights, millions": f"{total / 1e6:,.1f}",
        "– of which train": f"{trained / 1e6:,.3f} ({100 * trained / total:.3f} %)",
    }
    for gpu, most in row["fits"].items():
        column[f"largest micro-batch, {gpu}"] = str(most) if most else "none"
    return column


def _gb(size: float) -> str:
    return f"{size / 1e9:,.3f}"
