"""Tables as a page of HTML, for the report."""

import re
from collections.abc import Sequence
from functools import cache

from jinja2 import Environment, Template
from markupsafe import Markup

from tunegrid.reporting.report_table import ReportTable

#: A cell with more characters than this holds a text, which may be broken into lines.
LONGEST_LINE = 40

#: A click on the head of a column sorts its table by that column, a second click the other way
#: round. Columns of numbers are sorted by the first number of a cell, all others as text; a missing
#: value comes last. A cell stays on one line, so that numbers can be compared down a column, unless
#: it holds a text.
PAGE = """\
<!DOCTYPE html>
<html lang="en">
<meta charset="utf-8">
<title>{{ title }}</title>
<style>
  body { font: 14px sans-serif; margin: 1.5em }
  p { max-width: 60em }
  table { border-collapse: collapse }
  th, td { padding: .3em .8em; border-bottom: 1px solid #ddd; text-align: left }
  th, td { white-space: nowrap; vertical-align: top }
  td.text { white-space: normal; min-width: 20em; max-width: 45em; overflow-wrap: anywhere }
  thead th { border-bottom: 2px solid #333; cursor: pointer }
</style>
{% for table in tables %}
<h3>{{ table.title }}</h3>
<table>
<thead><tr>{% for name in table.readable.columns %}<th>{{ name }}</th>{% endfor %}</tr></thead>
<tbody>
{% for row in table.readable.itertuples(index=False, name=None) %}
<tr>{% for cell in row %}<td{{ cell | text_class }}>{{ cell | string | bold }}</td>{% endfor %}</tr>
{% endfor %}
</tbody>
</table>
{% if table.note %}<p>{{ table.note }}</p>{% endif %}
{% endfor %}
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
</script>
</html>
"""


def to_html(title: str, tables: Sequence[ReportTable]) -> str:
    """The readable tables as one page."""
    return _template().render(title=title, tables=tables)


@cache
def _template() -> Template:
    environment = Environment(autoescape=True, trim_blocks=True, keep_trailing_newline=True)
    environment.filters["bold"] = _embolden
    environment.filters["text_class"] = _text_class
    return environment.from_string(PAGE)


def _embolden(cell: str) -> str:
    """The text of a cell; bold as far as it stands between `**` at its beginning."""
    parts = re.fullmatch(r"\*\*(.*?)\*\*(.*)", cell, re.DOTALL)
    return Markup("<b>{}</b>{}").format(*parts.groups()) if parts else cell


def _text_class(cell: object) -> str:
    """The attribute that lets a long text be broken into lines; empty for every other cell."""
    return Markup(' class="text"') if len(str(cell)) > LONGEST_LINE else ""
