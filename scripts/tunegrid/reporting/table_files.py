"""Tables as files: Markdown and HTML for people, LaTeX for papers, CSV for programs."""

import re
from collections.abc import Mapping
from pathlib import Path

from tunegrid.files import atomic_path, write_text
from tunegrid.reporting.cell_text import Verbatim
from tunegrid.reporting.html_page import to_html
from tunegrid.reporting.latex_table import to_latex
from tunegrid.reporting.report_table import ReportTable


def write_tables(tables: Mapping[str, ReportTable], folder: Path) -> None:
    """Write each table as <name>.md, <name>.html, <name>.tex and <name>.csv."""
    for name, table in tables.items():
        write_text(folder / f"{name}.md", to_markdown(table))
        write_text(folder / f"{name}.html", to_html(table.title, [table]))
        write_text(folder / f"{name}.tex", to_latex(name, table))
        with atomic_path(folder / f"{name}.csv") as temporary:
            table.data.to_csv(temporary, index=False)


def to_markdown(table: ReportTable) -> str:
    """The readable table as Markdown, under its title and over its note."""
    readable = table.readable.map(_escape_verbatim)
    body = readable.to_markdown(index=False, disable_numparse=True)
    note = f"\n{table.note}\n" if table.note else ""
    return f"### {table.title}\n\n{body}\n{note}"


def _escape_verbatim(cell: object) -> object:
    """A cell of the data's own characters, none of which Markdown shall take for its own."""
    if not isinstance(cell, Verbatim):
        return cell
    escaped = str(cell).replace("&", "&amp;").replace("<", "&lt;")
    return re.sub(r"([\\`*_\[\]|~#])", r"\\\1", escaped)
