"""Import what trains or traces models in half the time: what they need none of stays out.

The Transformers library looks once whether optional packages are installed
(`transformers.utils.import_utils`), and imports those that are wherever a part of it might use
them: its text generation imports scikit-learn, its losses for images SciPy. It looks through the
files of all its models, and does so twice. And while a hundred thousand objects are made that live
as long as the program, Python's garbage collector looks through them again and again
(https://docs.python.org/3/library/gc.html#gc.freeze).
"""

from __future__ import annotations

import gc
import importlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

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
        library = importlib.import_module("transformers")
        _import_models(Path(str(library.__file__)).parent)
    finally:
        for name in hidden:
            del sys.modules[name]


def _import_models(library: Path) -> None:
    """Import the package of all models with what the library knows of its files.

    To be imported lazily, the library and this package of it each ask which file has what
    (`transformers.utils.import_utils.define_import_structure`), which takes a third of a second.

    Args:
        library: its folder.
    """
    from transformers.utils import import_utils

    define = import_utils.define_import_structure

    def define_from_known(path: str) -> dict[Any, dict[str, Any]]:
        if Path(path).parent != library / "models":
            return define(path)
        known = define(library / "models", prefix="models")  # cached by the library
        return {
            packages: {
                name.removeprefix("models."): objects
                for name, objects in files.items()
                if name.startswith("models.")
            }
            for packages, files in known.items()
        }

    with patch.object(import_utils, "define_import_structure", define_from_known):
        importlib.import_module("transformers.models")
