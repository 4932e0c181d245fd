"""Records of JSON, XML, workbooks and Parquet: where they are, what they hold, what is refused."""

import gzip
import json

import openpyxl
import pyarrow
import pytest
from pyarrow import feather, ipc, parquet

from tunegrid.config.dialects import Dialect
from tunegrid.errors import UserError
from tunegrid.tasks.tables.rows import class_names, read_rows

NAMES = ("text", "label")


def rows(path, columns=NAMES, **dialect):
    found = list(read_rows(path, Dialect(**dialect), columns))
    return [
        (row.line, tuple(row.cells.get(column, "absent") for column in columns)) for row in found
    ]


def read(path, content, columns=NAMES, **dialect):
    path.write_bytes(content.encode("utf-8", "surrogatepass"))
    return [cells for _, cells in rows(path, columns, **dialect)]


def refused(path, content=None, columns=NAMES, **dialect):
    if content is not None:
        path.write_bytes(content.encode())
    with pytest.raises(UserError) as error:
        rows(path, columns, **dialect)
    (line,) = error.value.problems
    assert line.splitlines() == [line]
    return line.removeprefix(str(path))


@pytest.mark.parametrize(
    ("content", "columns", "dialect", "expected"),
    [
        ('[{"text": "a", "label": true}]', NAMES, {}, [("a", True)]),
        ('{"a":{"b":[{"text": "a", "label": 1}]}}', NAMES, {"records": "a.b"}, [("a", 1)]),
        ('{"a.b":[{"text": "a"}]}', ("text",), {"records": "a.b"}, [("a",)]),
        (
            '{"train":[["a","pos"],["b"]]}',
            (0, 1),
            {"records": "train"},
            [("a", "pos"), ("b", "absent")],
        ),
        (
            '[{"answers":[{"text":"a"}],"x.y":"b","x":{"y":"c"}}]',
            ("answers.0.text", "x.y"),
            {},
            [("a", "b")],
        ),
        (
            '{"7":{"text":"a","label":null},"8":{"text":"b"}}',
            ("@key", "text", "label"),
            {},
            [("7", "a", None), ("8", "b", "absent")],
        ),
        ('{"text":["a","b"],"label":[0,1]}', NAMES, {}, [("a", 0), ("b", 1)]),
        ('{"text":{"0":"a","7":"b"},"label":{"7":1,"0":0}}', NAMES, {}, [("a", 0), ("b", 1)]),
        ('[{"text":["a","b"],"label":NaN}]', NAMES, {}, [(["a", "b"], None)]),
        ('["a","b"]', ("text",), {}, [("a",), ("b",)]),
        ('{"text":"a","label":1}\n\n{"text":"b","label":2}\n', NAMES, {}, [("a", 1), ("b", 2)]),
        ('[{"text":"\\ud83d\\ude00"}]', ("text",), {}, [("\U0001f600",)]),
        ('[{"text":" a ","label":[" b"]}]', NAMES, {"strip": True}, [("a", ["b"])]),
    ],
)
def test_json_is_read_by_paths(tmp_path, content, columns, dialect, expected):
    assert read(tmp_path / "x.json", content, columns, **dialect) == expected


def test_a_record_s_line_is_where_it_begins_or_its_position(tmp_path):
    records = [{"text": "a\nb", "label": {"deep": [1, 2]}}, {"text": "c"}, {"text": "d"}]
    path = tmp_path / "x.json"
    path.write_text(json.dumps({"meta": [1], "data": records}, indent=1))
    lines = path.read_text().split("\n")
    found = [line for line, _ in rows(path, ("text",), records="data")]
    assert [lines[line - 1].strip() for line in found] == ["{", "{", "{"]
    assert [lines[line].strip()[:8] for line in found] == ['"text": '] * 3
    path.write_text(json.dumps(records))
    assert [line for line, _ in rows(path, ("text",))] == [1, 2, 3]


@pytest.mark.parametrize(
    ("name", "content", "columns", "dialect", "line"),
    [
        (
            "x.json",
            '{"data":[{"text":"a"}]}',
            NAMES,
            {},
            (":1: holds no list of objects; name one of its lists as `records`: data"),
        ),
        (
            "x.json",
            '{"data":[]}',
            NAMES,
            {"records": "daat"},
            (": `dialect: {records: daat}` is not there; name one of its lists as `records`: data"),
        ),
        ("x.json", "[\n{},\n3]", NAMES, {}, ":3: holds no JSON object"),
        ("x.json", '[{"text": "a",\n}]', NAMES, {}, ":2: not valid JSON"),
        ("x.json", '{"text":"a"}\n{"text":}\n', ("text",), {}, ":2: not valid JSON"),
        (
            "x.json",
            '{"text":"a"}\n{"text":"b"}\n',
            ("text",),
            {"format": "json"},
            ":2: is JSON lines",
        ),
        (
            "x.jsonl",
            '[\n{"text":"a"}]\n',
            ("text",),
            {},
            (
                ":1: not valid JSON: Expecting value; the"
                " file is one value of JSON: name `dialect: {format: json}`"
            ),
        ),
        ("x.json", '[["a", "pos"]]', NAMES, {}, ":1: the record is a list; give `columns` as pos"),
        ("x.json", '[{"text": "a"}]', (0,), {}, ":1: the record is an object, and"),
        ("x.json", '{"text":["a"],"label":[]}', NAMES, {}, ": has columns of several lengths"),
        ("x.json", '[{},\n{"text":"a","text":"b"}]', ("text",), {}, ":2: has the key 'text' twice"),
        (
            "x.json",
            '{"a":{"text":"a"},"a":{"text":"b"}}',
            ("text",),
            {},
            ": holds two records with",
        ),
        (
            "x.jsonl",
            '{"text":"b"}\n{"text":"a\\ud83d"}\n',
            ("text",),
            {},
            (":2: column 'text' holds half of a character"),
        ),
        ("x.json", '[{"text":["a","\\ude00"]}]', ("text",), {}, ":1: column 'text' holds half of"),
        ("x.jsonl", '{"text":"\\ufffd"}', ("text",), {}, ":1: column 'text' holds a replacement"),
        ("x.json", "[]", NAMES, {"separator": ","}, ": is read as json, which has no `dialect:"),
    ],
)
def test_json_that_is_otherwise_is_one_line(tmp_path, name, content, columns, dialect, line):
    assert refused(tmp_path / name, content, columns, **dialect).startswith(line)


def test_json_that_python_does_not_take_is_one_line(tmp_path):
    deep = refused(tmp_path / "x.json", "[" * 100_000, ("text",))
    assert deep == ": nests its values too deeply; write flatter records"
    digits = refused(tmp_path / "x.jsonl", '{"text":' + "9" * 5000 + "}", ("text",))
    assert digits == ":1: holds a number of thousands of digits; quote it"


def test_a_key_that_is_twice_where_nobody_looks_does_not_matter(tmp_path):
    assert read(tmp_path / "x.json", '[{"text":"a","n":1,"n":2}]', ("text",)) == [("a",)]


REVIEWS = """<?xml version="1.0" encoding="UTF-8"?>
<reviews>
 <sentence id="1"><text>The <b>soup</b><!-- no --> was cold &amp; late.</text>
  <terms>
   <term name="soup" polarity="negative"/>
   <term name="waiter" polarity="positive"/></terms></sentence>
 <sentence id="2"><text>Fine.</text></sentence>
</reviews>
"""


def test_the_encoding_that_is_said_is_stronger_than_the_document_s(tmp_path):
    path = tmp_path / "x.xml"
    path.write_bytes('<?xml version="1.0" encoding="UTF-8"?><r><s>café</s></r>'.encode("latin-1"))
    assert rows(path, ("text()",), records="//s", encoding="latin-1") == [(1, ("café",))]
    assert refused(path, None, ("text()",), records="//s").startswith(":1: not valid XML")


def test_xml_is_read_by_paths(tmp_path):
    columns = ("../../text", "@name", "@polarity", "string(../../@id)", "@none")
    path = tmp_path / "x.xml"
    path.write_text(REVIEWS)
    text = "The soup was cold & late."
    assert rows(path, columns, records="//term") == [
        (5, (text, "soup", "negative", "1", "absent")),
        (6, (text, "waiter", "positive", "1", "absent")),
    ]
    assert rows(path, ("text", "terms/term/@name"), records="//sentence") == [
        (3, (text, ["soup", "waiter"])),
        (7, ("Fine.", "absent")),
    ]


@pytest.mark.parametrize(
    ("content", "columns", "records", "line"),
    [
        (
            REVIEWS,
            ("text",),
            None,
            (": is XML; say where its records are, such as `dialect: {records: //"),
        ),
        (
            REVIEWS,
            ("text",),
            "//sentences",
            ": `dialect: {records: …}` finds no elements; it has //",
        ),
        (REVIEWS, ("text[",), "//sentence", ": 'text[' is no XPath"),
        (REVIEWS, (0,), "//sentence", ": is XML, whose columns are XPaths"),
        (
            '<a xmlns="urn:x"><b/></a>',
            ("text",),
            "//b",
            (
                ": `dialect: {records: …}` finds no elements;"
                " the document has a default namespace: write //*[local-name()='x'] for //x"
            ),
        ),
        ("<a>\n<b></a>", ("text",), "//b", ":2: not valid XML"),
        ('<!DOCTYPE a [<!ENTITY e "x">]><a><b>&e;</b></a>', ("text",), "//b", ": defines entities"),
        (
            '<!DOCTYPE a [<!ENTITY e SYSTEM "/etc/hostname">]><a><b>&e;</b></a>',
            ("text()",),
            "//b",
            ": defines entities",
        ),
        (
            '<!DOCTYPE a SYSTEM "x.dtd">\n<a><b>caf&eacute;</b></a>',
            ("text()",),
            "//b",
            (":2: has the entity &eacute;"),
        ),
    ],
)
def test_xml_that_is_otherwise_is_one_line(tmp_path, content, columns, records, line):
    assert refused(tmp_path / "x.xml", content, columns, records=records).startswith(line)


def book(path, sheets):
    made = openpyxl.Workbook()
    made.remove(made.active)
    for name, lines in sheets.items():
        sheet = made.create_sheet(name)
        for line in lines:
            sheet.append(line)
    made.save(path)
    return path


def test_a_sheet_is_read_as_it_is_shown(tmp_path):
    lines = [["by hand"], [], ["text ", "label"], ["a_x000D_\nb", 1.0], [None, "  "], ["c", True]]
    path = book(tmp_path / "x.xlsx", {"notes": [], "data": lines})
    assert rows(path, skip=2, strip=True) == [(4, ("a\r\nb", 1)), (6, ("c", True))]
    path = book(tmp_path / "y.XLSX", {"one": [["a", 2.5]], "two": [["b", 0]]})
    assert rows(path, (1, 0), sheet="two") == [(1, (0, "b"))]
    packed = tmp_path / "y.xlsx.gz"
    packed.write_bytes(gzip.compress(path.read_bytes()))
    assert rows(packed, (0,), sheet="one") == [(1, ("a",))]


@pytest.mark.parametrize(
    ("sheets", "dialect", "line"),
    [
        (
            {"a": [["x"]], "b": [["y"]]},
            {},
            ": has the sheets a, b; name one: `dialect: {sheet: …}`",
        ),
        ({"a": [["x"]]}, {"sheet": "b"}, ": has no sheet 'b'; has: a"),
        ({"a": []}, {}, ": all its sheets are empty"),
        (
            {"a": [["text", "rating"], ["a", 1]]},
            {},
            ":1: has no column 'label'; has: 'text', 'rati",
        ),
        (
            {"a": [["text", "label", "text"]]},
            {},
            (":1: 2 columns are called 'text', at the positions 0 and 2"),
        ),
        ({"a": [["text", "label"], ["a", "=1+1"]]}, {}, ":2: column 'label' is a formula (=1+1)"),
        ({"a": [["text", "label"], ["#N/A", 1]]}, {}, ":2: column 'text' is the error #N/A"),
    ],
)
def test_a_workbook_that_is_otherwise_is_one_line(tmp_path, sheets, dialect, line):
    assert refused(book(tmp_path / "x.xlsx", sheets), **dialect).startswith(line)


def test_what_is_no_workbook_is_one_line(tmp_path):
    assert refused(tmp_path / "x.xlsx", "text,label\n").startswith(": not valid xlsx")


def class_label(*names):
    return {"names": list(names), "_type": "ClassLabel"}


FEATURES = {
    "label": class_label("neg", "pos"),
    "tags": {"feature": class_label("a", "b"), "_type": "Sequence"},
    "old": [class_label("c", "d")],
    "of": {"inner": class_label("e", "f")},
    "text": {"dtype": "string", "_type": "Value"},
}


def arrow_table():
    table = pyarrow.table({
        "label": [0, 1, None],
        "text": pyarrow.array(["x", "y", "x"]).dictionary_encode(),
        "tags": [[0], [1, 0], []],
        "of": [{"inner": 1.0}, {"inner": float("nan")}, None],
        "raw": [b"caf\xc3\xa9", b"", b"z"],
    })  # fmt: skip
    return table.replace_schema_metadata(
        {"huggingface": json.dumps({"info": {"features": FEATURES}})}
    )


def write_stream(table, path):
    with ipc.new_stream(path, table.schema) as stream:
        stream.write_table(table)


@pytest.mark.parametrize(
    ("name", "write"),
    [
        ("x.parquet", parquet.write_table),
        ("x.PARQUET", parquet.write_table),
        ("x.feather", feather.write_feather),
        ("x.arrow", write_stream),
    ],
)
def test_arrow_s_formats_are_read_with_structs_lists_and_class_names(tmp_path, name, write):
    path = tmp_path / name
    write(arrow_table(), path)
    columns = ("text", "label", "tags", "of.inner", "raw")
    assert rows(path, columns) == [
        (1, ("x", 0, [0], 1.0, "café")),
        (2, ("y", 1, [1, 0], None, "")),
        (3, ("x", None, [], "absent", "z")),
    ]
    names = {
        column: class_names(path, Dialect(), column)
        for column in ("label", "tags", "old", "of.inner", "text", "none", 0)
    }
    assert names == {
        "label": ["neg", "pos"],
        "tags": ["a", "b"],
        "old": ["c", "d"],
        "of.inner": ["e", "f"],
        "text": None,
        "none": None,
        0: None,
    }


def test_parquet_that_is_otherwise_is_one_line(tmp_path):
    path = tmp_path / "x.parquet"
    table = pyarrow.table([["a"], [1], ["b"]], names=["text", "label", "text"])
    parquet.write_table(table, path)
    assert refused(path).startswith(": 2 columns are called 'text', at the positions 0 and 2")
    assert rows(path, ("label",)) == [(1, (1,))]
    assert refused(path, columns=("rating",)) == ": has no column rating; has: text, label, text"
    path.write_bytes(b"PAR1")
    assert refused(path).startswith(": not valid Parquet")


def test_other_files_have_no_class_names(tmp_path):
    (tmp_path / "x.csv").write_text("text,label\n")
    assert class_names(tmp_path / "x.csv", Dialect(), "label") is None
