"""Which model is meant: a fetched one, one of a package, a shape that ships, a config.json."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tunegrid.config.catalogue import Package
from tunegrid.errors import UserError
from tunegrid.packages import package_file
from tunegrid.paths import ROOT, user_path

if TYPE_CHECKING:
    from transformers import PretrainedConfig

SHAPES = ROOT / "config/shapes"


def shape_file(name: str, entry: dict[str, Any] | None) -> Path | None:
    """A model's config.json, as far as it is here; its weights are not needed.

    Args:
        name: a catalogue name, a folder or a file.
        entry: the catalogue entry, if there is one.
    """
    candidates = [Path("resources/models") / name]
    if entry and entry.get("folder"):
        package, folder = entry.get("package"), entry["folder"]
        if package:
            candidates.append(package_file(Package.model_validate(package), folder))
        else:
            candidates.append(user_path(folder))
    candidates += [SHAPES / f"{name}.json", Path(name)]
    for path in candidates:
        file = path / "config.json" if path.is_dir() else path
        if file.is_file():
            return file
    return None


def load_shape(name: str, entry: dict[str, Any] | None) -> PretrainedConfig:
    """The configuration of a model.

    Raises:
        UserError: it is not here, or is none of the Transformers library's.
    """
    path = shape_file(name, entry)
    if path is None:
        known = ", ".join(sorted(file.stem for file in SHAPES.glob("*.json")))
        raise UserError(
            f"--model: no shape of {name!r}: give a folder or file with its config.json, a fetched"
            f" model, or one of {known}"
        )
    from transformers import AutoConfig

    values = json.loads(path.read_text(encoding="utf-8"))
    try:
        return AutoConfig.for_model(**values)
    except (KeyError, ValueError, TypeError) as error:
        raise UserError(f"{path}: no model of the Transformers library: {error}") from None


def is_language_model(config: PretrainedConfig) -> bool:
    """Whether it predicts tokens, and takes no classifier here."""
    return any(name.endswith("ForCausalLM") for name in config.architectures or [])
