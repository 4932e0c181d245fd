"""Trained weights that are kept beside a run's results, as their own libraries load them."""

import shutil
from collections.abc import Callable
from pathlib import Path

from transformers import PreTrainedModel

from tunegrid.config.catalogue import MethodEntry
from tunegrid.files import sha256
from tunegrid.methods import ADAPTER

#: Folders below a run's own.
ADAPTER_FOLDER, MODEL_FOLDER = "adapter", "model"


def keep_weights(model: PreTrainedModel, method: MethodEntry, output: Path) -> dict[str, str]:
    """Write what was trained: an adapter with its head into `adapter/`, else a whole `model/`.

    Args:
        model: after training.
        method: the catalogue entry.
        output: the run's folder. `adapter/` in it is what the adapters library's `save_adapter`
            writes, `model/` what `save_pretrained` does; both as safetensors.

    Returns:
        The SHA-256 of each file, by its path below `output`.
    """
    for name in (ADAPTER_FOLDER, MODEL_FOLDER):
        shutil.rmtree(output / name, ignore_errors=True)
    if method.kind == "adapter":
        folder = output / ADAPTER_FOLDER
        folder.mkdir(parents=True)
        # `adapters.init` gave the model this method.
        save_adapter: Callable[..., None] = model.save_adapter  # type: ignore[assignment]
        save_adapter(str(folder), ADAPTER, with_head=True, use_safetensors=True)
    else:
        folder = output / MODEL_FOLDER
        model.save_pretrained(folder)
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(output)): sha256(path) for path in paths}
