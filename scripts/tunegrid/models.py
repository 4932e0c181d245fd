"""Pretrained encoders: bringing one into a folder that `from_pretrained` reads offline."""

import logging
import pickle
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NotRequired, TypedDict

from tunegrid.config.catalogue import ModelEntry
from tunegrid.config.entries import Hub
from tunegrid.errors import UserError
from tunegrid.files import sha256, write_json
from tunegrid.hub import download
from tunegrid.model_addresses import bring_model, refuse_unused
from tunegrid.packages import package_file
from tunegrid.paths import user_path
from tunegrid.web import STORE
from tunegrid.weights_files import DamagedFileError, refuse_pointer, tensor_shapes

#: What a model folder may hold. No pickled weights, because unpickling may execute code, no Python
#: files, and no weights of other frameworks. The tokenizers' files are those that the classes of
#: transformers name (their `vocab_files_names`), but for pickles.
PATTERNS = (
    "config.json",
    "*.safetensors",
    "*.safetensors.index.json",
    "tokenizer*.json",
    "tokenizer*.model",
    "special_tokens_map.json",
    "added_tokens.json",
    "vocab*.json",
    "vocab*.txt",
    "*_vocab.json",
    "merges*.txt",
    "bpe.codes",
    "dict.txt",
    "sentencepiece*.model",
    "spiece*.model",
    "spm*.model",
    "*.spm",
    "byte_maps.json",
    "emoji.json",
    "normalizer.json",
    "prophetnet.tokenizer",
    "word_*.json",
)
#: Weights of older repositories: they are read as tensors alone, and kept as safetensors.
PICKLED = "pytorch_model.bin"


class FetchedModel(TypedDict):
    """What model.json says of a fetched model.

    Attributes:
        model: its name.
        entry: the keys of its catalogue entry that decide a result.
        files: the SHA-256 of every file in its folder.
        commit: the commit that the revision stood for, of a model of the hub.
        converted: the SHA-256 of the file that the weights came in, of pickled weights.
    """

    model: str
    entry: dict[str, Any]
    files: dict[str, str]
    commit: NotRequired[str]
    converted: NotRequired[dict[str, str]]


def fetch_model(name: str, entry: ModelEntry, output: Path) -> FetchedModel:
    """Put a catalogue entry's model into a folder, with model.json beside it.

    Files of a package or a folder are linked and not copied; those of a hub's repository are
    downloaded at the pinned revision, and those of addresses checked against their checksums.

    Args:
        name: the model's name, for messages.
        entry: its catalogue entry.
        output: folder to fill.

    Returns:
        What model.json says.

    Raises:
        UserError: the source is not there, holds no config or no weights that can be read
            without executing code, or a file of it is damaged or a Git LFS pointer.
    """
    output.mkdir(parents=True, exist_ok=True)
    commit = _bring(name, entry, PATTERNS, output)
    converted = None
    if not any(output.glob("*.safetensors")):
        _bring(name, _pinned(entry, commit), [PICKLED], output)
        pickled = output / PICKLED
        if pickled.exists():
            _refuse_pointers(name, entry, [pickled])
            converted = {PICKLED: sha256(pickled)}
            _convert(name, pickled)
    files = sorted({path.name for pattern in PATTERNS for path in output.glob(pattern)})
    if "config.json" not in files or not any(file.endswith(".safetensors") for file in files):
        source = entry.hub.repository if entry.hub else entry.folder
        if entry.url:
            source = f"what `url` names ({', '.join(entry.url)})"
        raise UserError(
            f"model {name!r}: {source} holds no config.json with *.safetensors weights or {PICKLED}"
        )
    _refuse_pointers(name, entry, [output / file for file in files])
    try:
        tensor_shapes(output)
    except DamagedFileError as error:
        raise UserError(_explain_damage(name, entry, error)) from None
    card: FetchedModel = {
        "model": name,
        "entry": entry.settings(),
        "files": {file: sha256(output / file) for file in files},
    }
    if commit:
        card["commit"] = commit
    if converted:
        card["converted"] = converted
    write_json(output / "model.json", card)
    return card


def _refuse_pointers(name: str, entry: ModelEntry, files: Iterable[Path]) -> None:
    try:
        for path in files:
            refuse_pointer(path)
    except DamagedFileError as error:
        raise UserError(_explain_damage(name, entry, error)) from None


def _explain_damage(name: str, entry: ModelEntry, error: DamagedFileError) -> str:
    """One line that names the model, the file, what is wrong, and what would be right."""
    if entry.hub:
        # What came is what the hub has: every file was held against its checksum.
        source = f"{entry.hub.repository} at {entry.hub.revision}"
        remedy = "pin another revision"
    elif entry.url:
        source = ", ".join(file.address for file in entry.url.values())
        remedy = "name addresses of whole files, with their checksums"
    elif entry.package:
        source = f"package {entry.package.name}"
        remedy = "install it again"
    else:
        source = f"{_source_folder(name, entry)}"
        remedy = "put the whole file there, and fetch again"
        if error.is_pointer:
            remedy = f"run `git lfs pull` in {source}, and fetch again"
    return f"model {name!r}: {source}: {error.name} {error.damage}; {remedy}"


def _bring(name: str, entry: ModelEntry, patterns: Sequence[str], output: Path) -> str | None:
    """Put the files that match into the folder; returns the commit, of a hub's repository."""
    if entry.hub:
        return _download(name, entry.hub, patterns, output)
    if entry.url:
        try:
            refuse_unused(entry, [*PATTERNS, PICKLED])
            bring_model(entry, patterns, output, output.parent / STORE)
        except UserError as error:
            raise UserError(f"model {name!r}: {error}") from None
        return None
    _link(name, _source_folder(name, entry), patterns, output)
    return None


def _source_folder(name: str, entry: ModelEntry) -> Path:
    """The folder of a model that no hub holds."""
    if entry.folder is None:
        raise ValueError(f"model {name!r} names no source")
    if entry.package:
        return package_file(entry.package, entry.folder)
    return user_path(entry.folder)


def _pinned(entry: ModelEntry, commit: str | None) -> ModelEntry:
    """The entry at this commit, so that all files are of one, though a branch may have moved on."""
    if entry.hub is None or commit is None:
        return entry
    return entry.model_copy(update={"hub": entry.hub.model_copy(update={"revision": commit})})


def _link(name: str, folder: Path, patterns: Iterable[str], output: Path) -> None:
    if not folder.is_dir():
        raise UserError(f"model {name!r}: no such folder: {folder}; correct its catalogue entry")
    for pattern in patterns:
        for path in folder.glob(pattern):
            (output / path.name).unlink(missing_ok=True)
            (output / path.name).symlink_to(path.resolve())


def _download(name: str, hub: Hub, patterns: Iterable[str], output: Path) -> str:
    logging.info("downloading %s at %s", hub.repository, hub.revision)
    try:
        return download(hub.repository, hub.revision, patterns, output)
    except UserError as error:
        raise UserError(f"model {name!r}: {error}") from None


def _convert(name: str, pickled: Path) -> None:
    """Write pickled weights as model.safetensors beside them, and take them away.

    They are read by PyTorch's restricted unpickler, which builds tensors and refuses everything
    else (https://docs.pytorch.org/docs/stable/notes/serialization.html#weights-only).
    """
    import torch
    from safetensors.torch import save_file

    logging.info("%s: converting %s to safetensors", name, pickled.name)
    try:
        weights = torch.load(pickled, map_location="cpu", weights_only=True)
        # Tied weights share their storage, which safetensors does not write, so each is cloned.
        tensors = {key: value.clone().contiguous() for key, value in weights.items()}
    except (pickle.UnpicklingError, RuntimeError, EOFError, AttributeError, ValueError) as error:
        logging.info("%s: %s", type(error).__name__, error)
        raise UserError(
            f"model {name!r}: {pickled.name} is damaged or holds more than tensors, and is not"
            " loaded: it can execute code; save the model as safetensors"
        ) from None
    save_file(tensors, pickled.with_name("model.safetensors"), metadata={"format": "pt"})
    pickled.unlink()
