"""Pretrained encoders: bringing one into a folder that `from_pretrained` reads offline."""

import logging
import pickle
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tunegrid.errors import UserError
from tunegrid.files import sha256, write_json
from tunegrid.hub import download
from tunegrid.packages import package_file
from tunegrid.paths import user_path

#: What a model folder may hold. No pickled weights: unpickling may execute code. No Python files.
PATTERNS = ("config.json", "*.safetensors", "*.safetensors.index.json", "tokenizer*", "vocab*")
PATTERNS += ("merges.txt", "special_tokens_map.json", "added_tokens.json")
PATTERNS += ("spiece.model", "spm.model", "sentencepiece*.model")
#: Weights of older repositories: read as tensors alone, and kept as safetensors.
PICKLED = "pytorch_model.bin"


def fetch_model(name: str, entry: dict[str, Any], output: Path) -> dict[str, Any]:
    """Put a catalogue entry's model into `output`, with model.json beside it.

    Files of a package or a folder are linked, not copied; those of a hub repository are
    downloaded at the pinned revision.

    Args:
        name: the model's name, for messages.
        entry: the catalogue entry (`ModelEntry.settings`).
        output: folder to fill.

    Returns:
        What model.json holds: the entry, the SHA-256 of every file; of a hub's repository, the
        commit that its revision stood for; of converted weights, the SHA-256 of the file they
        came in.

    Raises:
        UserError: the source is not there, or holds no config or no weights that can be read
            without executing code.
    """
    output.mkdir(parents=True, exist_ok=True)
    card: dict[str, Any] = {"model": name, "entry": entry}
    if hub := entry.get("hub"):
        card["commit"] = _download(name, hub, PATTERNS, output)
    else:
        package = entry.get("package")
        folder = package_file(package, entry["folder"]) if package else user_path(entry["folder"])
        _link(name, folder, PATTERNS, output)
    if not any(output.glob("*.safetensors")):
        if hub:
            _download(name, hub | {"revision": card["commit"]}, [PICKLED], output)
        else:
            _link(name, folder, [PICKLED], output)
        if (output / PICKLED).exists():
            card["converted"] = {PICKLED: sha256(output / PICKLED)}
            _convert(name, output / PICKLED)
    files = sorted(path.name for pattern in PATTERNS for path in output.glob(pattern))
    if "config.json" not in files or not any(file.endswith(".safetensors") for file in files):
        source = entry.get("hub", {}).get("repository") or entry["folder"]
        raise UserError(
            f"model {name!r}: {source} holds no config.json with *.safetensors weights or {PICKLED}"
        )
    card["files"] = {f: sha256(output / f) for f in files}
    write_json(output / "model.json", card)
    return card


def _link(name: str, folder: Path, patterns: Iterable[str], output: Path) -> None:
    if not folder.is_dir():
        raise UserError(f"model {name!r}: no such folder: {folder}; correct its catalogue entry")
    for pattern in patterns:
        for path in folder.glob(pattern):
            (output / path.name).unlink(missing_ok=True)
            (output / path.name).symlink_to(path.resolve())


def _download(name: str, hub: dict[str, Any], patterns: Iterable[str], output: Path) -> str:
    logging.info("downloading %s at %s", hub["repository"], hub["revision"])
    try:
        return download(hub["repository"], hub["revision"], patterns, output)
    except UserError as error:
        raise UserError(f"model {name!r}: {error}") from None


def _convert(name: str, pickled: Path) -> None:
    """Write pickled weights as model.safetensors beside them, and take them away.

    Read by PyTorch's restricted unpickler, which builds tensors and refuses everything else
    (https://docs.pytorch.org/docs/stable/notes/serialization.html#weights-only).
    """
    import torch
    from safetensors.torch import save_file

    logging.info("%s: converting %s to safetensors", name, pickled.name)
    try:
        weights = torch.load(pickled, map_location="cpu", weights_only=True)
        # Clones: tied weights share their storage, which safetensors does not write.
        tensors = {key: value.clone().contiguous() for key, value in weights.items()}
    except (pickle.UnpicklingError, RuntimeError, EOFError, AttributeError, ValueError) as error:
        logging.info("%s: %s", type(error).__name__, error)
        raise UserError(
            f"model {name!r}: {pickled.name} is damaged or holds more than tensors, and is not"
            " loaded: it can execute code; save the model as safetensors"
        ) from None
    save_file(tensors, pickled.with_name("model.safetensors"), metadata={"format": "pt"})
    pickled.unlink()
