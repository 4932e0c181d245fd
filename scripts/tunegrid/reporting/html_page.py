"""Tables as a page of HTML, for the report."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from jinja2 import Environment, Template

from tunegrid.reporting.cell_text import (
    count_row_names,
    holds_numbers,
    is_sentence,
    split_bold,
)
from tunegrid.reporting.report_table import ReportTable

#: Said where the links of a page work.
LINKS_NOTE = "A number in blue leads to the folder or file of the runs that it is made of."

#: A cell stays on one line, so that numbers can be compared down a column, unless it holds a
#: sentence. A table that is too wide or too long for the window is scrolled in a frame of its own,
#: in which the head and the columns that name a row stay in view.
#:
#: A click on the head of a column sorts its table by that column, a second click the other way
#: round. Columns of numbers are sorted by the first number of a cell, all others as text; a missing
#: value comes last.
#:
#: Numbers lead to their runs only where the page lies beside them, in results/tables: in the report
#: it is embedded in another page, and the runs are not there.
PAGE = """\
{% macro cell(tag, part) %}
<{{ tag }}{% if part.kind %} class="{{ part.kind }}"{% endif %}
{% if part.runs %} data-runs="{{ part.runs }}"{% endif %}>
{%- if part.bold %}<b>{{ part.bold }}</b>{% endif %}{{ part.rest }}</{{ tag }}>
{%- endmacro %}
<!DOCTYPE html>
<html lang="en">
<meta charset="utf-8">
<title>{{ title }}</title>
<style>
  body { font: 14px sans-serif; margin: 1.5em }
  p { max-width: 60em }
  .frame { overflow: auto; width: fit-content; max-width: 100%; max-height: calc(100vh - 7em) }
  table { border-collapse: separate; border-spacing: 0 }
  th, td { padding: .3em .8em; border-bottom: 1px solid #ddd; text-align: left; background: white }
  td { white-space: nowrap; vertical-align: top }
  td.sentence { white-space: normal; min-width: 20em; max-width: 45em; overflow-wrap: anywhere }
  .number { text-align: right; font-variant-numeric: tabular-nums }
  thead th { border-bottom: 2px solid #333; cursor: pointer; vertical-align: bottom }
  thead th { position: sticky; top: 0; z-index: 2 }
  .kept { position: sticky; left: 0; z-index: 1 }
  thead th.kept { z-index: 3 }
  a { color: #1f4e9e; text-decoration: none }
  @media print { .frame { overflow: visible; max-height: none } }
</style>
{% for table in tables %}
<h3>{{ table.title }}</h3>
<div class="frame">
<table data-names="{{ table.names }}">
<thead><tr>{% for head in table.heads %}{{ cell("th", head) }}{% endfor %}</tr></thead>
<tbody>
{% for row in table.rows %}
<tr>{% for part in row %}{{ cell("td", part) }}{% endfor %}</tr>
{% endfor %}
</tbody>
</table>
</div>
{% if table.note %}<p>{{ table.note }}</p>{% endif %}
{% endfor %}
<p class="links" hidden>{{ links_note }}</p>
<script>
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

// The columns that name a row stay in view as long as they leave half of the frame to the others.
const keepNames = () => {
  for (const table of document.querySelectorAll("table")) {
    const room = table.parentNode.clientWidth / 2;
    for (const row of table.rows)
      for (const cell of row.cells) cell.classList.remove("kept");
    const heads = [...table.tHead.rows[0].cells].slice(0, table.dataset.names);
    let left = 0;
    heads.every((head, at) => {
      const width = head.getBoundingClientRect().width;
      if (at > 0 && left + width > room) return false;
      for (const row of table.rows) {
        row.cells[at].classList.add("kept");
        row.cells[at].style.left = `${left}px`;
      }
      left += width;
      return true;
    });
  }
};
keepNames();
window.addEventListener("resize", keepNames);

const isFile = ["file:", "http:", "https:"].includes(window.location.protocol);
const isAlone = window.top === window;
if (isFile && isAlone && /[/]tables[/][^/]+$/.test(window.location.pathname)) {
  const cells = document.querySelectorAll("[data-runs]");
  for (const cell of cells) {
    const link = document.createElement("a");
    link.href = `../${cell.dataset.runs}`;
    link.append(...cell.childNodes);
    cell.append(link);
  }
  document.querySelector("p.links").hidden = cells.length === 0;
}
</script>
</html>
"""


@dataclass(frozen=True)
class _Cell:
    """A cell of the page.

    Attributes:
        rest: its text, behind the part of it that is bold.
        bold: the part of its text at the beginning that is bold.
        kind: `number`, `sentence`, or empty for every other cell.
        runs: the folder or file of the runs behind it, below `results/`; empty if there is none.
    """

    rest: str
    bold: str = ""
    kind: str = ""
    runs: str = ""


@dataclass(frozen=True)
class _PageTable:
    """A table of the page.

    Attributes:
        title, note: as of `ReportTable`.
        names: how many of its first columns name a row.
        heads: the heads of its columns.
        rows: its cells.
    """

    title: str
    note: str
    names: int
    heads: list[_Cell]
    rows: list[list[_Cell]]


def to_html(title: str, tables: Sequence[ReportTable]) -> str:
    """The readable tables as one page."""
    return _template().render(
        title=title, tables=[_lay_out(table) for table in tables], links_note=LINKS_NOTE
    )


def _lay_out(table: ReportTable) -> _PageTable:
    """The table's texts with what the page must know of each."""
    readable = table.readable
    columns = list(readable.columns)
    kinds = ["number" if holds_numbers(readable[name]) else "" for name in columns]
    links = [table.links.get(name, [""] * len(readable)) for name in columns]
    rows = []
    for at, values in enumerate(readable.itertuples(index=False, name=None)):
        runs = [of_column[at] for of_column in links]
        rows.append(list(_lay_out_row(values, kinds, runs)))
    return _PageTable(
        title=table.title,
        note=table.note,
        names=count_row_names(readable),
        heads=[_Cell(str(name), kind=kind) for name, kind in zip(columns, kinds, strict=True)],
        rows=rows,
    )


def _lay_out_row(
    values: Sequence[Any], kinds: Sequence[str], runs: Sequence[str]
) -> Iterator[_Cell]:
    for value, kind, leads_to in zip(values, kinds, runs, strict=True):
        bold, rest = split_bold(value)
        yield _Cell(rest, bold, "sentence" if is_sentence(value) else kind, leads_to)


@cache
def _template() -> Template:
    environment = Environment(autoescape=True, trim_blocks=True, keep_trailing_newline=True)
    return environment.from_string(PAGE)
