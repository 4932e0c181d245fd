"""Tables that Python writes in random dialects come back equal; without the dialect, or not at all.

What is written is written by Python's own csv, json and openpyxl, so that reader and writer share
no code of the project.
"""

import csv
import io
import json

from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from tunegrid.config.dialects import Dialect
from tunegrid.errors import UserError
from tunegrid.tasks.tables.rows import read_rows

QUICK = settings(
    derandomize=True,
    deadline=None,
    max_examples=100,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
SPECIAL = st.sampled_from([",", ";", "\t", "|", '"', "'", "\\", " ", "\n", "\r\n", "\r", "#", "''"])
LETTERS = st.text(
    st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufffd\ufeff"), max_size=4
)
TEXTS = st.lists(SPECIAL | LETTERS, max_size=6).map("".join)
PLAIN_TEXTS = st.text(
    st.characters(exclude_categories=["Cs", "Cc"], exclude_characters=",;\t|~\ufffd\ufeff\"'\\"),
    min_size=1,
    max_size=8,
)
LABELS = {"neg", "pos", "0", "1"}


def tables(texts):
    return st.lists(st.tuples(texts, st.sampled_from(sorted(LABELS))), min_size=1, max_size=6)


WILD = st.permutations([",", ";", "\t", "|", "'", '"', "\\", "~"]).map(lambda found: found[:3])
#: As public data sets have them.
USUAL = st.tuples(st.sampled_from([",", ";", "\t", "|"]), st.sampled_from(['"', "'"]), st.none())


@st.composite
def dialects(draw, characters):
    """A dialect as an entry says it, and the same as `csv.writer` takes it."""
    separator, mark, escape = draw(characters)
    encoding = draw(st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-32-le", "gb18030"]))
    said = {"separator": separator, "encoding": encoding, "quoting": "minimal", "quotechar": mark}
    written = {"delimiter": separator, "quotechar": mark}
    if escape and draw(st.booleans()):
        said["escapechar"] = written["escapechar"] = escape
        written["doublequote"] = draw(st.booleans())
    written["quoting"] = draw(st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]))
    written["lineterminator"] = draw(st.sampled_from(["\n", "\r\n"]))
    return said, written


def write(path, rows, encoding, **dialect):
    text = io.StringIO(newline="")
    csv.writer(text, **dialect).writerows(rows)
    path.write_bytes(text.getvalue().encode(encoding))


def read(path, columns=(0, 1), **dialect):
    rows = list(read_rows(path, Dialect(**dialect), columns))
    lines = [row.line for row in rows]
    assert len(set(lines)) == len(lines)
    return [tuple(row.cells[column] for column in columns) for row in rows]


def read_or_none(path, columns):
    """What is read, or None where it is refused by one line."""
    try:
        return read(path, columns)
    except UserError as error:
        (line,) = error.problems
    assert line.splitlines() == [line]
    return None


@QUICK
@given(rows=tables(TEXTS), dialect=dialects(WILD), has_names=st.booleans())
def test_what_csv_writes_is_read_back_with_its_dialect(tmp_path, rows, dialect, has_names):
    said, written = dialect
    names = [("text", "label")] if has_names else []
    write(tmp_path / "x.csv", [*names, *rows], said["encoding"], **written)
    columns = ("text", "label") if has_names else (0, 1)
    assert read(tmp_path / "x.csv", columns, header=has_names, **said) == rows


@QUICK
@given(rows=tables(PLAIN_TEXTS), separator=st.sampled_from([",", "\t", "|||", " ; "]))
def test_what_is_joined_by_a_separator_is_read_back_unquoted(tmp_path, rows, separator):
    assume(not any(separator.strip() in text for text, _ in rows))
    text = "".join(f"{text}{separator}{label}\n" for text, label in rows)
    (tmp_path / "x.txt").write_text(text, encoding="utf-8", newline="")
    assert read(tmp_path / "x.txt", separator=separator, quoting="none", header=False) == rows


@QUICK
@given(
    rows=tables(TEXTS),
    dialect=dialects(USUAL),
    ending=st.sampled_from(["csv", "tsv", "txt"]),
    has_names=st.booleans(),
)
def test_without_its_dialect_a_table_is_read_back_equal_or_refused(
    tmp_path, rows, dialect, ending, has_names
):
    said, written = dialect
    names = [("text", "label")] if has_names else []
    path = tmp_path / f"x.{ending}"
    write(path, [*names, *rows], said["encoding"], **written)
    found = read_or_none(path, ("text", "label") if has_names else (0, 1))
    if found is None:
        return
    # A label that is none is refused where examples are made of rows.
    if {label for _, label in found} <= LABELS:
        assert found == rows


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(LETTERS, inner, max_size=3),
    max_leaves=5,
)


@QUICK
@given(
    records=st.lists(st.fixed_dictionaries({"a.b": VALUES, "in": VALUES}), min_size=1, max_size=4),
    indent=st.sampled_from([None, 0, 2]),
    is_ascii=st.booleans(),
    where=st.sampled_from([None, "data", "data.train", "a.b"]),
)
def test_what_json_writes_is_read_back(tmp_path, records, indent, is_ascii, where):
    nested = [{"in": {"deep": [0, record["in"]]}, "a.b": record["a.b"]} for record in records]
    value = nested
    for key in [] if where is None else reversed(where.split(".") if where != "a.b" else [where]):
        value = {"other": [1], key: value}
    text = json.dumps(value, indent=indent, ensure_ascii=is_ascii)
    (tmp_path / "x.json").write_text(text, encoding="utf-8", newline="")
    columns = ("a.b", "in.deep.1")
    expected = [(record["a.b"], record["in"]) for record in records]
    assert read(tmp_path / "x.json", columns, records=where) == expected
    lines = "".join(json.dumps(record, ensure_ascii=is_ascii) + "\n" for record in nested)
    (tmp_path / "x.jsonl").write_text(lines, encoding="utf-8", newline="")
    assert read(tmp_path / "x.jsonl", columns) == expected
    (tmp_path / "lines.json").write_text(lines, encoding="utf-8", newline="")
    if len(records) > 1:
        assert read(tmp_path / "lines.json", columns) == expected


CELLS = (
    st.booleans()
    | st.integers(-(2**50), 2**50)
    | st.text(
        st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="_\ufffd"), min_size=1
    )
    | st.datetimes()
)


@settings(QUICK, max_examples=25)
@given(rows=st.lists(st.tuples(CELLS, st.sampled_from(sorted(LABELS))), min_size=1, max_size=4))
def test_what_openpyxl_writes_is_read_back(tmp_path, rows):
    import openpyxl

    assume(not any(isinstance(cell, str) and cell.startswith("=") for cell, _ in rows))
    book = openpyxl.Workbook()
    for row in [("text", "label"), *rows]:
        book.active.append(row)
    book.save(tmp_path / "x.xlsx")
    found = read(tmp_path / "x.xlsx", ("text", "label"))
    assert [label for _, label in found] == [label for _, label in rows]
    for (given_cell, _), (cell, _) in zip(rows, found, strict=True):
        if isinstance(given_cell, str | int):
            assert cell == given_cell
            assert type(cell) is type(given_cell)
        else:
            # Excel's dates are fractions of a day.
            assert abs((cell - given_cell).total_seconds()) < 1e-2
