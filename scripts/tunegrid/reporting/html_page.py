"""Tables as a page of HTML, for the report."""

import re
from collections.abc import Sequence
from functools import cache

from jinja2 import Environment, Template
from markupsafe import Markup

from tunegrid.reporting.readable import Table

#: A click on a column's head sorts its table by that column, a second one the other way round.
#: Numbers by the first number in the cell, everything else as text; what is missing comes last.
PAGE = """\
<!DOCTYPE html>
<html lang="en">
<meta charset="utf-8">
<title>{{ title }}</title>
<style>
  body { font: 14px sans-serif; margin: 1.5em }
  table { border-collapse: collapse }
  th, td { padding: .3em .8em; border-bottom: 1px solid #ddd; text-align: left }
  th, td { white-space: nowrap }
  thead th { border-bottom: 2px solid #333; cursor: pointer }
</style>
{% for table in tables %}
<h3>{{ table.title }}</h3>
<table>
<thead><tr>{% for name in table.readable.columns %}<th>{{ name }}</th>{% endfor %}</tr></thead>
<tbody>
{% for row in table.readable.itertuples(index=False, name=None) %}
<tr>{% for cell in row %}<td>{{ cell | string | strong }}</td>{% endfor %}</tr>
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


def to_html(title: str, tables: Sequence[Table]) -> str:
    """The readable tables as one page."""
    return _template().render(title=title, tables=tables)


@cache
def _template() -> Template:
    environment = Environment(autoescape=True, trim_blocks=True, keep_trailing_newline=True)
    environment.filters["strong"] = _strong
    return environment.from_string(PAGE)


def _strong(cell: str) -> str:
    """The text of a cell, bold where it begins with some between `**`."""
    parts = re.fullmatch(r"\*\*(.*?)\*\*(.*)", cell, re.DOTALL)
    return Markup("<b>{}</b>{}").format(*parts.groups()) if parts else cell
