"""Which GPUs a step is held against: those of the catalogue, or those that a person names.

Nothing here imports torch.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import humanfriendly

from tunegrid.errors import UserError
from tunegrid.memory.fit import load_gpus


def choose_gpus(asked: Sequence[str], key: str = "--gpu") -> dict[str, float]:
    """The GPUs that are asked for: bytes of memory by name, from the smallest.

    Args:
        asked: names of `config/gpus.yaml`, whole lines of it or one GPU of a line ("H100"), with or
            without the size ("A100 (80 GB)", "a100-80gb"), and sizes ("12GB", "11.5GiB"); none: the
            whole catalogue.
        key: the option or key of the configuration that asks, for errors.

    Raises:
        UserError: a name is none of the catalogue's, or several GPUs have it.
    """
    catalogue = load_gpus()
    if not asked:
        return catalogue
    singles = {
        single.strip(): memory for line, memory in catalogue.items() for single in line.split(",")
    }
    chosen: dict[str, float] = {}
    problems = []
    for text in asked:
        if text in catalogue:
            chosen[text] = catalogue[text]
            continue
        try:
            name, memory = _one_gpu(text, singles, key)
        except UserError as error:
            problems.extend(error.problems)
            continue
        chosen[name] = memory
    if problems:
        raise UserError(*problems)
    return dict(sorted(chosen.items(), key=lambda gpu: gpu[1]))


def _one_gpu(text: str, singles: Mapping[str, float], key: str) -> tuple[str, float]:
    """The GPU that a text names.

    Args:
        text: a name or a size.
        singles: bytes of memory by name.
        key: as of `choose_gpus`.
    """
    if re.fullmatch(r"\s*[\d.]+\s*[A-Za-z]+\s*", text):
        memory = _size(text, key)
        return f"{memory / 1e9:g} GB", float(memory)
    letters = _letters(text)
    alike = [name for name in singles if letters and letters in _letters(name)]
    alike = [name for name in alike if letters == _letters(name)] or alike
    if len(alike) == 1:
        return alike[0], singles[alike[0]]
    if alike:
        raise UserError(f"{key}: {text!r} may be {' or '.join(alike)}: write which")
    raise UserError(
        f"{key}: {text!r} is no GPU of config/gpus.yaml ({', '.join(singles)}); write one of them,"
        " or a size such as 12GB"
    )


def _size(text: str, key: str) -> int:
    """The bytes that a text such as "12GB" says."""
    try:
        size = humanfriendly.parse_size(text)
    except humanfriendly.InvalidSize:
        size = 0
    if not size:
        raise UserError(f"{key}: {text!r} is no size; write one such as 12GB")
    return size


def _letters(name: str) -> str:
    """The letters and digits of a name, by which two ways to write it are one."""
    return re.sub(r"[^a-z0-9]", "", name.lower())
