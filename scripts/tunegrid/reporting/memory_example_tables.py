"""A paper's memory example as tables: its figures, the traced steps, its errors."""

from typing import Any

import pandas as pd

from tunegrid.published.formulas import fill
from tunegrid.published.memory_case import MemoryCase, QuantityValues
from tunegrid.published.memory_example import TableText
from tunegrid.reporting.number_formats import BYTES_OF_GIGABYTE, GIGABYTES
from tunegrid.reporting.report_table import ReportTable, format_numbers

Rows = list[dict[str, Any]]

#: The kinds of live tensors (`tunegrid.memory.KINDS`) that papers count under one name.
COMPONENT_PARTS = {
    "weights": ["frozen weights", "trainable weights"],
    "gradients": ["gradients"],
    "optimizer": ["optimizer state"],
    "activations": ["activations", "temporaries", "inputs"],
}
#: What papers add up before activations come to it.
STATIC = ("weights", "gradients", "optimizer")


def memory_example_tables(case: MemoryCase, rows: Rows) -> dict[str, ReportTable]:
    """All three tables by name (`tunegrid.reporting.table_names.MEMORY_EXAMPLE_TABLES`).

    Args:
        case: the paper's example.
        rows: as `tunegrid.published.memory_recount.recount` returns them.

    Raises:
        UserError: a text quotes what was not traced.
    """
    values = QuantityValues(case, rows)
    return {
        "memory_published": _published_table(case, rows, values),
        "memory_corrected": _corrected_table(case, rows, values),
        "memory_errata": errata_table(case, values),
    }


def _published_table(case: MemoryCase, rows: Rows, values: QuantityValues) -> ReportTable:
    """The paper's figures, and beside them the same network traced, GB."""
    beside = case.example.beside
    components = {
        (row["method"], row["way"]): _components(row)
        for row in rows
        if row["model"] == beside.network
    }
    data = pd.DataFrame(
        [
            {
                "method": figure.method,
                "component": figure.component,
                "gigabytes": figure.gigabytes,
            }
            | {
                column.name: components[figure.method, column.way][figure.component]
                for column in beside.columns
            }
            for figure in case.figures
        ],
        columns=["method", "component", "gigabytes", *(column.name for column in beside.columns)],
    )
    readable = pd.DataFrame(
        {
            "method": data["method"],
            "component": data["component"].str.replace("_", " "),
            "as published": data["gigabytes"].map("{:g}".format),
        }
        | {column.title: data[column.name].map("{:.2f}".format) for column in beside.columns}
    )
    return _table(case.example.tables.published, readable, data, values)


def _components(row: dict[str, Any]) -> dict[str, float]:
    """A traced peak by the components that papers name, GB."""
    parts = {
        component: sum(row["parts"][kind] for kind in kinds) / 1e9
        for component, kinds in COMPONENT_PARTS.items()
    }
    parts["static_total"] = sum(parts[component] for component in STATIC)
    return parts | {"total": row["traced"] / 1e9}


def _corrected_table(case: MemoryCase, rows: Rows, values: QuantityValues) -> ReportTable:
    """Every network, method and way, by formula and traced, and its share of the reference."""
    reference = case.example.reference
    data = pd.DataFrame(
        [
            {key: row[key] for key in ("model", "method", "way", "closed_form", "traced")}
            for row in rows
        ]
    )
    peaks = data[data["method"] == reference].set_index(["model", "way"])["traced"]
    share = (
        100 * data["traced"] / peaks.loc[list(zip(data["model"], data["way"], strict=True))].array
    )
    data[f"percent_of_{reference}"] = share
    readable = data[["model", "method", "way"]].assign(
        **{
            "by formula": format_numbers(data["closed_form"] / BYTES_OF_GIGABYTE, GIGABYTES),
            "traced": format_numbers(data["traced"] / BYTES_OF_GIGABYTE, GIGABYTES),
            f"of {reference}": share.map("{:.0f} %".format),
        }
    )
    return _table(case.example.tables.corrected, readable, data, values)


def errata_table(case: MemoryCase, values: QuantityValues) -> ReportTable:
    """The errors of the paper's arithmetic, each beside the right figure."""
    data = pd.DataFrame(
        [{key: fill(text, values) for key, text in erratum} for erratum in case.example.errata]
    )
    readable = data.rename(columns={"what": "where", "written": "as written"})
    return _table(case.example.tables.errata, readable, data, values)


def _table(
    texts: TableText, readable: pd.DataFrame, data: pd.DataFrame, values: QuantityValues
) -> ReportTable:
    return ReportTable(
        title=fill(texts.title, values), readable=readable, data=data, note=fill(texts.note, values)
    )
