"""Words of a task's entry as the user spelled them, where YAML would make something else of them.

YAML 1.1 (https://yaml.org/type/) takes `no`, `off` and `yes` for truth values, `010` and `12:30`
for numbers and `2020-01-01` for a date. Where an entry names labels, values and columns, these are
words of the files: there they stay text, quoted or not.
"""

from collections.abc import Iterator, Sequence

import yaml

#: Any key, or any position of a list.
ANY = "*"
#: The keys of a task's entry whose plain scalars are words of the files.
WORDS: list[list[str]] = [
    ["labels", ANY],
    ["values", ANY],
    ["per_split", ANY, "values", ANY],
    ["drop", "labels", ANY],
    ["drop", "where", ANY, "equals", ANY],
    ["drop", "where", ANY, "differs_from", ANY],
]
#: Those whose keys alone are such words.
KEYS: list[list[str]] = [
    ["values", ANY],
    ["per_split", ANY, "values", ANY],
    ["split", "values", ANY],
    ["files", ANY, ANY],
]
#: Those that name columns: whole numbers are positions there.
COLUMNS: list[list[str]] = [
    ["columns", ANY],
    ["columns", ANY, ANY],
    ["per_split", ANY, "columns", ANY],
    ["per_split", ANY, "columns", ANY, ANY],
    ["drop", "where", ANY, "column"],
]
_TEXT = "tag:yaml.org,2002:str"
_NULL = "tag:yaml.org,2002:null"
_WHOLE_NUMBER = "tag:yaml.org,2002:int"


def keep_spelling(root: yaml.Node | None, tasks: Sequence[str]) -> None:
    """Let the words of a YAML file's tasks be text, as they are spelled.

    What is null stays so: that it is no word is told where the entry is checked.

    Args:
        root: the file's node tree, which is changed.
        tasks: the keys below which the tasks stand by their names.
    """
    if root is None:
        return
    below = [*tasks, ANY]
    for words in WORDS:
        for _, node in _found(root, [*below, *words]):
            _make_text(node, unless={_NULL})
    for keys in KEYS:
        for key, _ in _found(root, [*below, *keys]):
            _make_text(key, unless={_NULL})
    for columns in COLUMNS:
        for _, node in _found(root, [*below, *columns]):
            _make_text(node, unless={_NULL, _WHOLE_NUMBER})


def _found(node: yaml.Node, path: Sequence[str]) -> Iterator[tuple[yaml.Node | None, yaml.Node]]:
    """The nodes at a path, each behind that of its key (None in a list)."""
    for key, value in _children(node):
        if path[0] not in (ANY, key.value if isinstance(key, yaml.ScalarNode) else ANY):
            continue
        if len(path) == 1:
            yield key, value
        else:
            yield from _found(value, path[1:])


def _children(node: yaml.Node) -> Iterator[tuple[yaml.Node | None, yaml.Node]]:
    if isinstance(node, yaml.MappingNode):
        yield from node.value
    elif isinstance(node, yaml.SequenceNode):
        for item in node.value:
            yield None, item


def _make_text(node: yaml.Node | None, unless: set[str]) -> None:
    """Let a scalar that YAML would make something else of be the text that stands there."""
    if isinstance(node, yaml.ScalarNode) and node.tag not in unless:
        node.tag = _TEXT
