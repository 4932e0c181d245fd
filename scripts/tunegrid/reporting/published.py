"""A paper's numbers beside the grid's, what is wrong with them, and what they conclude."""

import pandas as pd

from tunegrid.reporting.table import Table, interval_texts, or_dash

NOTE = (
    "Ours: mean over n seeds; interval: its 95 % t interval. Within: the published number lies in"
    " it, as far as it was printed. Published schedules and software differ; so may the numbers."
)
NONE = "None of these models, tasks and methods is in this grid. "
PLACE = ["source", "model", "task", "method"]


def published_tables(
    compared: pd.DataFrame, audit: pd.DataFrame, findings: pd.DataFrame
) -> dict[str, Table]:
    """All three by name (`tunegrid.reporting.PUBLISHED_TABLES`).

    Args:
        compared: as compare_published returns it.
        audit: as audit_published returns it.
        findings: as check_findings returns it.
    """
    numbers = ["published", "ours", "n", "low", "high", "difference"]
    data = compared.reindex(columns=[*PLACE, "metric", *numbers, "verdict"])
    form = {"n": "{:.0f}", "difference": "{:+.4f}"}
    readable = data.drop(columns=["low", "high"]).assign(
        **{
            key: data[key].map(or_dash(form.get(key, "{:.4f}")))
            for key in ("ours", "n", "difference")
        },
        published=compared["printed"],
        interval=interval_texts(data, "low", "high"),
    )
    none = (data["verdict"] == "not in the grid").all()
    order = [*PLACE, "metric", "published", "ours", "n", "interval", "difference", "verdict"]
    return {
        "published": Table(
            "Published beside reproduced",
            readable[order],
            data,
            NONE + NOTE if none else NOTE,
        ),
        "published_audit": Table(
            "Published numbers that cannot be, or say another thing than they seem to",
            audit,
            audit,
            "Only numbers of tasks and models in this grid can be audited by their data and sizes."
            if len(audit)
            else "None was found among those whose tasks and models are in this grid.",
        ),
        "published_findings": Table("The published report's findings", findings, findings),
    }
