"""Pretrained encoders: bringing one into a folder that `from_pretrained` reads offline."""

import logging
from pathlib import Path
from typing import Any

from tunegrid.code import user_path
from tunegrid.errors import UserError
from tunegrid.files import sha256, write_json
from tunegrid.packages import package_file

#: What a model folder may hold. No pickled weights: unpickling executes code. No Python files.
PATTERNS = ("config.json", "*.safetensors", "*.safetensors.index.json", "tokenizer*", "vocab*")
PATTERNS += ("merges.txt", "special_tokens_map.json", "added_tokens.json", "spiece.model")
PATTERNS += ("sentencepiece*.model",)


def fetch_model(name: str, entry: dict[str, Any], output: Path) -> dict[str, Any]:
    """Put a catalogue entry's model into `output`, with model.json beside it.

    Files of a package or a folder are linked, not copied; those of a hub repository are
    downloaded at the pinned revision.

    Args:
        name: the model's name, for messages.
        entry: the catalogue entry (`ModelEntry.settings`).
        output: folder to fill.

    Returns:
        What model.json holds: the entry, the SHA-256 of every file and, of a hub's repository,
        the commit that its revision stood for.

    Raises:
        UserError: the source is not there, or holds no config or no safetensors weights.
    """
    output.mkdir(parents=True, exist_ok=True)
    commit = None
    if hub := entry.get("hub"):
        commit = _download(name, hub, output)
    else:
        package = entry.get("package")
        folder = entry["folder"]
        _link(name, package_file(package, folder) if package else user_path(folder), output)
    files = sorted(path.name for pattern in PATTERNS for path in output.glob(pattern))
    if "config.json" not in files or not any(file.endswith(".safetensors") for file in files):
        source = entry.get("hub", {}).get("repository") or entry["folder"]
        raise UserError(
            f"model {name!r}: {source} holds no config.json with *.safetensors weights"
            " (other formats are not loaded: they can execute code)"
        )
    card = {"model": name, "entry": entry, "files": {f: sha256(output / f) for f in files}}
    if commit:
        card["commit"] = commit
    write_json(output / "model.json", card)
    return card


def _link(name: str, folder: Path, output: Path) -> None:
    if not folder.is_dir():
        raise UserError(f"model {name!r}: no such folder: {folder}; correct its catalogue entry")
    for pattern in PATTERNS:
        for path in folder.glob(pattern):
            (output / path.name).unlink(missing_ok=True)
            (output / path.name).symlink_to(path.resolve())


def _download(name: str, hub: dict[str, Any], output: Path) -> str:
    # Not at the top: what is linked needs no hub, and jobs that only read models have none.
    from tunegrid.hub import download

    logging.info("downloading %s at %s", hub["repository"], hub["revision"])
    try:
        return download(hub["repository"], hub["revision"], PATTERNS, output)
    except UserError as error:
        raise UserError(f"model {name!r}: {error}") from None
