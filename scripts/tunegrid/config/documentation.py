"""The configuration's documentation, generated from its typed models."""

import dataclasses
import json
import re
import types
from collections.abc import Iterator
from typing import Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from tunegrid.config.catalogue import CATALOGUES
from tunegrid.config.peft_entry import REFUSED_KEYS, RESERVED, UNSUPPORTED
from tunegrid.config.schema import Config, SplitOverride, TrainOverride

BEGIN, END = "<!-- generated: make docs -->", "<!-- end of generated -->"

#: Where a part's keys are those of another part, it is not written out again.
SAME_KEYS: dict[type[BaseModel], str] = {
    TrainOverride: "any key of `train`",
    SplitOverride: "any key of `data` but `tasks`",
    **{model: f"keys of an entry in `config/{name}.yaml`" for name, model in CATALOGUES.items()},
}
_WORDS = {str: "text", int: "whole number", float: "number", bool: "true or false"}


def schema_json() -> str:
    """The JSON schema of a configuration, for editors that check YAML as it is written."""
    return json.dumps(Config.model_json_schema(), indent=2) + "\n"


def peft_options_json() -> str:
    """The types of the installed peft library that can be trained here, and the keys of each."""
    from peft import PEFT_TYPE_TO_CONFIG_MAPPING

    options = {
        kind.value: sorted(
            field.name
            for field in dataclasses.fields(configuration)
            if field.init
            and field.name not in {"peft_type"} | RESERVED.keys() | REFUSED_KEYS.keys()
        )
        for kind, configuration in PEFT_TYPE_TO_CONFIG_MAPPING.items()
        if kind.value not in UNSUPPORTED
    }
    return json.dumps(options, indent=1, sort_keys=True) + "\n"


def insert_tables(document: str) -> str:
    """The document with everything between `BEGIN` and `END` generated anew.

    Raises:
        ValueError: the document has no such place.
    """
    if BEGIN not in document or END not in document:
        raise ValueError(f"no place for the tables: {BEGIN} … {END}")
    parts = ["#### Keys of a configuration\n\n" + _table(Config)]
    for name, model in CATALOGUES.items():
        parts.append(f"#### Keys of an entry in `config/{name}.yaml`\n\n" + _table(model))
    body = "\n".join(parts)
    return re.sub(f"{BEGIN}.*{END}", lambda _: f"{BEGIN}\n{body}\n{END}", document, flags=re.DOTALL)


def _table(model: type[BaseModel]) -> str:
    rows = [
        f"| `{key}` | {kind} | {default} | {text} |" for key, kind, default, text in _rows(model)
    ]
    return "\n".join(
        ["| key | value | default | meaning |", "| --- | --- | --- | --- |", *rows, ""]
    )


def _rows(model: type[BaseModel], prefix: str = "") -> Iterator[tuple[str, str, str, str]]:
    for name, field in model.model_fields.items():
        inner = _model_inside(field.annotation)
        key = f"{prefix}{name}"
        text = (field.description or "").replace("|", "\\|")
        if inner in SAME_KEYS:
            text = f"{text} Holds {SAME_KEYS[inner]}."
        yield key, _kind(field), _default(field), text
        if inner and inner not in SAME_KEYS:
            yield from _rows(inner, f"{key}{_suffix(field.annotation)}.")


def _suffix(annotation: Any) -> str:
    origin = get_origin(annotation)
    return "[]" if origin is list else ".<name>" if origin is dict else ""


def _model_inside(annotation: Any) -> type[BaseModel] | None:
    for argument in (annotation, *get_args(annotation)):
        if isinstance(argument, type) and issubclass(argument, BaseModel):
            return argument
    return None


def _kind(field: FieldInfo) -> str:
    bounds = []
    for constraint in field.metadata:
        for name, sign in (("ge", "≥"), ("gt", ">"), ("le", "≤"), ("lt", "<")):
            if (limit := getattr(constraint, name, None)) is not None:
                bounds.append(f"{sign} {limit}")
    return ", ".join([_words(field.annotation), *bounds])


def _words(annotation: Any) -> str:
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Literal:
        return " or ".join(f"`{value}`" for value in arguments)
    if origin in (Union, types.UnionType):
        return " or ".join("null" if part is type(None) else _words(part) for part in arguments)
    if origin is list:
        return f"list of {_words(arguments[0])}"
    if origin is dict:
        return "mapping"
    if hasattr(annotation, "__metadata__"):
        return _words(arguments[0])
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return "mapping"
    return _WORDS.get(annotation, "value")


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    if field.default_factory is not None:
        return ""
    if field.default is None:
        return "null"
    text = json.dumps(field.default) if not isinstance(field.default, str) else field.default
    # YAML reads 5e-05 as text; what the table shows can be copied.
    return f"`{text.replace('e-', '.0e-') if 'e-' in text and '.' not in text else text}`"
