"""A table, as people read it (Markdown, HTML) and as programs do (CSV)."""

import html
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from tunegrid.files import atomic_path, write_text


@dataclass(frozen=True)
class Table:
    """A table as people read it and as programs do.

    Attributes:
        title: one line that says what it shows.
        readable: text cells, for Markdown and HTML.
        data: the same numbers unrounded, one a row where that is natural, for CSV.
        note: what its marks mean.
    """

    title: str
    readable: pd.DataFrame
    data: pd.DataFrame
    note: str = ""


def or_dash(form: str) -> Callable[[float], str]:
    """A function that writes a number by `form`, and a missing one as a dash."""
    return lambda value: "—" if pd.isna(value) else form.format(value)


def write_tables(tables: Mapping[str, Table], folder: Path) -> None:
    """Write each table as <name>.md, <name>.html and <name>.csv."""
    for name, table in tables.items():
        write_text(folder / f"{name}.md", to_markdown(table))
        write_text(folder / f"{name}.html", to_html(table.title, [table]))
        with atomic_path(folder / f"{name}.csv") as temporary:
            table.data.to_csv(temporary, index=False)


def to_markdown(table: Table) -> str:
    """The readable table as Markdown, under its title and over its note."""
    body = table.readable.to_markdown(index=False, disable_numparse=True)
    return f"### {table.title}\n\n{body}\n" + (f"\n{table.note}\n" if table.note else "")


def to_html(title: str, tables: Sequence[Table]) -> str:
    """The readable tables as a page of their own, for the report."""
    parts = "".join(map(_html_part, tables))
    return (
        f'<!DOCTYPE html><html lang="en"><meta charset="utf-8"><title>{html.escape(title)}</title>'
        "<style>body{font:14px sans-serif;margin:1.5em}table{border-collapse:collapse}"
        "th,td{padding:.3em .8em;text-align:left;border-bottom:1px solid #ddd;white-space:nowrap}"
        "thead th{border-bottom:2px solid #333}</style>"
        f"{parts}</html>\n"
    )


def _html_part(table: Table) -> str:
    bold = table.readable.map(
        lambda cell: re.sub(r"^\*\*(.*?)\*\*", r"<b>\1</b>", html.escape(str(cell)))
    )
    body = bold.to_html(index=False, border=0, escape=False, na_rep="")
    note = f"<p>{html.escape(table.note)}</p>" if table.note else ""
    return f"<h3>{html.escape(table.title)}</h3>{body}{note}"
