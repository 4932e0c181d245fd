"""Import what traces models in half the time: what a prediction needs none of stays out.

The Transformers library looks once whether optional packages are installed
(`transformers.utils.import_utils`), and imports those that are wherever a part of it might use
them: its text generation imports scikit-learn, its losses for images SciPy. And while a hundred
thousand objects are made that live as long as the program, Python's garbage collector looks through
them again and again (https://docs.python.org/3/library/gc.html#gc.freeze).
"""

from __future__ import annotations

import gc
import importlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager

#: Packages that the Transformers library is not to find.
UNUSED = ("scipy", "sklearn")


@contextmanager
def light_imports() -> Iterator[None]:
    """Import the Transformers library lightly, and then what the block imports.

    For a program that builds nothing but classifiers and language models. The hidden packages are
    found again by all but the Transformers library.
    """
    if "transformers" in sys.modules:  # nothing is gained any more
        yield
        return
    gc.disable()
    try:
        _import_transformers()
        yield
    finally:
        gc.freeze()
        gc.enable()


def _import_transformers() -> None:
    """Import the library while `UNUSED` packages are hidden from it."""
    hidden = [name for name in UNUSED if name not in sys.modules]
    # No module can be imported whose entry is None, nor is it found (`importlib.util.find_spec`).
    sys.modules.update(dict.fromkeys(hidden))  # type: ignore[arg-type]
    try:
        importlib.import_module("transformers")
    finally:
        for name in hidden:
            del sys.modules[name]
