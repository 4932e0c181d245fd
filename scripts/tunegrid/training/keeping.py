"""Trained weights that are kept beside a run's numbers, as their own libraries load them."""

import shutil
from pathlib import Path

import torch
from safetensors.torch import save_file
from transformers import PreTrainedModel

from tunegrid.files import sha256
from tunegrid.methods import ADAPTER, in_head

#: Folders below a run's own.
ADAPTER_FOLDER, MODEL_FOLDER = "adapter", "model"


def keep_weights(model: PreTrainedModel, method: dict, output: Path) -> dict[str, str]:
    """Write what was trained: an adapter with its head into `adapter/`, else a whole `model/`.

    `adapter/` is what the adapters library's `save_adapter` writes, with the classification head
    as head.safetensors; `model/` is what `save_pretrained` writes.

    Returns:
        The SHA-256 of each file, by its path below `output`.
    """
    adapted = method["kind"] == "adapter"
    folder = output / (ADAPTER_FOLDER if adapted else MODEL_FOLDER)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    if adapted:
        model.save_adapter(str(folder), ADAPTER)
        save_file(_head(model), folder / "head.safetensors")
    else:
        model.save_pretrained(folder)
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(output)): sha256(path) for path in paths}


def _head(model: PreTrainedModel) -> dict[str, torch.Tensor]:
    return {
        name: value.contiguous().cpu()
        for name, value in model.state_dict().items()
        if in_head(model, name)
    }
