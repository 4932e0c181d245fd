"""Records of XML: elements by an XPath, and their columns by XPaths from each of them."""

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from lxml import etree

from tunegrid.config.dialects import Dialect
from tunegrid.config.task_columns import Column
from tunegrid.errors import UserError
from tunegrid.tasks.readers.example import read_bytes
from tunegrid.tasks.tables.row import Row
from tunegrid.tasks.tables.text_files import text_of

#: How many names of elements a message shows.
SHOWN = 5


def xml_rows(path: Path, dialect: Dialect, columns: Sequence[Column]) -> Iterator[Row]:
    """The rows of an XML file.

    A value is the text of what an XPath finds (XPath's `string`): of an element, an attribute, or a
    function. Several are a list; a column that finds nothing is not there. Nothing outside the file
    is loaded, and no entity is resolved.

    Raises:
        UserError: it is no XML, defines entities, or an XPath is wrong or finds no record.
    """
    root = _root(path, dialect)
    # The prefixes of the document may be used in paths; its default namespace has none.
    namespaces = {
        prefix: address
        for element in root.iter(etree.Element)
        for prefix, address in element.nsmap.items()
        if prefix
    }
    if dialect.records is None:
        raise UserError(
            f"{path}: is XML; say where its records are, such as `dialect: {{records:"
            f" {_frequent_paths(root)[0]}}}`"
        )
    records = _found(path, _compiled(path, dialect.records, namespaces), root)
    if not records or not all(isinstance(record, etree._Element) for record in records):  # noqa: SLF001
        raise UserError(f"{path}: `dialect: {{records: …}}` finds no elements; {_remedy(root)}")
    paths = {column: _compiled(path, column, namespaces) for column in columns}
    lines = [record.sourceline for record in records]
    if len(set(lines)) < len(lines):
        lines = list(range(1, len(records) + 1))
    for line, record in zip(lines, records, strict=True):
        cells = {}
        for column, xpath in paths.items():
            values = [_text(value) for value in _found(path, xpath, record)]
            if values:
                cells[column] = values if len(values) > 1 else values[0]
        names = [f"@{name}" for name in record.attrib]
        names += [child.tag for child in record.iterchildren(etree.Element)]
        yield Row(line, cells, list(dict.fromkeys(names)))


def _root(path: Path, dialect: Dialect) -> Any:
    """The root of the file's tree, if all its text stands in the file."""
    # What the dialect says is stronger than what the document says.
    is_said = dialect.encoding is not None
    content = text_of(path, dialect).encode("utf-8") if is_said else read_bytes(path)
    parser = etree.XMLParser(
        encoding="utf-8" if is_said else None,
        resolve_entities=False,
        load_dtd=False,
        no_network=True,
        huge_tree=False,
    )
    try:
        root = etree.fromstring(content, parser)
    except etree.XMLSyntaxError as error:
        raise UserError(f"{path}:{error.lineno or 1}: not valid XML: {error.msg}") from None
    definitions = root.getroottree().docinfo.internalDTD
    if definitions is not None and next(iter(definitions.entities()), None) is not None:
        raise UserError(f"{path}: defines entities, which are not read; write their text out")
    for entity in root.iter(etree.Entity):
        raise UserError(
            f"{path}:{entity.sourceline}: has the entity {entity.text}, whose text is not in the"
            " file; write it out"
        )
    return root


def _compiled(path: Path, xpath: Column, namespaces: dict[str, str]) -> Any:
    if isinstance(xpath, int):
        raise UserError(f"{path}: is XML, whose columns are XPaths, not the position {xpath}")
    try:
        return etree.XPath(xpath, namespaces=namespaces)
    except etree.XPathError as error:
        raise UserError(f"{path}: {xpath!r} is no XPath: {error}; correct it") from None


def _found(path: Path, xpath: Any, element: Any) -> list[Any]:
    """What an XPath finds from an element: nodes, or the value of a function."""
    try:
        found = xpath(element)
    except etree.XPathError as error:
        raise UserError(f"{path}: {xpath.path!r} is no XPath: {error}; correct it") from None
    return found if isinstance(found, list) else [found]


def _text(value: Any) -> Any:
    """The value of a node, as XPath's `string` gives it; numbers and truth values stay."""
    if isinstance(value, etree._Element):  # noqa: SLF001 - lxml's one name of the type
        return str(value.xpath("string()"))
    return str(value) if isinstance(value, str) else value


def _remedy(root: Any) -> str:
    frequent = ", ".join(_frequent_paths(root))
    if None in root.nsmap:
        return (
            "the document has a default namespace: write //*[local-name()='x'] for //x; it has"
            f" {frequent}"
        )
    return f"it has {frequent}"


def _frequent_paths(root: Any) -> list[str]:
    """XPaths of the elements that the document has most of."""
    tags = Counter(element.tag for element in root.iter(etree.Element) if element is not root)
    names = [tag for tag, _ in tags.most_common(SHOWN)] or [root.tag]
    return [
        f"//*[local-name()='{etree.QName(tag).localname}']" if tag.startswith("{") else f"//{tag}"
        for tag in names
    ]
