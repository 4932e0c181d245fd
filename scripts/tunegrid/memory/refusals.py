"""Why a library's model cannot be built, changed or run: one line, with the place in its code."""

from __future__ import annotations

import traceback
from pathlib import Path

import torch
from torch._subclasses.fake_tensor import DataDependentOutputException, DynamicOutputShapeException

#: The most characters of an error's text.
MOST_CHARACTERS = 200
#: What fake tensors raise where a value is asked for that is not known.
ASKS_FOR_VALUES = (DataDependentOutputException, DynamicOutputShapeException)

_TORCH = str(Path(torch.__file__).parent)
_PROJECT = str(Path(__file__).parents[1])


def error_text(error: BaseException) -> str:
    """The kind of an error, the first characters of its text, and where it was raised."""
    text = " ".join(str(error).split())
    if len(text) > MOST_CHARACTERS:
        text = text[:MOST_CHARACTERS].rsplit(" ", 1)[0] + " …"
    kind = type(error).__name__
    return f"{kind}: {text}{place_in_code(error)}" if text else f"{kind}{place_in_code(error)}"


def asking_text(error: BaseException) -> str:
    """Where a model's code asks for values, which are not known."""
    return f"its code asks for values of tensors{place_in_code(error, line=True)}"


def place_in_code(error: BaseException, *, line: bool = False) -> str:
    """File and line of a library's code that an error came from: the last outside of torch.

    Args:
        error: with its traceback.
        line: whether the line of code is told, too.

    Returns:
        In brackets, with a space before them; empty where no library's code had a part in it.
    """
    frames = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if not frame.filename.startswith((_TORCH, _PROJECT, "<"))
    ]
    if not frames:
        return ""
    last = frames[-1]
    code = f": {last.line}" if line and last.line else ""
    return f" ({Path(last.filename).name}, line {last.lineno}{code})"
