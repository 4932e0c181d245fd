"""What is wrong with a configuration value and what would be right, in one line each."""

import difflib
import re
from collections.abc import Iterable, Iterator
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from tunegrid.config.missing_entries import no_name
from tunegrid.config.origin import KeyPath, Origins

_TYPES = {
    "float_type": "a number",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "bool_type": "true or false",
    "string_type": "text",
    "list_type": "a list",
    "dict_type": "a mapping of keys to values",
    "model_type": "a mapping of keys to values",
    "finite_number": "a finite number",
}
_BOUNDS = {
    "greater_than_equal": ("ge", "at least"),
    "greater_than": ("gt", "more than"),
    "less_than_equal": ("le", "at most"),
    "less_than": ("lt", "less than"),
}


def nearest(name: str, known: Iterable[str]) -> str:
    """The hint that follows an unknown name: the closest known one, and all if they are few."""
    known = sorted(known)
    close = difflib.get_close_matches(str(name), known, n=1, cutoff=0.5)
    hint = f"did you mean {close[0]!r}? " if close else ""
    return f"{hint}known: {', '.join(known)}" if len(known) <= 20 or not close else hint.strip()


def validation_messages(
    error: ValidationError, model: type[BaseModel], origins: Origins
) -> Iterator[str]:
    """One line for each problem pydantic found: file, key, value, and what would be right."""
    for path, explanation in explain_problems(error, model):
        yield f"{origins.locate(path)}: {explanation}"


def explain_problems(
    error: ValidationError, model: type[BaseModel]
) -> Iterator[tuple[KeyPath, str]]:
    """The key of each problem pydantic found, and what is wrong with its value."""
    for problem in error.errors():
        path = tuple(part for part in problem["loc"] if part != "[key]")
        yield path, _explain(problem, path, model)


def _explain(problem: Any, path: KeyPath, model: type[BaseModel]) -> str:
    kind, value, context = problem["type"], problem["input"], problem.get("ctx", {})
    if kind == "extra_forbidden":
        return f"unknown key; {_right_key(path, model)}"
    if kind == "missing":
        return "is missing"
    if kind in _TYPES:
        return f"{_short(value)} is not {_TYPES[kind]}{_hint(kind, value)}"
    if kind == "string_too_short":
        return "is empty; give a text, or null"
    if kind in _BOUNDS:
        limit, words = _BOUNDS[kind]
        return f"{_short(value)} is out of range; it must be {words} {context[limit]}"
    if kind == "too_short":
        return f"is empty; name at least {context['min_length']}"
    if kind == "literal_error":
        return f"{_short(value)} is not one of {context['expected']}"
    if kind == "string_pattern_mismatch":
        return no_name(value, path)
    if kind == "value_error":
        return str(context["error"])
    return f"{_short(value)}: {problem['msg']}"


def _right_key(path: KeyPath, model: type[BaseModel]) -> str:
    """What may be meant by an unknown key: one of another section, or one of a like name."""
    key = str(path[-1])
    sections = [
        name
        for name, field in model.model_fields.items()
        if _is_model(field.annotation) and key in field.annotation.model_fields  # type: ignore[union-attr]
    ]
    if len(path) == 1 and sections:
        return f"it stands under {' or '.join(sections)}: `{sections[0]}: {{{key}: …}}`"
    return nearest(key, _keys_beside(path, model))


def _hint(kind: str, value: Any) -> str:
    """Why a value that looks right is of the wrong type."""
    if kind == "list_type" and isinstance(value, str | int):
        return f"; write [{value}]"
    if kind == "list_type" and isinstance(value, dict):
        return "; begin each of its parts with a dash, `- `"
    if not isinstance(value, str):
        return ""
    if kind in ("float_type", "int_type"):
        return number_hint(value)
    if kind == "bool_type" and value.lower() in ("true", "false"):
        return f" but text; write {value.lower()} without quotes"
    return ""


def number_hint(text: str) -> str:
    """How a number is written that YAML has read as text; empty: the text is no number."""
    try:
        number = float(text)
    except ValueError:
        return ""
    if re.fullmatch(r"[+-]?\d+[eE][+-]?\d+", text):
        mantissa, exponent = re.split("[eE]", text)
        return f" but text, because YAML wants a dot in it; write {mantissa}.0e{exponent}"
    return f" but text; write {number:g} without quotes"


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _keys_beside(path: KeyPath, model: type[BaseModel]) -> list[str]:
    """The keys that the mapping which holds `path`'s last part may have."""
    at: Any = model
    for part in path[:-1]:
        # A model's key leads to the key's type; a position or a name into what a container holds.
        at = at.model_fields[part].annotation if _is_model(at) else get_args(at)[-1]
        at = _without_wrappers(at)
    return list(at.model_fields) if _is_model(at) else []


def _without_wrappers(annotation: Any) -> Any:
    """`T` of `T | None` and of `Annotated[T, …]`."""
    if hasattr(annotation, "__metadata__"):
        return _without_wrappers(get_args(annotation)[0])
    some = [part for part in get_args(annotation) if part is not type(None)]
    if type(None) in get_args(annotation) and len(some) == 1:
        return _without_wrappers(some[0])
    return annotation


def _is_model(value: Any) -> bool:
    return isinstance(value, type) and issubclass(value, BaseModel)
