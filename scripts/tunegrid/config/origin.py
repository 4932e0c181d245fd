"""Where a configuration value was written, for messages that name file and key."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tunegrid.config.spelled_words import keep_spelling
from tunegrid.config.yaml_problems import explain_yaml_error
from tunegrid.errors import UserError

KeyPath = tuple[str | int, ...]


class _UniqueKeyLoader(yaml.SafeLoader):
    """A YAML loader that refuses a key written twice, where YAML keeps the last in silence."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen = set()
        for key_node, _ in node.value:
            if key_node.tag == "tag:yaml.org,2002:merge":
                continue
            key = self.construct_object(key_node, deep=True)
            if key in seen:
                line = key_node.start_mark.line + 1
                raise UserError(f"{node.start_mark.name}: line {line}: key {key!r} stands twice")
            seen.add(key)
        return super().construct_mapping(node, deep)


def read_yaml(path: Path, label: str, *, tasks: Sequence[str] | None = None) -> dict[str, Any]:
    """The mapping in a YAML file.

    Args:
        path: of the file.
        label: its name in messages.
        tasks: the keys below which the entries of tasks stand, whose words stay as they are
            spelled; None: it holds none.

    Raises:
        UserError: no such file, not in UTF-8, no valid YAML, not a mapping, or a key written twice.
    """
    text = _read_text(path, label)
    try:
        loader = _UniqueKeyLoader(text)
        loader.name = label
        root = loader.get_single_node()
        if tasks is not None:
            keep_spelling(root, tasks)
        value = None if root is None else loader.construct_document(root)
    except yaml.MarkedYAMLError as error:
        raise UserError(f"{label}: {explain_yaml_error(error, text)}") from None
    except yaml.YAMLError as error:
        raise UserError(f"{label}: not valid YAML: {str(error).splitlines()[0]}") from None
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise UserError(f"{label}: holds a {type(value).__name__}; it must map keys to values")
    return value


def _read_text(path: Path, label: str) -> str:
    """The text of a file.

    Raises:
        UserError: it is not there, may not be read, or is not written in UTF-8.
    """
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise UserError(f"{label}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise UserError(f"{label}: line {line}: not written in UTF-8; save it as UTF-8") from None


def render_key(path: KeyPath) -> str:
    """`("grid", 0, "models")` as a reader of YAML writes it: `grid[0].models`."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


@dataclass(frozen=True)
class Origins:
    """The layers that a configuration was merged from, the strongest last."""

    layers: Sequence[tuple[str, Mapping[str, Any]]]

    def of(self, path: KeyPath) -> str:
        """The name of the strongest layer that holds the most of `path`."""
        best, depth = self.layers[-1][0] if self.layers else "configuration", -1
        for label, layer in self.layers:
            reached = _depth(layer, path)
            if reached and reached >= depth:
                best, depth = label, reached
        return best

    def locate(self, path: KeyPath) -> str:
        """`file: key` for a message; the file alone for the top level."""
        return f"{self.of(path)}: {render_key(path)}" if path else self.of(path)


def _depth(value: Any, path: KeyPath) -> int:
    for depth, part in enumerate(path):
        try:
            value = value[part]
        except (KeyError, IndexError, TypeError):
            return depth
    return len(path)
