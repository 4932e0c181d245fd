"""A table, as people read it (Markdown, HTML) and as programs do (CSV)."""

import html
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from tunegrid.files import atomic_path, write_text
from tunegrid.results import GROUP

#: A click on a column's head sorts its table by that column, a second one the other way round.
#: Numbers by the first number in the cell, everything else as text; what is missing comes last.
SORTING = """
for (const head of document.querySelectorAll("thead th")) {
  head.title = "sort by this column";
  head.addEventListener("click", () => {
    const body = head.closest("table").tBodies[0], at = head.cellIndex;
    const down = head.dataset.sorted === "up";
    for (const other of head.parentNode.cells) delete other.dataset.sorted;
    head.dataset.sorted = down ? "down" : "up";
    const texts = new Map([...body.rows].map((row) => [row, row.cells[at].textContent.trim()]));
    const number = (text) => parseFloat(text.replace(/,/g, "").replace("−", "-"));
    const numeric = [...texts.values()].every((text) => text === "—" || !isNaN(number(text)));
    const compare = (a, b) => {
      const [one, two] = [texts.get(a), texts.get(b)];
      if ((one === "—") !== (two === "—")) return one === "—" ? 1 : -1;
      const order = numeric ? number(one) - number(two) : one.localeCompare(two);
      return (down ? -order : order) || 0;
    };
    body.append(...[...body.rows].sort(compare));
  });
}
"""


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


def join_notes(*notes: str) -> str:
    """One paragraph of the notes that there are."""
    return " ".join(filter(None, notes))


def interval_texts(table: pd.DataFrame, low: str, high: str, form: str = "{:.4f}") -> list[str]:
    """`low … high` of two columns, a dash where they are missing."""
    ends = zip(table[low], table[high], strict=True)
    return ["—" if pd.isna(a) else f"{form.format(a)} … {form.format(b)}" for a, b in ends]


#: Columns of names, which stay text whatever they look like: NA, true, 0004.
NAMES = [*GROUP, "reference", "source", "part", "split", "id", "label", "predicted_label"]
NAMES += ["most_predicted"]


def read_table(path: Path) -> pd.DataFrame:
    """A table that was written as CSV; names stay text."""
    return pd.read_csv(
        path, keep_default_na=False, na_values="", low_memory=False, dtype=dict.fromkeys(NAMES, str)
    )


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
        "thead th{border-bottom:2px solid #333;cursor:pointer}</style>"
        f"{parts}<script>{SORTING}</script></html>\n"
    )


def _html_part(table: Table) -> str:
    bold = table.readable.map(
        lambda cell: re.sub(r"^\*\*(.*?)\*\*", r"<b>\1</b>", html.escape(str(cell)))
    )
    body = bold.to_html(index=False, border=0, escape=False, na_rep="")
    note = f"<p>{html.escape(table.note)}</p>" if table.note else ""
    return f"<h3>{html.escape(table.title)}</h3>{body}{note}"
