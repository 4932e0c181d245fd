"""Which tensor of a file is which of a model, by their names."""

from collections.abc import Iterable

import torch
from transformers import PreTrainedModel

#: Endings that BERT's first checkpoints have, and what they are called today.
RENAMED = {"LayerNorm.gamma": "LayerNorm.weight", "LayerNorm.beta": "LayerNorm.bias"}


def without_prefix(
    tensors: dict[str, torch.Tensor], skeleton: PreTrainedModel
) -> tuple[dict[str, torch.Tensor], str]:
    """The tensors without what a wrapper put before all their names, if that names more of them.

    torch.compile writes `_orig_mod.`, DataParallel `module.`; any other that all names share is
    recognised as well.

    Returns:
        The tensors by their shorter names, and the prefix; it is empty where the names fit best as
        they are.
    """
    expected = skeleton.state_dict().keys()
    best, most = "", len(_matches(tensors, "", skeleton, expected))
    for prefix in _shared_prefixes(tensors):
        matching = len(_matches(tensors, prefix, skeleton, expected))
        if matching > most:
            best, most = prefix, matching
    return {name.removeprefix(best): value for name, value in tensors.items()}, best


def _matches(
    names: Iterable[str], prefix: str, skeleton: PreTrainedModel, expected: Iterable[str]
) -> set[str]:
    found = (_name_in_model(name.removeprefix(prefix), skeleton, expected) for name in names)
    return {name for name in found if name is not None}


def _shared_prefixes(names: Iterable[str]) -> list[str]:
    """Every run of name parts that all names begin with, the shortest first, each with its dot."""
    parts = [name.split(".")[:-1] for name in names]
    prefixes = []
    for depth in range(1, min(map(len, parts), default=0) + 1):
        heads = {tuple(part[:depth]) for part in parts}
        if len(heads) > 1:
            break
        prefixes.append(".".join(heads.pop()) + ".")
    return prefixes


def _name_in_model(name: str, model: PreTrainedModel, expected: Iterable[str]) -> str | None:
    """What a tensor of a file is called in the model; None: the model has none like it.

    The files of a base model lack the prefix that it has in a classifier.
    """
    for old, new in RENAMED.items():
        if name.endswith(old):
            name = name.removesuffix(old) + new
    for candidate in (name, f"{model.base_model_prefix}.{name}"):
        if candidate in expected:
            return candidate
    return None


def by_name_in_model(
    tensors: dict[str, torch.Tensor], skeleton: PreTrainedModel
) -> tuple[dict[str, torch.Tensor], list[str]]:
    """The tensors by their names in the model, and the names of those it has no place for."""
    expected = skeleton.state_dict().keys()
    buffers = dict(skeleton.named_buffers())
    named, unused = {}, []
    for name, value in tensors.items():
        in_model = _name_in_model(name, skeleton, expected)
        if in_model is not None:
            named[in_model] = value
        elif _name_in_model(name, skeleton, buffers) is None:  # else it is computed, not loaded
            unused.append(name)
    return named, sorted(unused)
