"""Separated files: what a dialect says is read, what contradicts it is refused with the key."""

import re

import pytest
from pydantic import ValidationError

from tunegrid.config.dialects import Dialect
from tunegrid.errors import UserError
from tunegrid.tasks.tables.rows import read_rows


def read(path, content, columns=("text", "label"), **dialect):
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    rows = read_rows(path, Dialect(**dialect), columns)
    return [tuple(row.cells[column] for column in columns) for row in rows]


def refused(path, content, columns=("text", "label"), **dialect):
    with pytest.raises(UserError) as error:
        read(path, content, columns, **dialect)
    (line,) = error.value.problems
    assert line.startswith(str(path))
    assert "\n" not in line
    return line.removeprefix(str(path))


def remedy_in(line):
    """The dialect that a line proposes first."""
    import yaml

    return yaml.safe_load(re.search(r"`dialect: (\{.*?\})`", line)[1])


@pytest.mark.parametrize(
    ("name", "content", "dialect", "expected"),
    [
        ("x.csv", "text;label\na, b;pos\n", {"separator": ";"}, [("a, b", "pos")]),
        ("x.csv", "text\tlabel\na, b\tpos\n", {"separator": "\t"}, [("a, b", "pos")]),
        ("x.TSV", "text\tlabel\na\tpos\n", {}, [("a", "pos")]),
        (
            "x.data",
            "text|label\na\tb|pos\n",
            {"format": "csv", "separator": "|"},
            [("a\tb", "pos")],
        ),
        (
            "x.txt",
            "text ||| label\na\tb ||| pos\n",
            {"separator": " ||| ", "quoting": "none"},
            [("a\tb", "pos")],
        ),
        (
            "x.csv",
            "text;label\n'a; ''b''';pos\n",
            {"separator": ";", "quotechar": "'"},
            [("a; 'b'", "pos")],
        ),
        ("x.csv", 'text,label\n"a \\"b\\", c",pos\n', {"escapechar": "\\"}, [('a "b", c', "pos")]),
        (
            "x.tsv",
            'text\tlabel\n"a\tpos\nb"\tneg\n',
            {"quoting": "none"},
            [('"a', "pos"), ('b"', "neg")],
        ),
        ("x.csv", "made by hand\n\ntext,label\na,pos\n", {"skip": 2}, [("a", "pos")]),
        (
            "x.csv",
            '# one\ntext,label\n# two\na,pos\n"b\n# c",neg\n',
            {"comment": "#"},
            [("a", "pos"), ("b\n# c", "neg")],
        ),
        (
            "x.csv",
            'text , label\n a,pos \n "b, c" , neg\n'.replace('" ,', '",'),
            {"strip": True},
            [("a", "pos"), ("b, c", "neg")],
        ),
        ("x.csv", "text,label\na,pos\n   \n\t\n\nb,neg\n  ", {}, [("a", "pos"), ("b", "neg")]),
        ("x.tsv", "text\tlabel\n\t\na\tpos\n", {}, [("", ""), ("a", "pos")]),
        ("x.csv", "text,label\na\rb,pos\nc,neg\n", {}, [("a\rb", "pos"), ("c", "neg")]),
        ("x.csv", "text,label\ra,pos\rb,neg\r", {}, [("a", "pos"), ("b", "neg")]),
        ("x.csv", "text,label\na\u2028b\x85c,pos\n", {}, [("a\u2028b\x85c", "pos")]),
        (
            "x.csv",
            "text,label\ncafé,pos\n".encode("cp1252"),
            {"encoding": "cp1252"},
            [("café", "pos")],
        ),
        (
            "x.csv",
            "text,label\ncafé,pos\n".encode("utf-16"),
            {"encoding": "utf-16"},
            [("café", "pos")],
        ),
        ("x.csv", "text,label\n\ufffd,pos\n", {"replaced": "keep"}, [("\ufffd", "pos")]),
        ("x.csv", "other,text,other,label\n1,a,2,pos\n", {}, [("a", "pos")]),
    ],
)
def test_a_file_is_read_by_its_dialect(tmp_path, name, content, dialect, expected):
    assert read(tmp_path / name, content, **dialect) == expected


def test_positions_skip_a_line_of_names_if_there_is_one(tmp_path):
    content = "text,label,text\na,pos,b\n"
    assert read(tmp_path / "x.csv", content, (2, 1), header=True) == [("b", "pos")]
    assert len(read(tmp_path / "x.csv", content, (2, 1), header=False)) == 2


#: Each file, columns and dialect, the beginning of its line, and what the remedy there gives.
FAULTS = {
    "a header in one cell": ("x.csv", "text;label\na, b;pos\n", {}, ":1: has no column"),
    "tabs in .csv": ("x.csv", "text\tlabel\na, b\tpos\n", {}, ":1: has no column"),
    "a separator of several characters": ("x.csv", "text|||label\na|b|||pos\n", {}, ":1: has no"),
    "another quotation mark": ("x.csv", "text,label\n'a, b',pos\n", {}, ":2: has 3 columns"),
    "an escaped mark": ("x.csv", 'text,label\n"a \\"b\\", c",pos\n', {}, ":2: not valid CSV"),
    "an escaped mark that parses": ("x.csv", 'text,label\na \\"b\\",pos\n', {}, ":2: holds"),
    "a stray mark": ("x.tsv", 'text\tlabel\n"Fine," he said.\tpos\n', {}, ":2: not valid CSV"),
    "a mark never closed": (
        "x.csv",
        'text,label\na,pos\n"b,pos\nc,neg\n',
        {},
        ":3: not valid CSV: the",
    ),
    "a swallowed separator": ("x.tsv", 'a\ttext\tlabel\n1\t"b\tneg\n"c"\td"\tpos\n', {}, ":3: "),
    "a blank before a quotation": ("x.csv", 'text,label\na, "pos"\n', {}, ":2: '\"pos\"' is no"),
    "a blank before a quoted comma": ("x.csv", 'label,text\npos, "a, b"\n', {}, ":2: has 3"),
    "blanks around names": ("x.csv", "text , label\na,pos\n", {}, ":1: has no column 'text'"),
    "quoted names in .txt": ("x.txt", '"text"\t"label"\n"a"\t"pos"\n', {}, ":1: has no column"),
    "doubled marks in .txt": ("x.txt", 'text\tlabel\n"a ""b"" c"\tpos\n', {}, ":2: '\"a"),
    "a quoted column in .txt": ("x.txt", 'text\tlabel\n"a"\tpos\n"b"\tpos\n', {}, ": 2 of 2 cells"),
    "a quoted tab in .txt": ("x.txt", 'text\tlabel\n"a\tb"\tpos\n', {}, ":2: has 3 columns"),
    "quoted lines in .txt": ("x.txt", 'text\tlabel\n"a\nb"\tpos\n', {}, ":2: has 1 column"),
    "a column in other marks": ("x.csv", "text,label\n'a',pos\n'b',neg\n", {}, ": 2 of 2 cells"),
    "some cells quoted": ("x.tsv", 'text\tlabel\n"a"\tpos\nb\tneg\n', {}, ":2: a cell stands"),
    "lines before the names": ("x.csv", "by hand\ntext,label\na,pos\n", {}, ":1: has no column"),
    "a comment": ("x.csv", "text,label\n# a\nb,pos\n", {}, ":2: has 1 column"),
    "latin-1": ("x.csv", b"text,label\ncaf\xe9,pos\n", {}, ":2: not UTF-8: if 'café,pos'"),
    "cp1252": ("x.csv", b"text,label\n\x93caf\xe9\x94,pos\n", {}, ":2: not UTF-8: if '“café”,pos'"),
    "utf-16": ("x.csv", "text,label\na,pos\n".encode("utf-16"), {}, ": not UTF-8"),
    "utf-16 without a mark": (
        "x.csv",
        "text,label\na,pos\n".encode("utf-16-be"),
        {},
        ": holds NUL",
    ),
    "a lost character": ("x.csv", "text,label\n\ufffd,pos\n", {}, ":2: column 'text' holds a repl"),
    "a NUL": ("x.csv", "text,label\n0123456789\0,pos\n", {}, ":2: column 'text' holds a NUL"),
    "an unknown ending": ("x.dat", "text,label\na,pos\n", {}, ": its name tells no format"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_one_line_whose_remedy_works(tmp_path, fault):
    name, content, dialect, beginning = FAULTS[fault]
    line = refused(tmp_path / name, content, **dialect)
    assert line.startswith(beginning)
    remedy = remedy_in(line)
    if remedy.get("format") == "…":
        remedy = {"format": "csv"}
    (text, label), *_ = read(tmp_path / name, content, **dialect, **remedy)
    assert label in ("pos", "neg")
    assert text


def test_a_stray_quotation_in_sentences_is_refused_and_quoted_lines_are_not(tmp_path):
    swallowed = 'text,label\nFine.,pos\n"We were late.,neg\nCold soup.,neg\nWe left.",neg\n'
    line = refused(tmp_path / "x.csv", swallowed)
    assert line.startswith(":5: a quotation over the lines 3 to 5 holds what looks like rows")
    assert len(read(tmp_path / "x.csv", swallowed, quoting="none")) == 4
    numbered = 'id,text,label\n1,Fine.,pos\n2,"We were late.,neg\n3,Soup.",neg\n'
    assert "looks like rows" in refused(tmp_path / "x.csv", numbered, ("text", "label"))
    pairs = 'id,text\n1,"a\n2,b"\n3,c\n'
    assert "looks like rows" in refused(tmp_path / "x.csv", pairs, ("id", "text"))
    tweets = (
        "id,keyword,location,text,target\n"
        '1,,,"Fire, they say\nin Paris, now",1\n'
        '2,ablaze,"Paris, France","a, b, c, d\ne, f, g, h",0\n'
        '3,,,"one, two\n\nthree, 4, five",1\n'
    )
    assert len(read(tmp_path / "x.csv", tweets, ("text", "target"))) == 3
    two_columns = 'text,label\n"Hello, all\nbye now",pos\n"A, b\nc",neg\n'
    assert read(tmp_path / "x.csv", two_columns)[0] == ("Hello, all\nbye now", "pos")


def test_what_the_entry_says_of_quotation_is_believed(tmp_path):
    swallowed = 'text\tlabel\n"a\tneg\nb"\tpos\n"c"\tneg\n'
    assert read(tmp_path / "x.tsv", swallowed, quoting="minimal") == [
        ("a\tneg\nb", "pos"),
        ("c", "neg"),
    ]
    plain = 'text\tlabel\n"a ""b"""\tneg\n'
    assert read(tmp_path / "x.txt", plain, quoting="none") == [('"a ""b"""', "neg")]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("x.csv", 'text,label\n"a",pos\nb,"neg"\n'),
        ("x.tsv", 'text\tlabel\n"a"\t"pos"\n"b"\t"neg"\n'),
        ("x.tsv", 'text\tlabel\n"a ""b"""\tpos\nb\tneg\n'),
        ("x.txt", 'text\tlabel\n"Fine," he said.\tpos\n"Yes."\tneg\nNo.\tneg\nA "b" c\tpos\n'),
        ("x.csv", "text,label\n'Twas the soup,pos\nThe cooks',neg\n"),
    ],
)
def test_usual_quotation_is_read_without_a_word(tmp_path, name, content):
    assert len(read(tmp_path / name, content)) >= 2


@pytest.mark.parametrize(
    ("content", "columns", "dialect", "line"),
    [
        (
            "text,label,text\na,pos,b\n",
            ("text", "label"),
            {},
            (":1: 2 columns are called 'text', at the positions 0 and 2"),
        ),
        ("a,b\n", ("text", "label"), {"header": False}, ": `columns` gives names, but"),
        ("a,b\n", (0, 5), {}, ":1: has 2 columns, none at position 5"),
        ("text,label\na,pos\n", (0, 1), {}, ":1: looks like a line of names ('text', 'label')"),
        ("a;pos\nb;neg\n", (0,), {}, ": each line holds equally many ';'"),
        (
            "text,label\na,b,pos\n",
            ("text", "label"),
            {},
            ":2: has 3 columns, the first row 2; quote",
        ),
        ("text,label\na\n", ("text", "label"), {}, ":2: has 1 column, the first row 2; add what"),
        ("a,b\n", (0, 1), {"sheet": "x"}, ": is read as csv, which has no `dialect: {sheet: …}`"),
        ("a,b\n", (0, 1), {"records": "x"}, ": is read as csv, which has no `dialect: {records"),
        ("a,b\n", (0, 1), {"separator": '"'}, ": `dialect` gives one character two meanings"),
        (
            "a,é\n",
            (0, 1),
            {"encoding": "latin-1"},
            ": is UTF-8, but `dialect: {encoding: latin-1}`",
        ),
        ("a,b\n", (0, 1), {"encoding": "utf-16"}, ": is no utf-16, as"),
        (
            b"a,\x93b\x94\n",
            (0, 1),
            {"encoding": "latin-1"},
            (
                ":1: holds the control character U+0093"
                " in iso8859-1; name the encoding that has a letter or mark there: `dialect:"
                " {encoding: cp1252}`"
            ),
        ),
        ("é,b\né,é\nc,".encode() + b"\xe9\n", (0, 1), {}, ":3: not UTF-8: byte 0xe9, though other"),
        (b"PAR1", (0, 1), {}, ": is Parquet; name it .parquet"),
        (
            b"version https://git-lfs.github.com/spec/v1\n",
            (0, 1),
            {},
            ": is the pointer of Git LFS",
        ),
    ],
)
def test_what_is_contradicted_is_one_line(tmp_path, content, columns, dialect, line):
    assert refused(tmp_path / "x.csv", content, columns, **dialect).startswith(line)


def test_characters_that_were_lost_matter_in_wanted_columns_alone(tmp_path):
    assert read(tmp_path / "x.csv", "text,label,more\na,pos,\ufffd\n") == [("a", "pos")]


def test_the_endings_of_old_sheets_are_told_what_to_save(tmp_path):
    assert "save it as .xlsx or .csv" in refused(tmp_path / "x.xls", b"\xd0\xcf\x11\xe0")


def test_lines_and_documents_have_one_column(tmp_path):
    content = "one\r\n\n# no\ntwo\u2028\n"
    lines = {"format": "lines", "comment": "#"}
    assert read(tmp_path / "x.txt", content, ("text",), **lines) == [
        ("one",),
        ("",),
        ("two\u2028",),
    ]
    assert read(tmp_path / "x", "a\n\nb\n", (0,), format="document") == [("a\n\nb\n",)]
    assert read(tmp_path / "x", " a\n", ("text",), format="document", strip=True) == [("a",)]
    line = refused(tmp_path / "x", "a\n", format="document")
    assert line == ": is read as a document, whose only column is `text`; it has no 'label'"


def test_plain_lines_are_told_their_format(tmp_path):
    line = refused(tmp_path / "x.txt", "a text\nanother\n", ("text",))
    assert remedy_in(line) == {"format": "lines"}


def test_a_separator_of_several_characters_needs_no_quotation():
    with pytest.raises(ValidationError, match="quoting: none"):
        Dialect(separator="||")


@pytest.mark.parametrize("name", ["latin-11", "hex", "rot13"])
def test_an_encoding_that_makes_no_text_is_refused(name):
    with pytest.raises(ValidationError, match="unknown encoding"):
        Dialect(encoding=name)
